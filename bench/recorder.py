"""Writes down which calls a program makes to AWS: a proxy before the cloud sees what was really sent."""

import hashlib
import json
import re
import threading
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

_DIGEST = re.compile(r"[0-9a-f]{12,}")
_OWN = {"connection", "transfer-encoding", "content-length", "date", "server"}
"""Headers that a proxy says for itself."""


@dataclass(frozen=True)
class Call:
    """A request. Two are equal that differ only in digests: each run has another."""

    operation: str
    """``SageMaker.DescribeTrainingJob``, or for S3 the method and the path."""
    condition: str
    """``If-None-Match``."""
    content: str
    """JSON, or the digest of what is no JSON."""
    status: int
    """The answer's: 412 says that an object is there already."""

    def __str__(self) -> str:
        return f"{self.operation}{' (if absent)' if self.condition else ''} -> {self.status}"


@dataclass(frozen=True)
class Request:
    """A request as it came, and the status that it got."""

    operation: str
    condition: str
    body: bytes
    status: int

    @property
    def call(self) -> Call:
        try:
            content = json.dumps(json.loads(self.body), sort_keys=True, indent=1)
        except ValueError:
            content = hashlib.md5(self.body, usedforsecurity=False).hexdigest()[:8] if self.body else ""
        return Call(_DIGEST.sub("#", self.operation), self.condition, _DIGEST.sub("#", content), self.status)


class Recorder:
    """A proxy on a free port of 127.0.0.1, for as long as the block lasts."""

    def __init__(self, port: int) -> None:
        """`port` is the cloud's."""
        self._requests: list[Request] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(port, self._requests))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def take(self) -> list[Request]:
        """What came since the last time, in order."""
        taken = self._requests[:]
        self._requests.clear()
        return taken

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(port: int, requests: list[Request]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            upstream = HTTPConnection("127.0.0.1", port, timeout=60)
            kept = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
            upstream.request(self.command, self.path, body, kept)
            answer = upstream.getresponse()
            content = answer.read()
            operation = self.headers.get("X-Amz-Target") or f"{self.command} {self.path}"
            requests.append(Request(operation, self.headers.get("If-None-Match", ""), body, answer.status))
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _OWN:
                    self.send_header(name, value)
            length = answer.getheader("Content-Length") if self.command == "HEAD" else None
            self.send_header("Content-Length", length or str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            upstream.close()

        do_GET = do_HEAD = do_PUT = do_DELETE = do_POST  # noqa: N815 - http.server's names

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the requests are the log."""

    return Handler
