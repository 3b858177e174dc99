"""An HTTP request and its answer, as the services here see them."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    """Names are in lower case."""
    body: bytes


@dataclass(frozen=True)
class Answer:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    """Names are in lower case: MiniStack rewrites a ``Content-Type``, which would corrupt a model's own."""
    body: bytes = b""
