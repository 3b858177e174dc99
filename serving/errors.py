"""Everything that a client may be told, with its HTTP status.

    ServingError
    ├── Unreadable          400  the body is not what its type says
    ├── NotAcceptable       406  no type of answer that the client takes
    ├── UnsupportedType     415  no reader for the body's type
    ├── HookFailed          500  a function in inference.py raised
    └── NotLoaded           503  there is no model to ask

Flask's own errors (404, 405, 413) get the same shape in `app`.
"""

from http import HTTPStatus


class ServingError(Exception):
    """`error` says what is wrong, `expected` what would be right; both are for the client to read."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(self, error: str, expected: str) -> None:
        super().__init__(error)
        self.error, self.expected = error, expected


class Unreadable(ServingError):  # noqa: N818 - reads as what it is where it is raised
    """The body can't be read, is empty, or holds what the model can't take."""

    status = HTTPStatus.BAD_REQUEST


class NotAcceptable(ServingError):  # noqa: N818
    """The prediction has no form in any type that the client accepts."""

    status = HTTPStatus.NOT_ACCEPTABLE


class UnsupportedType(ServingError):  # noqa: N818
    """Nothing here reads the body's content type."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class HookFailed(ServingError):  # noqa: N818
    """A function of the model's own inference.py raised; the cause is chained for the log."""

    def __init__(self, name: str, cause: BaseException) -> None:
        super().__init__(
            f"{name} failed: {one_line(cause)}", "an answer from the model's own code: see the log for the traceback"
        )


class NotLoaded(ServingError):  # noqa: N818
    """The model did not load, so nothing can be predicted."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


def one_line(error: BaseException) -> str:
    """Type and message, short enough for an answer and without line breaks."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__
