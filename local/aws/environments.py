"""Python environments made by uv from requirements files, each built once per machine.

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
from pathlib import Path

from local.aws import processes
from local.aws.logs import Sink, pump
from local.aws.processes import Child, Processes

_UV = Path(sys.executable).parent / "uv"
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE", "XDG_CACHE_HOME", "CC")
"""Of the cloud's own environment, what a build gets besides settings of uv, pip and proxies."""
_PASSED_ON_STARTS = ("UV_", "PIP_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")


class BuildError(Exception):
    """The environment cannot be built; the message says what to do."""


class Builder:
    """Makes environments below `cache`."""

    def __init__(self, cache: Path, processes: Processes) -> None:
        self._cache, self._processes = cache, processes

    def environment(
        self, context: Path, requirements: Sequence[str], log: Sink, watch: Callable[[Child], None]
    ) -> Path:
        """The environment for the requirements files of `context`. Raises BuildError.

        `watch` gets each child that works on it, so that a build can be stopped.
        """
        target = self._cache / "environments" / environment_digest(context, requirements)
        with building(target) as folder:
            if folder is None:
                log(f"environment {target.name[:12]} is cached")
            else:
                self._run(["venv", "-q", "--relocatable", "--python", sys.executable, str(folder)], context, log, watch)
                self._install(folder, context, requirements, log, watch)
        return target

    def _install(
        self, folder: Path, context: Path, requirements: Sequence[str], log: Sink, watch: Callable[[Child], None]
    ) -> None:
        command = ["pip", "install", "--compile-bytecode", "--python", str(folder / "bin" / "python")]
        for file in requirements:
            command += ["-r", file]
        try:
            self._run(command, context, log, watch)
        except BuildError as error:
            if not any(shutil.which(name) for name in ("cc", "gcc", "clang")):
                raise BuildError(f"{error}; this machine has no C compiler: apt-get install gcc") from None
            raise

    def _run(self, command: Sequence[str], cwd: Path, log: Sink, watch: Callable[[Child], None]) -> None:
        env = {k: v for k, v in os.environ.items() if k in _PASSED_ON or k.upper().startswith(_PASSED_ON_STARTS)}
        try:
            child = self._processes.start([str(_UV), *command], env=env, cwd=cwd)
        except FileNotFoundError:
            raise BuildError(f"there is no uv at {_UV}: install the development requirements") from None
        watch(child)
        assert child.stdout is not None
        reader = pump(child.stdout, log)
        child.wait()
        processes.signal_group(child, signal.SIGKILL)
        reader.join(10)
        if child.returncode:
            raise BuildError(f"uv {command[0]} failed with exit code {processes.exit_code(child)}, see the log above")


def environment_digest(context: Path, requirements: Sequence[str]) -> str:
    """What decides an environment: Python, the requirements, and the whole context where they refer to files."""
    digest = hashlib.sha256(sys.version.encode())
    digest.update(str(Path(sys.base_prefix)).encode())
    for file in requirements:
        text = (context / file).read_text("utf-8", "replace")
        digest.update(f"\0{file}\0{text}".encode())
        if any(_refers_to_file(line.strip()) for line in text.splitlines()):
            digest.update(context.name.encode())
    return digest.hexdigest()


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
