"""The laptop cloud as a whole: AWS, GitLab and GitLab's runner, three processes that live in one folder."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path

from local.tools import ROOT, tool_path

ACCOUNT, REGION = "000000000000", "us-east-1"
START_SECONDS = 60
STOP_SECONDS = 20


class LaptopError(Exception):
    """The laptop cloud can't do what was asked; the message says what to do."""


@dataclass(frozen=True)
class Laptop:
    """A laptop cloud that runs, or did until it was stopped."""

    state: Path
    aws: str
    gitlab: str
    token: str
    """GitLab's access token of the stand-in's one user."""
    pids: tuple[tuple[int, int], ...]
    """Of its processes, each with the moment when it began: a number alone may be another process's by now."""

    def environment(self) -> dict[str, str]:
        """What points any client of AWS or GitLab here."""
        return {
            "AWS_ENDPOINT_URL": self.aws,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "GITLAB_URL": self.gitlab,
            "GITLAB_TOKEN": self.token,
        }

    def stop(self) -> None:
        """Ends what was started, and all that those started; once more is no harm."""
        ours = [pid for pid, began in self.pids if _began(pid) == began]
        for pid in ours:
            _signal_group(pid, signal.SIGTERM)
        end = time.monotonic() + STOP_SECONDS
        while any(_began(pid) for pid in ours) and time.monotonic() < end:
            time.sleep(0.05)
        for pid in ours:
            _signal_group(pid, signal.SIGKILL)
        _file(self.state).unlink(missing_ok=True)


def start(state: Path, cache: Path | None = None) -> Laptop:
    """Starts everything on free ports of 127.0.0.1. Raises LaptopError if something does not come up."""
    state = state.resolve()
    if running(state):
        raise LaptopError(f"a laptop cloud runs in {state} already: `mergemaker local down` stops it")
    state.mkdir(parents=True, exist_ok=True)
    cache = cache or Path(os.environ.get("MERGEMAKER_CACHE", ROOT / ".local" / "cache"))
    aws, gitlab, token = _free_port(), _free_port(), f"glpat-{secrets.token_hex(10)}"
    aws_url, gitlab_url = f"http://127.0.0.1:{aws}", f"http://127.0.0.1:{gitlab}"
    started: list[int] = []
    try:
        started.append(_spawn("aws", state, "--port", str(aws), "--cache", str(cache), "--region", REGION))
        started.append(_spawn("gitlab", state, "--port", str(gitlab), "--token", token))
        _wait(f"{aws_url}/_ministack/health", started[0], state / "aws.log")
        _wait(f"{gitlab_url}/-/health", started[1], state / "gitlab.log")
        started.append(_spawn("runner", state, "--gitlab", gitlab_url, "--token", token, aws=aws_url))
    except BaseException:
        for pid in started:
            _signal_group(pid, signal.SIGTERM)
        raise
    laptop = Laptop(state, aws_url, gitlab_url, token, tuple((pid, _began(pid) or 0) for pid in started))
    file = _file(state)
    file.touch(mode=0o600)
    file.write_text(json.dumps({**asdict(laptop), "state": str(state)}))
    return laptop


def running(state: Path) -> Laptop | None:
    """The laptop cloud that runs in `state`, if one does."""
    try:
        said = json.loads(_file(state.resolve()).read_text())
        laptop = Laptop(
            **{**said, "state": Path(said["state"]), "pids": tuple((pid, began) for pid, began in said["pids"])}
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return laptop if any(_began(pid) == began for pid, began in laptop.pids) else None


def reset(state: Path) -> None:
    """Stops it and forgets all that it kept; the cache of built environments stays."""
    laptop = running(state)
    if laptop:
        laptop.stop()
    shutil.rmtree(state, ignore_errors=True)


def _spawn(part: str, state: Path, *words: str, aws: str | None = None) -> int:
    """The process's pid. It has a session of its own: Ctrl-C at the terminal reaches who started it, who then stops it
    in order, or, for `mergemaker local up`, lets it live on."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "GITLAB_"))}
    environment |= {"PATH": tool_path(), "PYTHONPATH": str(ROOT)}
    if aws:
        environment |= {"AWS_ENDPOINT_URL": aws, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
    out = os.open(state / f"{part}.out", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    try:
        return os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", f"local.{part}", "--state", str(state), *words],
            environment,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, nothing, 0),
                (os.POSIX_SPAWN_DUP2, out, 1),
                (os.POSIX_SPAWN_DUP2, out, 2),
            ],
            setsid=True,
        )
    finally:
        os.close(out)
        os.close(nothing)


def _wait(url: str, pid: int, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and _began(pid):
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - on this machine
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise LaptopError(f"{url} does not answer: see {log} and {log.with_suffix('.out').name} beside it")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _file(state: Path) -> Path:
    return state / "laptop.json"


def _began(pid: int) -> int | None:
    """When a process began, in the kernel's ticks; None if it has ended, also if nobody has waited for it yet."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        # The name, in brackets, may hold anything; fields 3 (state) and 22 (start time) follow it.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return
