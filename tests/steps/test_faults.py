"""Each call that a step makes fails once, before or after its effect: the next try ends where no fault would have."""

import pickle
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from mergemaker.domain.errors import RetryableError, ServiceError
from mergemaker.domain.run import Run
from mergemaker.steps.image import build_ended
from mergemaker.steps.report import report
from tests.fakes.deploys import ENDPOINT, changed, made, release, serving, told_of
from tests.fakes.faults import Fake
from tests.fakes.made import folder, origin
from tests.fakes.story import approved, asked, completed, heard, submitted, trained
from tests.fakes.world import Fakes

TAG = folder().image_tag
OTHER = origin(merge_request=8, pipeline=80, commit="e" * 40, pipeline_commit="e" * 40)
NEWER = origin(pipeline=71)
LAZY = ("list", "newest")
"""Calls that are over when their caller has seen enough: then there is no answer that could get lost."""


@dataclass(frozen=True)
class Story:
    """What happens before an event, what the event does, and what comes after it."""

    name: str
    begin: Callable[[Fakes], Any]
    """Its result is handed to `act`."""
    act: Callable[[Fakes, Any], object]
    end: Callable[[Fakes], object] = lambda fakes: None
    tells: bool = True
    """Whether the event is one that people hear of."""


def _completed(fakes: Fakes) -> str:
    job = asked(fakes)
    completed(fakes, job, {"rmse": 50.0})
    return job


def _wished(fakes: Fakes) -> str:
    job = asked(fakes, who=origin(tag="v1"))
    completed(fakes, job, {"rmse": 50.0})
    return job


def _found(fakes: Fakes) -> str:
    trained(fakes)
    return submitted(fakes, who=OTHER).job


def _built(fakes: Fakes) -> str:
    for code in ("one", "two"):
        submitted(fakes, folder(code=code), image=False)
    return fakes.images.finish(TAG)


def _not_built(fakes: Fakes) -> str:
    for code, who in (("one", origin()), ("two", OTHER)):
        submitted(fakes, folder(code=code), who, image=False)
    return fakes.images.break_build(TAG, "no such package")


def _build_ended(fakes: Fakes, build: str) -> None:
    build_ended(TAG, build, world=fakes.world, clock=fakes.now)


def _superseding(fakes: Fakes) -> str:
    report(submitted(fakes, folder(code="old")).job, fakes.world)
    return submitted(fakes, folder(code="new"), NEWER).job


def _superseding_what_waits(fakes: Fakes) -> str:
    asked(fakes, folder(code="old"), image=False)
    return submitted(fakes, folder(code="new"), NEWER, image=False).job


def _approved(fakes: Fakes) -> int:
    serving(fakes, 1)
    return approved(fakes, made(fakes, 2), pipeline=902).version


def _approved_first(fakes: Fakes) -> int:
    return approved(fakes, made(fakes, 1)).version


def _approved_while_busy(fakes: Fakes) -> int:
    release(fakes, made(fakes, 1))
    return _approved_next(fakes)


def _approved_while_broken(fakes: Fakes) -> int:
    version = _approved(fakes)
    fakes.endpoints.strand(ENDPOINT, "no capacity")
    return version


def _approved_after_failure(fakes: Fakes) -> int:
    release(fakes, made(fakes, 1))
    fakes.endpoints.break_down(ENDPOINT, "no answer to the ping")
    return _approved_next(fakes)


def _approved_next(fakes: Fakes) -> int:
    return approved(fakes, made(fakes, 2), pipeline=902).version


def _updated(fakes: Fakes) -> None:
    told_of(fakes, _approved(fakes))
    fakes.endpoints.succeed(ENDPOINT)


def _rolled_back(fakes: Fakes) -> None:
    told_of(fakes, _approved(fakes))
    fakes.endpoints.roll_back(ENDPOINT, "no capacity")


def _free_for_who_waits(fakes: Fakes) -> None:
    runs: list[Run] = [made(fakes, number) for number in (1, 2, 3)]
    for run in runs:
        release(fakes, run)
    fakes.endpoints.succeed(ENDPOINT)


def _settle(fakes: Fakes) -> None:
    """The endpoint's change ends, and so does the next, if one waited."""
    for _ in range(2):
        fakes.endpoints.succeed(ENDPOINT)
        changed(fakes)


