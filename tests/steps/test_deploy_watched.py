"""An endpoint is looked after before it is there, and whenever it changes."""

import pytest

from mergemaker.domain.errors import RetryableError, ServiceError
from mergemaker.domain.run import ReleaseStatus
from tests.fakes.deploys import ENDPOINT, made, release, said, serving, status, told_of
from tests.fakes.world import Fakes


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


@pytest.mark.parametrize("call", ["create", "update"])
def test_an_endpoint_is_watched_before_it_changes(fakes: Fakes, call: str) -> None:
    if call == "update":
        serving(fakes, 1)
    fakes.watch.watched.clear()
    seen = []
    fakes.endpoints.meanwhile(call, lambda: seen.append(ENDPOINT in fakes.watch))
    release(fakes, made(fakes, 2))
    assert seen == [True]


def test_what_watches_it_carries_the_projects_and_the_models_tags(fakes: Fakes) -> None:
    release(fakes, made(fakes, 1))
    assert fakes.watch.watched == {ENDPOINT: {"mergemaker:project": "shop", "mergemaker:model": "prices"}}


def test_while_cloudwatch_is_away_the_endpoint_stays_as_it_is_and_the_release_comes_again(fakes: Fakes) -> None:
    run = made(fakes, 1)
    fakes.watch.fail("over")
    with pytest.raises(RetryableError):
        release(fakes, run)
    assert fakes.endpoints.deployed == []
    assert status(fakes, run) is ReleaseStatus.WAITING
    told_of(fakes, 1)
    assert fakes.endpoints.deployed == [f"{ENDPOINT}-1"]


def test_where_no_alarm_can_be_made_nothing_is_released_and_the_merge_request_says_why(fakes: Fakes) -> None:
    run = made(fakes, 1)
    fakes.watch.fail("over", ServiceError(f"alarm {ENDPOINT}-5xx: AWS says LimitExceeded: too many"))
    release(fakes, run)
    assert fakes.endpoints.deployed == []
    assert status(fakes, run) is ReleaseStatus.FAILED
    assert "too many" in said(fakes, 1)


def test_who_changes_nothing_asks_for_nothing(fakes: Fakes) -> None:
    serving(fakes, 1)
    fakes.watch.watched.clear()
    told_of(fakes, 1)
    assert fakes.watch.watched == {}
