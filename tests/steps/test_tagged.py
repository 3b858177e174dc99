"""GitLab releases, as commits' messages wish for them."""

from dataclasses import replace

import pytest

from mergemaker.domain.errors import RefusedError, RetryableError, ServiceError
from mergemaker.domain.run import Run, Status
from mergemaker.steps.report import report
from tests.fakes.made import HEAD, origin
from tests.fakes.releases import Release
from tests.fakes.story import asked, completed, submitted, trained
from tests.fakes.world import Fakes

WISH = origin(tag="v1")
OTHER = "e" * 40


def note(fakes: Fakes) -> list[str]:
    return fakes.merge_requests.only(7).splitlines()


def test_a_completed_run_gets_the_release_that_its_commit_wished_for() -> None:
    fakes = Fakes()
    run = trained(fakes, who=WISH)
    release = fakes.releases.releases["v1"]
    assert (release.commit, release.name) == (HEAD, "prices v1")
    lines = release.description.splitlines()
    assert lines[0] == f"<!-- mergemaker:release run={run.job} -->"
    assert "`rmse` **54.25**" in lines[2]
    assert f"| artifact | `{run.artifact}` |" in lines
    assert run.artifact.startswith("s3://")
    assert "- GitLab release `v1`" in note(fakes)


def test_without_a_wish_there_is_none() -> None:
    fakes = Fakes()
    trained(fakes)
    assert not fakes.releases.calls


def test_while_it_trains_the_note_says_that_there_will_be_one() -> None:
    fakes = Fakes()
    report(submitted(fakes, who=WISH).job, fakes.world)
    assert "- GitLab release `v1`: when it is done" in note(fakes)
    assert not fakes.releases.calls


def test_a_run_that_failed_gets_none() -> None:
    fakes = Fakes()
    job = submitted(fakes, who=WISH).job
    fakes.jobs.move(job, Status.FAILED, reason="out of memory")
    report(job, fakes.world)
    assert not fakes.releases.calls
    assert "GitLab release" not in "\n".join(note(fakes))


def test_a_run_that_was_found_gets_the_release_of_who_asked_last_at_that_commit() -> None:
    fakes = Fakes()
    trained(fakes)
    asked(fakes, who=origin(pipeline=71, commit=OTHER, pipeline_commit=OTHER, tag="v2"))
    assert {tag: release.commit for tag, release in fakes.releases.releases.items()} == {"v2": OTHER}


def test_each_wish_is_looked_at_once_however_often_the_event_comes() -> None:
    fakes = Fakes()
    run = trained(fakes, who=WISH)
    calls = list(fakes.releases.calls)
    report(run.job, fakes.world)
    assert fakes.releases.calls == calls


@pytest.mark.parametrize("call", ["create", "description", "tagged"])
@pytest.mark.parametrize("after", [False, True])
def test_what_is_lost_on_the_way_is_made_good_by_the_next_try_and_the_note_is_there_already(
    call: str, after: bool
) -> None:
    fakes = Fakes()
    job = submitted(fakes, who=WISH).job
    completed(fakes, job, {"rmse": 50.0})
    fakes.releases.fail(call, after=after)
    with pytest.raises(RetryableError):
        report(job, fakes.world)
    assert "`rmse` **50**" in note(fakes)[2]
    report(job, fakes.world)
    assert list(fakes.releases.releases) == ["v1"]
    assert fakes.releases.calls.count("create") <= (1 if after or call != "create" else 2)
    assert "- GitLab release `v1`" in note(fakes)


def test_what_gitlab_refuses_is_told_in_the_note_and_a_later_wish_tries_again() -> None:
    fakes = Fakes()
    said = "GitLab says 403: You are not allowed to create this tag as it is protected."
    fakes.releases.fail("create", RefusedError(said))
    run = trained(fakes, who=WISH)
    assert run.version is not None
    assert f"- ⚠️ no GitLab release `v1`: `{said}`" in note(fakes)
    assert fakes.merge_requests.status.state == "success"
    asked(fakes, who=replace(WISH, pipeline=71))
    assert list(fakes.releases.releases) == ["v1"]
    assert "- GitLab release `v1`" in note(fakes)


def test_on_a_branch_where_there_is_no_note_the_commit_status_tells_what_gitlab_refused() -> None:
    fakes = Fakes()
    fakes.releases.fail("create", RefusedError(f"GitLab says 403:\n/close {'x' * 300}"))
    trained(fakes, who=origin(merge_request=None, ref="main", tag="v1"))
    status = fakes.merge_requests.status
    assert status.state == "success"
    assert status.description.startswith("rmse 54.25; no GitLab release v1: GitLab says 403: /close xxx")
    assert len(status.description) == 255


def test_a_token_that_gitlab_does_not_take_is_no_refusal_of_the_release() -> None:
    fakes = Fakes()
    job = submitted(fakes, who=WISH).job
    completed(fakes, job)
    fakes.releases.fail("create", ServiceError("GitLab refuses the token"))
    with pytest.raises(ServiceError):
        report(job, fakes.world)
    report(job, fakes.world)
    assert list(fakes.releases.releases) == ["v1"]


def refused(fakes: Fakes) -> str:
    run: Run = trained(fakes, who=WISH)
    return run.tagged["70"]


def test_a_tag_that_another_run_has_is_not_taken_from_it() -> None:
    fakes = Fakes()
    fakes.releases.releases["v1"] = theirs = Release(OTHER, "Ours", "Written by hand")
    assert refused(fakes) == "the tag has another release: choose another tag"
    assert fakes.releases.releases["v1"] == theirs


def test_a_tag_on_another_commit_gets_no_release_which_would_be_of_that_commit() -> None:
    fakes = Fakes()
    fakes.releases.tags["v1"] = OTHER
    assert refused(fakes) == "the tag is there, on commit eeeeeeee: choose another tag"
    assert not fakes.releases.releases


def test_a_tag_that_is_on_the_commit_already_is_used() -> None:
    fakes = Fakes()
    fakes.releases.tags["v1"] = HEAD
    assert refused(fakes) == ""
    assert list(fakes.releases.releases) == ["v1"]
