"""SageMaker's hooks, each alone and all together, and what happens when they fail."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from serving.app import create_app
from serving.logs import JsonLines

Serve = Callable[..., FlaskClient]


def ask(
    client: FlaskClient, body: bytes = b"1,2,3", content_type: str = "text/csv", accept: str = "*/*"
) -> TestResponse:
    return client.post("/invocations", data=body, content_type=content_type, headers={"Accept": accept})


def test_ping_is_200_once_the_model_is_loaded(client: FlaskClient) -> None:
    response = client.get("/ping")

    assert (response.status_code, response.json) == (200, {"status": "ok"})


def test_model_fn_gets_the_models_folder_as_a_string(serve: Serve, model_dir: Path) -> None:
    client = serve(
        "def model_fn(model_dir):\n    return model_dir\n"
        "def predict_fn(data, model):\n    return [model, type(model).__name__]\n"
    )

    assert ask(client).json == {"predictions": [str(model_dir), "str"]}


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [("text/csv", "str"), ("application/json", "str"), ("image/png", "bytes"), ("application/x-npy", "bytes")],
)
def test_input_fn_gets_text_as_str_and_all_else_as_bytes(serve: Serve, content_type: str, kind: str) -> None:
    client = serve(
        "def input_fn(request_body, content_type):\n"
        "    return [type(request_body).__name__, content_type]\n"
        "def predict_fn(data, model):\n    return data\n"
    )

    assert ask(client, content_type=content_type).json == {"predictions": [kind, content_type]}


def test_input_fn_may_take_a_type_that_serving_does_not_know(serve: Serve) -> None:
    client = serve(
        "import numpy as np\n"
        "def input_fn(request_body, content_type):\n"
        "    assert content_type == 'text/tab-separated-values'\n"
        "    return np.array([[float(cell) for cell in request_body.split(b'\\t')]])\n"
    )

    assert ask(client, b"1\t2\t3", "text/tab-separated-values").json == {"predictions": [123]}


def test_predict_fn_gets_the_decoded_array_and_the_model(serve: Serve) -> None:
    client = serve("def predict_fn(data, model):\n    return model.predict(data * 2).tolist() + list(data.shape)\n")

    assert ask(client, b"1,2,3\n4,5,6").json == {"predictions": [246, 912, 2, 3]}


@pytest.mark.parametrize(
    ("accept", "given"),
    [("*/*", "application/json"), ("", "application/json"), ("text/csv", "text/csv"), ("image/png", "image/png")],
)
def test_output_fn_is_asked_for_what_the_client_accepts(serve: Serve, accept: str, given: str) -> None:
    client = serve("def output_fn(prediction, accept):\n    return f'{accept} {prediction[0]:g}'\n")

    response = ask(client, accept=accept)

    assert (response.mimetype, response.text) == (given, f"{given} 123")


@pytest.mark.parametrize(
    ("returned", "content_type", "body"),
    [
        ("'text'", "application/json", b"text"),
        ("b'bytes'", "application/json", b"bytes"),
        ("('<b>', 'text/html')", "text/html", b"<b>"),
        ("{'score': prediction}", "application/json", b'{"score":[123.0]}'),
        ("__import__('flask').Response('own', 201, mimetype='text/plain')", "text/plain", b"own"),
    ],
)
def test_output_fn_may_return_a_body_a_pair_an_object_or_a_response(
    serve: Serve, returned: str, content_type: str, body: bytes
) -> None:
    client = serve(f"def output_fn(prediction, accept):\n    return {returned}\n")

    response = ask(client)

    assert (response.mimetype, response.data) == (content_type, body)


def test_transform_fn_does_everything(serve: Serve) -> None:
    client = serve(
        "def transform_fn(model, request_body, content_type, accept):\n"
        "    return f'{model.coef_[0]:g} {request_body} {content_type} {accept}', 'text/plain'\n"
    )

    response = ask(client, accept="text/csv")

    assert (response.mimetype, response.text) == ("text/plain", "100 1,2,3 text/csv text/csv")


def test_helpers_beside_inference_can_be_imported(
    serve: Serve, model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(model_dir / "code"))
    (model_dir / "code").mkdir()
    (model_dir / "code" / "helper_of_this_test.py").write_text("FACTOR = 2\n")
    (model_dir / "code" / "inference.py").write_text(
        "from helper_of_this_test import FACTOR\n"
        "def predict_fn(data, model):\n    return model.predict(data) * FACTOR\n"
    )

    assert ask(create_app(model_dir).test_client()).json == {"predictions": [246]}


def test_a_pickled_class_is_found_beside_the_model_without_an_inference_file(
    model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    (model_dir / "code").mkdir()
    (model_dir / "code" / "pickled_in_this_test.py").write_text(
        "class Halved:\n    def predict(self, rows):\n        return rows.sum(axis=1) / 2\n"
    )
    script = "import joblib, pickled_in_this_test as own, sys; joblib.dump(own.Halved(), sys.argv[1])"
    environment = {**os.environ, "PYTHONPATH": str(model_dir / "code")}
    subprocess.run([sys.executable, "-c", script, model_dir / "model.joblib"], env=environment, check=True)

    assert ask(create_app(model_dir).test_client()).json == {"predictions": [3]}


@pytest.mark.parametrize(
    ("prediction", "accept", "body"),
    [
        ("np.array([[1, 2], [3, 4]])", "application/json", b'{"predictions":[[1,2],[3,4]]}'),
        ("np.array([[1, 2], [3, 4]])", "text/csv", b"1,2\n3,4\n"),
        ("np.float32(0.5)", "application/json", b'{"predictions":[0.5]}'),
        ("np.array([1.5, np.nan, np.inf])", "application/json", b'{"predictions":[1.5,null,null]}'),
        ("[np.float64('nan'), {'p': np.nan}]", "application/json", b'{"predictions":[null,{"p":null}]}'),
        ("{'label': np.int64(3)}", "application/json", b'{"label":3}'),
        ("np.array(['no', 'yes, it is'], dtype=object)", "text/csv", b'no\n"yes, it is"\n'),
        ("np.array(['caf\\u00e9'])", "application/json", '{"predictions":["café"]}'.encode()),
    ],
)
def test_predictions_of_many_kinds_are_written(serve: Serve, prediction: str, accept: str, body: bytes) -> None:
    client = serve(f"import numpy as np\ndef predict_fn(data, model):\n    return {prediction}\n")

    response = ask(client, accept=accept)

    assert (response.status_code, response.data) == (200, body)


@pytest.mark.parametrize(
    ("prediction", "accept"),
    [("{'a': 1}", "text/csv"), ("[[1], [2, 3]]", "application/x-npy"), ("np.zeros((2, 2, 2))", "text/csv")],
)
def test_a_prediction_without_a_form_in_the_accepted_type_is_406(serve: Serve, prediction: str, accept: str) -> None:
    client = serve(f"import numpy as np\ndef predict_fn(data, model):\n    return {prediction}\n")

    response = ask(client, accept=accept)

    assert response.status_code == 406
    assert response.json == {"error": f"the prediction has no form in {accept}", "expected": "Accept: application/json"}


@pytest.mark.parametrize(
    "hook", ["input_fn(request_body, content_type)", "predict_fn(data, model)", "output_fn(p, accept)"]
)
@pytest.mark.parametrize(
    "failure", ["raise KeyError('age')", "import sys; sys.exit('age')", "raise RecursionError('age')"]
)
def test_a_hook_that_fails_is_500_without_a_traceback_and_the_log_has_it(
    serve: Serve, hook: str, failure: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = serve(f"def {hook}:\n    if True: {failure}\n")

    with caplog.at_level(logging.ERROR, "serving"):
        response = ask(client)

    assert response.status_code == 500
    assert response.json is not None
    assert response.json["error"].startswith(f"{hook.partition('(')[0]} failed: ")
    assert "age" in response.json["error"]
    assert "inference.py" not in response.text
    assert "inference.py" in caplog.text
    assert client.get("/ping").status_code == 200


def test_a_predict_fn_that_makes_its_own_columns_is_not_refused(serve: Serve) -> None:
    client = serve(
        "import numpy as np\n"
        "def predict_fn(data, model):\n    return model.predict(np.hstack([data, data[:, :1] + data[:, 1:]]))\n"
    )

    assert ask(client, b"1,2").json == {"predictions": [123]}
    assert ask(client, b"1,2,3").status_code == 500


@pytest.mark.parametrize(
    ("inference", "reason"),
    [
        ("import nosuchmodule", "ModuleNotFoundError: No module named 'nosuchmodule'"),
        ("def model_fn(model_dir)", "SyntaxError: expected ':' (inference.py, line 1)"),
        ("def model_fn(model_dir):\n    raise ValueError('wrong version')", "ValueError: wrong version"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        (
            "def transform_fn(m, b, c, a): ...\ndef predict_fn(d, m): ...",
            "ValueError: inference.py defines transform_fn, which replaces predict_fn: keep one kind",
        ),
    ],
)
def test_a_model_that_does_not_load_is_503_with_its_reason(
    serve: Serve, inference: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = serve(inference)

    for response in (client.get("/ping"), ask(client)):
        assert response.status_code == 503
        assert response.json == {
            "error": f"the model could not be loaded: {reason}",
            "expected": "a model: see the log for the traceback",
        }
    assert "Traceback" in caplog.text


@pytest.mark.parametrize(("files", "found"), [((), "none"), (("a.joblib", "b.joblib"), "a.joblib, b.joblib")])
def test_without_model_fn_there_must_be_one_joblib_file(tmp_path: Path, files: tuple[str, ...], found: str) -> None:
    for file in files:
        (tmp_path / file).touch()

    response = create_app(tmp_path).test_client().get("/ping")

    assert response.status_code == 503
    assert f"one *.joblib file is expected in the model's folder, found {found}" in response.text


def test_every_request_is_one_line_of_json_with_its_latency(client: FlaskClient) -> None:
    lines: list[str] = []
    handler = logging.Handler()
    handler.setFormatter(JsonLines())
    handler.emit = lambda record: lines.append(handler.format(record))  # type: ignore[method-assign]
    log = logging.getLogger("serving")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        ask(client)
        ask(client, b"x\ny")
        client.get("/ping")
    finally:
        log.removeHandler(handler)
        log.setLevel(logging.NOTSET)

    first, second = map(json.loads, lines)
    assert first["latency_ms"] > 0
    assert {key: first[key] for key in ("message", "path", "status", "bytes_in", "content_type", "bytes_out")} == {
        "message": "request",
        "path": "/invocations",
        "status": 200,
        "bytes_in": 5,
        "content_type": "text/csv",
        "bytes_out": 23,
    }
    assert second["status"] == 400
