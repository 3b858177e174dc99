"""The process itself: one port on loopback, and nothing left behind."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.local.aws.helpers import ROOT, client, free_port, new_role, start_cloud, wait_for

pytestmark = pytest.mark.cloud


def descendants(pid: int) -> set[int]:
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found |= {child} | descendants(child)
    return found


def runs(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


LAMBDA = "import time\ndef handler(event, context):\n    return {'ok': True}\n"


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="reads children from Linux's /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_cloud_with_all_its_children(
    tmp_path: Path, number: signal.Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    process, port = start_cloud(tmp_path)
    functions = client("lambda", port)
    role = new_role(client("iam", port), "any", "lambda")
    code: Any = {"ZipFile": _zip("index.py", LAMBDA)}
    functions.create_function(FunctionName="f", Runtime="python3.11", Role=role, Handler="index.handler", Code=code)
    wait_for(lambda: functions.get_function(FunctionName="f")["Configuration"]["State"] == "Active")
    functions.invoke(FunctionName="f")
    children = wait_for(lambda: descendants(process.pid))
    process.send_signal(number)
    assert process.wait(15) == 0
    assert not [pid for pid in children if runs(pid)]
    assert (tmp_path / "aws.log").stat().st_size > 0
    assert not (tmp_path / "tmp").exists()
    assert capfd.readouterr() == ("", "")


def _zip(name: str, text: str) -> bytes:
    import io
    import zipfile

    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(name, text)
    return content.getvalue()


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = str(taken.getsockname()[1])
        command = [
            sys.executable,
            "-m",
            "local.aws",
            "--port",
            port,
            "--state",
            str(tmp_path),
            "--cache",
            str(tmp_path),
        ]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"port {port} cannot be used" in done.stderr


def test_another_region_is_refused_with_the_one_that_is_here(aws: Any) -> None:
    with pytest.raises(Exception, match="us-east-1 only"):
        client("sagemaker", aws.port, region="eu-west-1").list_models()


def test_a_call_that_is_not_built_is_named(aws: Any) -> None:
    with pytest.raises(Exception, match="has no ListNotebookInstances"):
        aws.sagemaker.list_notebook_instances()
