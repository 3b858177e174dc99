"""What a view may give back besides data, and GitLab's ways of refusing."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Answer:
    """Data with another status than 200, or with headers."""

    data: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class ApiError(Exception):
    """Ends a request with GitLab's JSON for it."""

    def __init__(self, status: int, **body: object) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body


def created(data: Any) -> Answer:
    return Answer(data, 201)


def gone() -> Answer:
    return Answer(None, 204)


def not_found(what: str) -> ApiError:
    return ApiError(404, message=f"404 {what} Not Found")


def conflict(message: str) -> ApiError:
    return ApiError(409, message=message)


def bad_request(message: object) -> ApiError:
    return ApiError(400, message=message)


def bad_parameter(message: str) -> ApiError:
    """A parameter that Grape, GitLab's API framework, refuses."""
    return ApiError(400, error=message)
