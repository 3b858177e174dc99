"""Runs the user's script, and keeps the last of what it says on standard error for FailureReason.

The toolkit can do one of two things: leave the output alone, and then report "ExitCode 1" and nothing else; or capture
it, which breaks lines that metrics are read from, and misses what argparse and sys.exit("...") say. Here standard
output is left alone, and standard error is passed on line by line.
"""

import subprocess
import sys
from collections import deque
from threading import Thread
from typing import IO

from sagemaker_training import environment, errors, logging_config, process

_LINES, _CHARACTERS = 15, 800
"""What is kept: it has to fit into the 1,024 characters of FailureReason with the command around it."""

_KILLED = (-9, 137)


class ScriptRunner(process.ProcessRunner):  # type: ignore[misc] # the toolkit has no types
    """The toolkit's runner for one process on each host, with a better account of failure."""

    def run(self, wait: bool = True, capture_error: bool = False) -> "subprocess.Popen[bytes]":  # noqa: ARG002
        """Waits for the script in any case. Raises errors.ExecuteUserScriptError if it fails."""
        command = self._create_command()
        logging_config.log_script_invocation(command, self._env_vars)
        script = subprocess.Popen(command, cwd=environment.code_dir, stderr=subprocess.PIPE)
        last: deque[bytes] = deque(maxlen=_LINES)
        relay = Thread(target=_relay, args=(script.stderr, last), daemon=True)
        relay.start()
        code = script.wait()
        relay.join(timeout=2)  # a process that the script left behind may hold the pipe open for ever
        if code:
            raise errors.ExecuteUserScriptError(
                cmd=" ".join(command),
                return_code=code,
                output=_tail(last),
                info="OutOfMemory: Process killed by SIGKILL (signal 9)" if code in _KILLED else None,
            )
        return script


def _relay(source: IO[bytes], last: deque[bytes]) -> None:
    for line in source:
        sys.stderr.buffer.write(line)
        sys.stderr.buffer.flush()
        last.append(line)


def _tail(last: deque[bytes]) -> str:
    return b"".join(list(last)).decode("utf-8", "replace").strip()[-_CHARACTERS:]
