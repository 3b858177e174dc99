"""Errors as AWS's services answer them."""

import json

from local.aws.answer import Answer


class AwsError(Exception):
    """A refusal with the code that a client finds in ``error.response["Error"]["Code"]``."""

    def __init__(self, code: str, message: str, *, status: int = 400, extra: dict[str, object] | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.status, self.extra = code, message, status, extra or {}

    def answer(self) -> Answer:
        # Both spellings: SageMaker's runtime models `Message`, its control plane `message`.
        body = {"__type": self.code, "message": self.message, "Message": self.message, **self.extra}
        headers = {"content-type": "application/x-amz-json-1.1", "x-amzn-errortype": self.code}
        return Answer(self.status, headers, json.dumps(body).encode())


def invalid(message: str) -> AwsError:
    """The code that SageMaker uses for most refusals, missing resources included."""
    return AwsError("ValidationException", message)
