"""The contract of `ports.Inputs`: what the table does, the fake does."""

from datetime import UTC, datetime, timedelta

import pytest

from mergemaker.adapters.input_table import DynamoInputs
from mergemaker.bootstrap import Aws
from mergemaker.ports import HEARS_SECONDS, Inputs
from tests.adapters.conftest import NAMES
from tests.fakes.inputs import FakeInputs

START = datetime(2026, 3, 1, 12, 0, 0, 123456, UTC)
SECOND = timedelta(seconds=1)


def table(aws: Aws) -> DynamoInputs:
    """As another function has it, which has heard nothing yet."""
    return DynamoInputs(aws.clients("dynamodb"), NAMES.run_table)


@pytest.fixture(params=["memory", pytest.param("dynamodb", marks=pytest.mark.cloud)])
def inputs(request: pytest.FixtureRequest) -> Inputs:
    return FakeInputs() if request.param == "memory" else table(request.getfixturevalue("aws"))


def test_what_was_never_heard_of_is_not_there(inputs: Inputs, name: str) -> None:
    assert name not in inputs.heard()


def test_what_is_heard_stays_until_it_was_seen_to(inputs: Inputs, name: str) -> None:
    inputs.hear(name, at=START, now=START + SECOND)
    assert inputs.heard()[name] == START + SECOND
    inputs.seen_to(name, START + SECOND)
    assert name not in inputs.heard()


def test_of_an_uploads_many_words_one_in_a_while_is_kept(inputs: Inputs, name: str) -> None:
    for second in range(HEARS_SECONDS + 10):
        now = START + second * SECOND
        inputs.hear(name, at=now, now=now)
    assert inputs.heard()[name] == START + HEARS_SECONDS * SECOND


def test_what_comes_late_was_seen_to_and_what_is_newer_was_not(inputs: Inputs, name: str) -> None:
    inputs.hear(name, at=START, now=START)
    inputs.seen_to(name, START)
    later = START + 3600 * SECOND
    inputs.hear(name, at=START, now=later)
    assert name not in inputs.heard()
    inputs.hear(name, at=START + SECOND, now=later)
    assert inputs.heard()[name] == later


def test_what_came_since_stays_heard(inputs: Inputs, name: str) -> None:
    later = START + 60 * SECOND
    for at in (START, later):
        inputs.hear(name, at=at, now=at)
    inputs.seen_to(name, START)
    assert inputs.heard()[name] == later
    inputs.seen_to(name, later)
    assert name not in inputs.heard()


def test_what_was_seen_to_may_be_said_again(inputs: Inputs, name: str) -> None:
    inputs.hear(name, at=START, now=START)
    for _ in range(2):
        inputs.seen_to(name, START)
    assert name not in inputs.heard()


@pytest.mark.cloud
def test_functions_side_by_side_keep_the_newest_word(aws: Aws, name: str) -> None:
    one, other = table(aws), table(aws)
    one.hear(name, at=START, now=START + 2 * SECOND)
    other.hear(name, at=START, now=START + SECOND)
    assert one.heard()[name] == other.heard()[name] == START + 2 * SECOND


@pytest.mark.cloud
def test_a_warm_function_asks_the_table_once_for_ten_thousand_files(aws: Aws, name: str) -> None:
    asked = []
    dynamodb = aws.clients("dynamodb")
    dynamodb.meta.events.register("before-call.dynamodb", lambda **_: asked.append(1), unique_id=name)
    inputs = table(aws)
    for _ in range(10_000):
        inputs.hear(name, at=START, now=START)
    dynamodb.meta.events.unregister("before-call.dynamodb", unique_id=name)
    assert len(asked) == 2
