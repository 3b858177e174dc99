"""Runs the user's script, and keeps the last of what it says on standard error for FailureReason.

The toolkit can do one of two things: leave the output alone, and then report "ExitCode 1" and nothing else; or capture
it, which breaks lines that metrics are read from, and misses what argparse and sys.exit("...") say. Here standard
output is left alone, and standard error is passed on line by line.
"""

import re
import subprocess
import sys
from collections import deque
from threading import Thread
from typing import IO

from sagemaker_training import environment, errors, logging_config, process

_LINES, _CHARACTERS = 15, 800
"""What is kept: it has to fit into the 1,024 characters of FailureReason with the command around it."""

_KILLED = (-9, 137)

_TORCHRUNS_ACCOUNT = re.compile(rb"torch[./]distributed[./]elastic.*(failed|closing signal)")
"""Where torchrun begins to say that a process failed, at a length that would leave no room for why."""
_MPI_TAG = re.compile(rb"\[\d+,\d+\]<stderr>:")
"""Before what a process says; mpirun's own words, which may come first, have none."""


class ScriptRunner(process.ProcessRunner):  # type: ignore[misc] # the toolkit has no types
    """Runs the command of one of the toolkit's runners, with a better account of failure."""

    def __init__(self, of: process.ProcessRunner, env_vars: dict[str, str]) -> None:
        self._of, self._env_vars = of, env_vars

    def run(self, wait: bool = True, capture_error: bool = False) -> "subprocess.Popen[bytes]":  # noqa: ARG002
        """Waits for the script in any case. Raises errors.ExecuteUserScriptError if it fails."""
        command = _without_preload(self._of._create_command())
        logging_config.log_script_invocation(command, self._env_vars)
        script = subprocess.Popen(command, cwd=environment.code_dir, stderr=subprocess.PIPE)
        said = Said()
        relay = Thread(target=_relay, args=(script.stderr, said), daemon=True)
        relay.start()
        code = script.wait()
        relay.join(timeout=2)  # a process that the script left behind may hold the pipe open for ever
        if code:
            raise errors.ExecuteUserScriptError(
                cmd=" ".join(command),
                return_code=code,
                output=said.last,
                info="OutOfMemory: Process killed by SIGKILL (signal 9)" if code in _KILLED else None,
            )
        return script


def _without_preload(command: list[str]) -> list[str]:
    """Without the library that tells MPI's processes the name of their host: here they have but one, and it ends them
    where there is no /opt/ml."""
    preload = next((n for n, word in enumerate(command) if word.startswith("LD_PRELOAD=")), None)
    return command if preload is None else [*command[: preload - 1], *command[preload + 1 :]]


def _relay(source: IO[bytes], said: "Said") -> None:
    for line in source:
        sys.stderr.buffer.write(line)
        sys.stderr.buffer.flush()
        said.add(line)


class Said:
    """The last lines that a script wrote on standard error, without what its launcher adds to them."""

    def __init__(self) -> None:
        self._lines: deque[bytes] = deque(maxlen=_LINES)
        self._tagged: deque[bytes] = deque(maxlen=_LINES)
        self._ended = False

    def add(self, line: bytes) -> None:
        self._ended = self._ended or _TORCHRUNS_ACCOUNT.search(line) is not None
        if not self._ended:
            self._lines.append(line)
        if _MPI_TAG.search(line):
            self._tagged.append(_MPI_TAG.sub(b"", line))

    @property
    def last(self) -> str:
        lines = list(self._tagged or self._lines)
        return b"".join(lines).decode("utf-8", "replace").strip()[-_CHARACTERS:]
