"""The process that a container runs: `serve`, with a real port and real signals."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
SERVE = REPO / "serving" / "bin" / "serve"

INFERENCE = """
import os, time

def model_fn(model_dir):
    return None

def predict_fn(data, model):
    if data[0, 0] == 13:
        os._exit(1)
    time.sleep(data[0, 0])
    return data[:, 1]
"""

Answer = tuple[int, bytes]


class Server:
    """A server under test, and the port that it was given."""

    def __init__(self, base: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = base / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [SERVE], env=self._environment(base), stdout=log, stderr=log, cwd=base, start_new_session=True
            )

    def _environment(self, base: Path) -> dict[str, str]:
        return {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(REPO),
            "MERGEMAKER_BIND_HOST": "127.0.0.1",
            "SAGEMAKER_BIND_TO_PORT": str(self.port),
            "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
            "SAGEMAKER_BASE_DIR": str(base),
        }

    def ask(self, method: str, path: str, body: bytes | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, {"Content-Type": "text/csv"})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def wait(self, status: int) -> bytes:
        """The body of the first ping with this status. Raises AssertionError with the log after 30 s."""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                found, body = self.ask("GET", "/ping")
            except OSError:
                time.sleep(0.05)
                continue
            if found == status:
                return body
        raise AssertionError(self.log.read_text())

    def lines(self) -> list[dict[str, object]]:
        """The log; raises ValueError where a line is no JSON."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Server]]:
    started: list[Server] = []

    def launch(inference: str) -> Server:
        (tmp_path / "model" / "code").mkdir(parents=True)
        (tmp_path / "model" / "code" / "inference.py").write_text(inference)
        started.append(Server(tmp_path))
        return started[-1]

    yield launch
    for server in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.process.pid, signal.SIGKILL)  # its workers, too
        server.process.wait()


def test_sigterm_lets_the_request_under_way_finish(start: Callable[[str], Server]) -> None:
    server = start(INFERENCE)
    server.wait(200)

    with ThreadPoolExecutor() as pool:
        slow = pool.submit(server.ask, "POST", "/invocations", b"1.5,7")
        time.sleep(0.5)
        server.process.send_signal(signal.SIGTERM)
        answer = slow.result()

    assert answer == (200, b'{"predictions":[7.0]}')
    assert server.process.wait(timeout=10) == 0
    request = next(line for line in server.lines() if line["message"] == "request")
    assert (request["path"], request["status"]) == ("/invocations", 200)
    assert isinstance(request["latency_ms"], float)
    assert request["latency_ms"] > 1500


def test_a_body_without_a_stated_length_is_measured_too(start: Callable[[str], Server]) -> None:
    server = start(INFERENCE)
    server.wait(200)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request(
        "POST",
        "/invocations",
        (b"0,1\n" * 100_000 for _ in range(16)),
        {"Content-Type": "text/csv"},
        encode_chunked=True,
    )

    assert connection.getresponse().status == 413
    connection.close()


def test_a_worker_that_dies_of_a_request_is_replaced(start: Callable[[str], Server]) -> None:
    server = start(INFERENCE)
    server.wait(200)

    with pytest.raises((OSError, http.client.HTTPException)):
        server.ask("POST", "/invocations", b"13,1")

    server.wait(200)
    assert server.ask("POST", "/invocations", b"0,1") == (200, b'{"predictions":[1.0]}')


def test_a_broken_model_is_told_by_ping_and_in_the_log(start: Callable[[str], Server]) -> None:
    server = start("def model_fn(model_dir):\n    raise ValueError('trained by another version')\n")

    body = json.loads(server.wait(503))

    assert body["error"] == "the model could not be loaded: ValueError: trained by another version"
    failure = next(line for line in server.lines() if line["message"] == "the model could not be loaded")
    assert "in model_fn" in str(failure["traceback"])


def test_sigterm_while_the_model_loads_stops_at_once(start: Callable[[str], Server]) -> None:
    server = start("import pathlib, time\npathlib.Path('loading').touch()\ntime.sleep(60)\n")
    end = time.monotonic() + 30
    while not (server.log.parent / "loading").exists() and time.monotonic() < end:
        time.sleep(0.05)

    server.process.send_signal(signal.SIGTERM)

    assert server.process.wait(timeout=10) == 0


def test_a_port_that_is_no_number_is_one_clear_line() -> None:
    environment = {**os.environ, "PYTHONPATH": str(REPO), "SAGEMAKER_BIND_TO_PORT": "http"}
    result = subprocess.run(
        [sys.executable, "-m", "serving"], env=environment, capture_output=True, text=True, check=False
    )

    assert result.returncode == 1
    assert result.stderr == (
        "serving: SAGEMAKER_BIND_TO_PORT and SAGEMAKER_MODEL_SERVER_WORKERS must be numbers: "
        "invalid literal for int() with base 10: 'http'\n"
    )
