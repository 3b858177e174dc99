"""Python environments made by uv as an image installs its packages, each built once per machine.

The cache folder is shared by clouds that run at the same time: a file lock keeps two from building the same thing,
and what is half built never has its final name.
"""

import fcntl
import hashlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from local.aws import processes
from local.aws.logs import Sink, pump
from local.aws.processes import Child, Processes

_UV = Path(sys.executable).parent / "uv"
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE", "XDG_CACHE_HOME", "CC")
"""Of the cloud's own environment, what a build gets besides settings of uv, pip and proxies."""
_PASSED_ON_STARTS = ("UV_", "PIP_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")
_OF_THE_SCRIPT = ("training/lock.txt", "training/requirements.txt", "serving/requirements.txt")
"""What training/install.sh reads besides its arguments."""


class BuildError(Exception):
    """The environment cannot be built; the message says what to do."""


@dataclass(frozen=True)
class Install:
    """A command that installs packages, with paths in the build's context."""

    program: Literal["pip", "sh"]
    """`uv pip install`, or a shell that runs the first argument: the container's own script."""
    arguments: tuple[str, ...]


class Builder:
    """Makes environments below `cache`."""

    def __init__(self, cache: Path, processes: Processes) -> None:
        self._cache, self._processes = cache, processes

    def environment(
        self, context: Path, installs: Sequence[Install], log: Sink, watch: Callable[[Child], None]
    ) -> Path:
        """The environment that these make out of the files of `context`. Raises BuildError.

        `watch` gets each child that works on it, so that a build can be stopped.
        """
        target = self._cache / "environments" / environment_digest(context, installs)
        with building(target) as folder:
            if folder is None:
                log(f"environment {target.name[:12]} is cached")
            else:
                make = ["uv", "venv", "-q", "--relocatable", "--python", sys.executable, str(folder)]
                self._run(make, folder, context, log, watch)
                for one in installs:
                    self._install(one, folder, context, log, watch)
        return target

    def _install(self, one: Install, folder: Path, context: Path, log: Sink, watch: Callable[[Child], None]) -> None:
        command = ["sh", *one.arguments] if one.program == "sh" else ["uv", "pip", "install", *one.arguments]
        try:
            self._run(command, folder, context, log, watch)
        except BuildError as error:
            if not any(shutil.which(name) for name in ("cc", "gcc", "clang")):
                raise BuildError(f"{error}; this machine has no C compiler: apt-get install gcc") from None
            raise

    def _run(self, command: Sequence[str], folder: Path, cwd: Path, log: Sink, watch: Callable[[Child], None]) -> None:
        env = {k: v for k, v in os.environ.items() if k in _PASSED_ON or k.upper().startswith(_PASSED_ON_STARTS)}
        env.setdefault("UV_COMPILE_BYTECODE", "1")
        env |= {"VIRTUAL_ENV": str(folder), "PATH": f"{_UV.parent}{os.pathsep}{env.get('PATH', '')}"}
        try:
            child = self._processes.start(["/usr/bin/env", *command], env=env, cwd=cwd)
        except OSError as error:
            raise BuildError(f"{command[0]} can't be started: {error}") from None
        watch(child)
        assert child.stdout is not None
        reader = pump(child.stdout, log)
        child.wait()
        processes.signal_group(child, signal.SIGKILL)
        reader.join(10)
        if child.returncode:
            raise BuildError(
                f"{' '.join(command[:3])} failed with exit code {processes.exit_code(child)}, see the log above"
            )


def environment_digest(context: Path, installs: Sequence[Install]) -> str:
    """What decides an environment: Python, the commands, the files that they name, and the whole context where these
    refer to others, or name a folder."""
    digest = hashlib.sha256(sys.version.encode())
    digest.update(str(Path(sys.base_prefix)).encode())
    for one in installs:
        digest.update(f"\0\0{one.program}".encode())
        for argument in (*one.arguments, *(_OF_THE_SCRIPT if one.program == "sh" else ())):
            file = context / argument
            text = file.read_text("utf-8", "replace") if file.is_file() else ""
            digest.update(f"\0{argument}\0{text}".encode())
            if file.is_dir() or any(_refers_to_file(line.strip()) for line in text.splitlines()):
                digest.update(_content(context).encode())
    return digest.hexdigest()


def _content(folder: Path) -> str:
    whole = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        whole.update(f"{file.relative_to(folder)}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()


def _refers_to_file(line: str) -> bool:
    return (
        line.startswith(("-r", "-c", "-e", "--requirement", "--constraint", "--editable", ".", "/")) or "file:" in line
    )


@contextmanager
def building(target: Path) -> Iterator[Path | None]:
    """A temporary folder that becomes `target` when the block ends well; None where `target` is there already."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / f".{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if target.exists():
            yield None
            return
        for left in target.parent.glob(f".{target.name[:12]}-*"):  # by a cloud that was killed while it built
            shutil.rmtree(left, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name[:12]}-", dir=target.parent))
        folder.chmod(0o755)
        try:
            yield folder
            folder.rename(target)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
