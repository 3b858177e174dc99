"""``python -m local.gitlab``."""

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import requests

from tests.local.gitlab.support import TOKEN

ROOT = Path(__file__).parents[3]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start(port: int, state: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "local.gitlab", "--port", str(port), "--state", str(state), "--token", TOKEN]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if requests.get(f"http://127.0.0.1:{port}/-/health", timeout=1).ok:
                return process
        except requests.ConnectionError:
            time.sleep(0.05)
    process.kill()
    raise TimeoutError("the stand-in did not answer within 30 s")


def test_it_serves_stops_cleanly_and_remembers(tmp_path: Path) -> None:
    port, headers = _free_port(), {"PRIVATE-TOKEN": TOKEN}
    api = f"http://127.0.0.1:{port}/api/v4/projects"
    for number, stop in enumerate((signal.SIGTERM, signal.SIGINT), 1):
        process = _start(port, tmp_path / "state")
        try:
            made = requests.post(api, headers=headers, data={"name": f"p{number}"}, timeout=10).json()
            listed = requests.get(api, headers=headers, timeout=10).json()
        finally:
            process.send_signal(stop)
            code = process.wait(timeout=10)
        assert code == 0
        assert made["http_url_to_repo"] == f"http://127.0.0.1:{port}/mergemaker-bot/p{number}.git"
        assert len(listed) == number
    log = (tmp_path / "state" / "gitlab.log").read_text()
    assert "POST /api/v4/projects 201" in log
    assert TOKEN not in log
