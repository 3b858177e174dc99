"""A handler's function over fakes, and its log."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import lambdas.log
import lambdas.release.handler
import lambdas.report.handler
import lambdas.start.handler
from lambdas.queue import Function, watched
from mergemaker.domain import about
from mergemaker.domain.settings import GitLab, Settings
from mergemaker.variables import lambda_environment
from tests.fakes.world import Fakes

SETTINGS = Settings("shop", GitLab("https://gitlab.example.com", 5, "team/shop"), Fakes().environments)

Log = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


@pytest.fixture
def function(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Function]:
    """What the handlers keep between calls, made as Lambda makes it, with fakes for AWS and GitLab."""
    root, ours = logging.getLogger(), logging.getLogger("mergemaker")
    before = (root.handlers, root.level, ours.level)
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"}
    for name, value in {**lambda_environment(SETTINGS), **keys}.items():
        monkeypatch.setenv(name, value)
    made = Function()
    monkeypatch.setattr(lambdas.log, "_secrets", set(lambdas.log._secrets))
    made.world = watched(fakes.world)
    for module in (lambdas.report.handler, lambdas.start.handler, lambdas.release.handler):
        monkeypatch.setattr(module, "function", lambda: made)
    yield made
    logging.captureWarnings(False)
    root.handlers, root.level, ours.level = before
    about.start()


@pytest.fixture
def log(function: Function) -> Log:
    """The lines of the log since it was last asked; each must be JSON."""
    (handler,) = (one for one in logging.getLogger().handlers if type(one) is logging.StreamHandler)
    stream = io.StringIO()
    handler.setStream(stream)

    def lines() -> list[dict[str, Any]]:
        said = stream.getvalue().splitlines()
        stream.seek(0)
        stream.truncate()
        return [json.loads(line) for line in said]

    return lines


def message(number: int, body: object) -> dict[str, str]:
    return {"messageId": f"m{number}", "body": body if isinstance(body, str) else json.dumps(body)}


def event(kind: str, **detail: object) -> dict[str, object]:
    return {
        "source": "aws.sagemaker",
        "detail-type": f"SageMaker {kind} State Change",
        "account": "111122223333",
        "region": "eu-west-1",
        "detail": detail,
    }
