"""The token's end is told in a GitLab issue in time, and once."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from mergemaker.domain.errors import RetryableError, ServiceError
from mergemaker.steps.issue import open_once
from mergemaker.steps.token_check import check_token
from tests.fakes.issues import Issue
from tests.fakes.world import Fakes

TODAY = date(2026, 3, 1)


@pytest.fixture
def fakes() -> Fakes:
    made = Fakes()
    made.issues.end = TODAY + timedelta(days=14)
    return made


def check(fakes: Fakes, today: date = TODAY) -> str:
    return check_token(fakes.world, today=today)


def test_two_weeks_before_its_end_an_issue_says_which_secret_when_and_what_to_do(fakes: Fakes) -> None:
    assert check(fakes) == "the token ends in 14 days: issue #1"
    (issue,) = fakes.issues.issues.values()
    assert issue.title == "Mergemaker's GitLab token ends on 2026-03-15"
    assert issue.description.startswith("<!-- mergemaker:issue token-ends 2026-03-15 -->\n\nThe GitLab access token")
    assert "secret `shop/gitlab-token` ends on **2026-03-15**" in issue.description
    assert "`mergemaker setup`" in issue.description
    assert not any(line.startswith("/") for line in issue.description.splitlines())


@pytest.mark.parametrize("end", [None, TODAY + timedelta(days=15), TODAY + timedelta(days=365)])
def test_a_token_that_lasts_opens_none(fakes: Fakes, end: date | None) -> None:
    fakes.issues.end = end
    check(fakes)
    assert fakes.issues.issues == {}


@pytest.mark.parametrize("days", [1, 0, -1])
def test_one_that_was_not_told_of_in_time_is_told_of_late(fakes: Fakes, days: int) -> None:
    fakes.issues.end = TODAY + timedelta(days=days)
    check(fakes)
    assert len(fakes.issues.issues) == 1


def test_each_day_and_each_repeated_event_finds_the_same_issue(fakes: Fakes) -> None:
    for day in range(14):
        for _ in range(2):
            assert check(fakes, TODAY + timedelta(days=day)).endswith("issue #1")
    assert len(fakes.issues.issues) == 1


def test_a_closed_issue_is_not_opened_again_for_the_same_end(fakes: Fakes) -> None:
    check(fakes)
    fakes.issues.issues[1] = replace(fakes.issues.issues[1], closed=True)
    fakes.runs.notes.clear()
    check(fakes)
    assert list(fakes.issues.issues) == [1]


def test_the_next_token_gets_an_issue_of_its_own(fakes: Fakes) -> None:
    check(fakes)
    fakes.issues.end = TODAY + timedelta(days=370)
    assert check(fakes, TODAY + timedelta(days=360)).endswith("issue #2")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", ["token_ends", "find", "create"])
def test_after_a_failure_or_a_lost_answer_the_next_try_ends_with_one_issue(
    fakes: Fakes, call: str, after: bool
) -> None:
    fakes.issues.fail(call, after=after)
    with pytest.raises(RetryableError):
        check(fakes)
    check(fakes)
    assert len(fakes.issues.issues) == 1


def test_two_at_once_open_one(fakes: Fakes) -> None:
    """The second is held up until the first is done."""

    def second() -> None:
        with pytest.raises(RetryableError, match="somebody else"):
            check(fakes)

    fakes.issues.meanwhile("create", second)
    check(fakes)
    check(fakes)
    assert len(fakes.issues.issues) == 1


def test_who_writes_the_marker_into_an_issue_silences_nothing(fakes: Fakes) -> None:
    fakes.issues.write(Issue("hush", "<!-- mergemaker:issue token-ends 2026-03-15 -->\n", ours=False))
    assert check(fakes).endswith("issue #2")


def test_a_token_that_gitlab_refuses_is_no_silence(fakes: Fakes) -> None:
    fakes.issues.down = ServiceError("the token's end: GitLab refuses the token")
    with pytest.raises(ServiceError, match="refuses the token"):
        check(fakes)


def test_another_topic_is_another_issue(fakes: Fakes) -> None:
    check(fakes)
    for _ in range(2):
        assert open_once("release prices 3", title="t", text="x", world=fakes.world) == 2
