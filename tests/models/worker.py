"""Works in a model's own environment, so that its libraries are imported once: a line of JSON is a task, or its answer.

python tests/models/worker.py
"""

import contextlib
import io
import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any


def run(task: dict[str, Any]) -> dict[str, Any]:
    """A script as a program; what it prints, and what it ends with if it fails."""
    sys.argv = [task["script"], *task["arguments"]]
    before, failed = dict(os.environ), None
    os.environ.update(task["environment"])
    with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.chdir(task["folder"]):
        try:
            runpy.run_path(task["script"], run_name="__main__")
        except SystemExit as end:
            failed = str(end)
    for name in task["environment"]:
        del os.environ[name]
    os.environ.update(before)
    return {"printed": printed.getvalue(), "failed": failed}


def ask(task: dict[str, Any]) -> dict[str, Any]:
    """What an endpoint of a model's folder answers."""
    from serving.app import create_app

    client = create_app(Path(task["model"])).test_client()
    response = client.post("/invocations", data=task["body"], content_type=task["type"])
    return {"status": response.status_code, "json": response.json}


def predict(task: dict[str, Any]) -> dict[str, Any]:
    """What the model itself says of rows, without serving."""
    import joblib
    import pandas

    model = joblib.load(Path(task["model"]) / "model.joblib")
    rows = pandas.DataFrame(task["rows"], columns=task["columns"])
    if task["probability"]:
        return {"predictions": model.predict_proba(rows)[:, 1].tolist()}
    return {"predictions": model.predict(rows).tolist()}


def main() -> None:
    tasks = {"run": run, "ask": ask, "predict": predict}
    answers = sys.stdout
    for line in sys.stdin:
        task = json.loads(line)
        answers.write(json.dumps(tasks[task["do"]](task)) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
