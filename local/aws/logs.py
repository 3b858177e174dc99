"""Writing to CloudWatch Logs while a job, build or endpoint runs."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import InputLogEventTypeDef

Sink = Callable[[str], None]

LINE_MAX = 100_000
"""Bytes; CloudWatch takes events of up to 256 KB."""
_BATCH = 500
_INTERVAL = 0.5


class LogStream:
    """One stream, made with its group on first use. Lines arrive in batches, at most half a second late.

    Where the writer may not write, there is no log, as on AWS; the work goes on.
    """

    def __init__(self, logs: "CloudWatchLogsClient", group: str, stream: str) -> None:
        self._logs, self._group, self._stream = logs, group, stream
        self._waiting: list[InputLogEventTypeDef] = []
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._sent_at = time.monotonic()
        self._made = False

    def write(self, line: str) -> None:
        with self._lock:
            # CloudWatch refuses an empty message.
            self._waiting.append({"timestamp": int(time.time() * 1000), "message": line or " "})
            due = len(self._waiting) >= _BATCH
        if due:
            self.flush()

    def flush_if_due(self) -> None:
        if time.monotonic() - self._sent_at >= _INTERVAL:
            self.flush()

    def flush(self) -> None:
        with self._sending:
            with self._lock:
                batch, self._waiting = self._waiting, []
            self._sent_at = time.monotonic()
            if not batch and self._made:
                return
            try:
                self._make()
                self._put(batch)
            except ClientError as error:
                if error.response["Error"]["Code"] != "AccessDeniedException":
                    raise
                logging.getLogger("local.aws").warning("no log in %s: %s", self._group, error)

    def _put(self, batch: "list[InputLogEventTypeDef]") -> None:
        for start in range(0, len(batch), _BATCH):
            self._logs.put_log_events(
                logGroupName=self._group, logStreamName=self._stream, logEvents=batch[start : start + _BATCH]
            )

    def _make(self) -> None:
        """The group only where it is missing: a writer whose group a stack makes may not make any."""
        if self._made:
            return
        stream = {"logGroupName": self._group, "logStreamName": self._stream}
        logs = self._logs
        with suppress(logs.exceptions.ResourceAlreadyExistsException):
            try:
                logs.create_log_stream(**stream)
            except logs.exceptions.ResourceNotFoundException:
                with suppress(logs.exceptions.ResourceAlreadyExistsException):
                    logs.create_log_group(logGroupName=self._group)
                logs.create_log_stream(**stream)
        self._made = True


def pump(source: IO[bytes], *sinks: Sink) -> threading.Thread:
    """Copies a child's output to every sink, line by line, in a thread that ends with the output."""

    def copy() -> None:
        with source:
            while raw := source.readline(LINE_MAX):
                line = raw.decode("utf-8", "replace").rstrip("\r\n")
                for sink in sinks:
                    sink(line)

    thread = threading.Thread(target=copy, daemon=True, name="output")
    thread.start()
    return thread
