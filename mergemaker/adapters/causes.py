"""Why nobody answered, in a few words. The libraries wrap it four times, and print every layer."""

import socket
import ssl
from collections.abc import Iterator

_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (ssl.SSLCertVerificationError, "its certificate is not trusted here"),
    (ssl.SSLError, "it speaks no TLS that is spoken here"),
    (socket.gaierror, "name not known"),
    (ConnectionRefusedError, "connection refused"),
    (ConnectionResetError, "connection closed by the other side"),
    (TimeoutError, "timed out"),
)


def cause_of(error: BaseException) -> str:
    """What the innermost known error means; else what the outermost one says, in one line."""
    wrapped = list(_wrapped(error))
    for kind, words in _WORDS:
        if any(isinstance(one, kind) for one in wrapped):
            return words
    if any("timeout" in type(one).__name__.lower() for one in wrapped):  # requests', urllib3's, botocore's
        return "timed out"
    return " ".join(str(error).split())[:300]


def _wrapped(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it carries, each once."""
    left, seen = [error], set[int]()
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        carried = (*one.args, one.__cause__, one.__context__, getattr(one, "reason", None))
        left += [other for other in carried if isinstance(other, BaseException)]
