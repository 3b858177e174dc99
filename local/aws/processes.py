"""Child processes, each in a group of its own, none of which outlives the cloud."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

Child = subprocess.Popen[bytes]


class Processes:
    """The children that run now."""

    def __init__(self) -> None:
        self._children: set[Child] = set()
        self._lock = threading.Lock()
        self._closed = False

    def start(self, command: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> Child:
        """Starts a child whose output, errors included, is read from its ``stdout``. Raises OSError as Popen does."""
        with self._lock:
            if self._closed:
                raise OSError("the laptop cloud is shutting down")
            child = subprocess.Popen(
                list(command),
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._children = {c for c in self._children if c.poll() is None} | {child}
        return child

    def stop_all(self, grace: float = 2.0) -> None:
        """For the end of the cloud: no child starts after this."""
        with self._lock:
            self._closed = True
            children = list(self._children)
        for child in children:
            signal_group(child, signal.SIGTERM)
        deadline = time.monotonic() + grace
        for child in children:
            wait(child, max(0.0, deadline - time.monotonic()))
            signal_group(child, signal.SIGKILL)


def stop(child: Child, grace: float) -> None:
    """SIGTERM to the whole group, and SIGKILL to what is left of it after `grace` seconds."""
    signal_group(child, signal.SIGTERM)
    wait(child, grace)
    signal_group(child, signal.SIGKILL)
    wait(child, 10.0)


def signal_group(child: Child, number: signal.Signals) -> None:
    """The group, not the child: workers that a child left behind still belong to it."""
    try:
        os.killpg(child.pid, number)
    except (ProcessLookupError, PermissionError):
        return


def wait(child: Child, seconds: float) -> bool:
    """Whether the child ended within `seconds`."""
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def exit_code(child: Child) -> int:
    """As a shell and Docker count: a child that died of a signal gives 128 and the signal's number."""
    code = child.returncode
    return code if code >= 0 else 128 - code


def kill_own_children(grace: float = 2.0) -> None:
    """Ends what others in this process started, such as MiniStack's Lambda workers."""
    pids = _own_children()
    for pid in pids:
        _signal(pid, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while time.monotonic() < deadline and any(_runs(pid) for pid in pids):
        time.sleep(0.02)
    for pid in pids:
        _signal(pid, signal.SIGKILL)


def _own_children() -> list[int]:
    found: set[int] = set()
    for task in Path("/proc/self/task").glob("*/children"):
        try:
            found.update(int(pid) for pid in task.read_text().split())
        except OSError:  # the thread ended meanwhile
            continue
    return sorted(found)


def _runs(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG) == (0, 0)
    except ChildProcessError:
        return False


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
