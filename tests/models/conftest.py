"""Environments of models, made once a machine, and workers in them."""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")


class Worker:
    """A process in a model's environment that does one task after the other."""

    def __init__(self, python: Path) -> None:
        self.python = python
        self._process = subprocess.Popen(
            [python, "-W", "error", Path(__file__).with_name("worker.py")],
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def do(self, what: str, **task: object) -> dict[str, Any]:
        """Its answer. Raises AssertionError where it died of the task: standard error has the traceback."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"do": what, **task}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the worker ended with {self._process.wait(10)}"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def run(self, script: Path, *arguments: object, folder: Path = ROOT, **environment: object) -> str:
        """What a script prints that does not fail, run in `folder`."""
        answer = self.tried(script, *arguments, folder=folder, **environment)
        assert answer["failed"] is None
        return str(answer["printed"])

    def tried(self, script: Path, *arguments: object, folder: Path = ROOT, **environment: object) -> dict[str, Any]:
        """What a script prints, and what it says if it fails."""
        return self.do(
            "run",
            script=str(script),
            arguments=[str(one) for one in arguments],
            folder=str(folder),
            environment={name: str(value) for name, value in environment.items()},
        )

    def stop(self) -> None:
        with self._process:
            assert self._process.stdin
            self._process.stdin.close()


@pytest.fixture(scope="session")
def worker() -> Iterator[Callable[[Path], Worker]]:
    """The worker of a requirements file; the same for files that say the same."""
    workers: dict[str, Worker] = {}

    def of(requirements: Path) -> Worker:
        text = requirements.read_text()
        if text not in workers:
            workers[text] = Worker(_python(requirements))
        return workers[text]

    yield of
    for one in workers.values():
        one.stop()


def _python(requirements: Path) -> Path:
    """Of an environment with what the model and serving need; this very one where it has it."""
    if all(_is_here(line) for line in requirements.read_text().splitlines() if line and not line.startswith("#")):
        return Path(sys.executable)
    files = (requirements, ROOT / "serving" / "requirements.txt")
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files) + sys.version.encode()).hexdigest()[:16]
    cache = Path(os.environ.get("MERGEMAKER_CACHE") or ROOT / ".local" / "cache")
    folder = cache / "tests" / f"model-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    python = folder / "venv" / "bin" / "python"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            named = [word for file in files for word in ("-r", str(file))]
            subprocess.run([UV, "venv", "-q", "--clear", "-p", sys.executable, folder / "venv"], check=True)
            subprocess.run([UV, "pip", "install", "-q", "--python", python, *named], check=True)
            (folder / "complete").touch()
    return python


def _is_here(pinned: str) -> bool:
    package, _, version = pinned.partition("==")
    try:
        return metadata.version(package) == version
    except metadata.PackageNotFoundError:
        return False
