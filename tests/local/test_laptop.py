"""The laptop cloud as a whole: it comes up, and nothing of it stays behind."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from local.laptop import LaptopError, running, start
from local.tools import ROOT

pytestmark = pytest.mark.cloud


def processes(state: Path) -> list[str]:
    """Command lines that name the folder: everything that the cloud started does."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(state) in line and entry.name != str(os.getpid()):
            found.append(line)
    return found


def test_it_comes_up_once_and_leaves_no_process_behind(tmp_path: Path) -> None:
    laptop = start(tmp_path)
    try:
        with urllib.request.urlopen(f"{laptop.gitlab}/-/health", timeout=5) as answer:
            assert answer.status == 200
        assert running(tmp_path) == laptop
        with pytest.raises(LaptopError, match="already"):
            start(tmp_path)
        assert laptop.environment()["AWS_ENDPOINT_URL"] == laptop.aws
    finally:
        laptop.stop()
    assert running(tmp_path) is None
    assert processes(tmp_path) == []


def test_a_process_that_got_the_number_of_one_of_ours_is_left_alone(tmp_path: Path) -> None:
    """After a restart of the machine the numbers in the file are other people's."""
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        laptop = start(tmp_path)
        laptop.stop()
        replace(laptop, pids=((stranger.pid, 1),)).stop()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_an_interrupted_demo_leaves_nothing_behind(tmp_path: Path) -> None:
    demo = subprocess.Popen(
        [sys.executable, "-m", "local.demo", "--keep", "--state", str(tmp_path / "demo")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert demo.stdout is not None
    with demo.stdout:
        assert "start AWS and GitLab" in demo.stdout.readline()
        assert len(processes(tmp_path)) >= 3
        time.sleep(2)  # well into the next steps
        os.killpg(demo.pid, signal.SIGINT)
        said = demo.stdout.read()
    assert demo.wait(timeout=60) == 130
    assert "interrupted" in said
    assert "Traceback" not in said
    assert processes(tmp_path) == []