STORIES = [
    Story("a job is completed", _completed, lambda fakes, job: report(job, fakes.world)),
    Story("a GitLab release is wished for", _wished, lambda fakes, job: report(job, fakes.world)),
    Story("a run is found", _found, lambda fakes, job: heard(fakes, job, OTHER)),
    Story("a run waits", lambda f: submitted(f, image=False).job, lambda fakes, job: heard(fakes, job, origin())),
    Story("an image is built", _built, _build_ended, tells=False),
    Story("an image is not built", _not_built, _build_ended),
    Story("a newer push", _superseding, lambda fakes, job: report(job, fakes.world)),
    Story("a newer push while all wait", _superseding_what_waits, lambda fakes, job: heard(fakes, job, NEWER)),
    Story("the first approval", _approved_first, told_of, _settle),
    Story("an approval", _approved, told_of, _settle),
    Story("an approval while the endpoint is busy", _approved_while_busy, told_of, _settle),
    Story("an approval while the endpoint is broken", _approved_while_broken, told_of),
    Story("an approval after the creation failed", _approved_after_failure, told_of, _settle),
    Story("an update succeeds", _updated, lambda fakes, _: changed(fakes)),
    Story("an update is rolled back", _rolled_back, lambda fakes, _: changed(fakes)),
    Story("the endpoint is free for who waits", _free_for_who_waits, lambda fakes, _: changed(fakes), _settle),
]


def ports(fakes: Fakes) -> dict[str, Fake]:
    return {name: port for name, port in vars(fakes).items() if isinstance(port, Fake)}


def outcome(fakes: Fakes) -> dict[str, object]:
    """All that anyone can see in the end."""
    return {
        "notes": sorted((note.merge_request, note.body) for note in fakes.merge_requests.notes.values()),
        "statuses": {one.pipeline: one for one in fakes.merge_requests.statuses},
        "files": fakes.files.objects,
        "jobs": fakes.jobs.jobs,
        "runs": fakes.runs.runs,
        "packages": fakes.registry.groups,
        "endpoints": fakes.endpoints.endpoints,
        "deployed": fakes.endpoints.deployed,
        "held": fakes.runs.held,
        "releases": fakes.releases.releases,
    }


@cache
def _begun(story: Story) -> bytes:
    """Pickled: to begin anew for each fault takes most of the time."""
    fakes = Fakes(tick=timedelta(0))
    return pickle.dumps((fakes, story.begin(fakes)))


def begun(story: Story) -> tuple[Fakes, Any]:
    fakes, given = pickle.loads(_begun(story))  # noqa: S301 - of our own making
    assert isinstance(fakes, Fakes)
    return fakes, given


def faults(story: Story) -> list[tuple[str, int, str]]:
    """Each call of the event: port, number, name."""
    fakes, given = begun(story)
    before = {name: len(port.calls) for name, port in ports(fakes).items()}
    story.act(fakes, given)
    return [
        (name, number, call)
        for name, port in ports(fakes).items()
        for number, call in enumerate(port.calls, 1)
        if number > before[name]
    ]


@pytest.mark.parametrize("after", [False, True], ids=["not done", "answer lost"])
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_whatever_fails_the_next_try_ends_where_no_fault_would_have(story: Story, after: bool) -> None:
    whole, given = begun(story)
    story.act(whole, given)
    story.end(whole)
    found = faults(story)
    assert len(found) >= 5
    for port, number, call in found:
        fakes, given = begun(story)
        ports(fakes)[port].fails_at = (number, after)
        with suppress(RetryableError) if after and call in LAZY else pytest.raises(RetryableError, match="was told to"):
            story.act(fakes, given)
        story.act(fakes, given)
        story.end(fakes)
        assert outcome(fakes) == outcome(whole), f"{port}.{call}, call {number}"


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_an_event_that_comes_again_changes_nothing(story: Story) -> None:
    once, given = begun(story)
    story.act(once, given)
    fakes, given = begun(story)
    for _ in range(3):
        story.act(fakes, given)
    assert outcome(fakes) == outcome(once)
    assert len(fakes.merge_requests.statuses) == len(once.merge_requests.statuses)


@pytest.mark.parametrize("story", [story for story in STORIES if story.tells], ids=lambda story: story.name)
def test_while_gitlab_refuses_everything_all_but_the_telling_is_done(story: Story) -> None:
    whole, given = begun(story)
    story.act(whole, given)
    fakes, given = begun(story)
    fakes.merge_requests.down = ServiceError("GitLab says 403: insufficient_scope")
    with pytest.raises(ServiceError, match="insufficient_scope"):
        story.act(fakes, given)
    for what in ("jobs", "packages", "endpoints", "deployed"):
        assert outcome(fakes)[what] == outcome(whole)[what], what
