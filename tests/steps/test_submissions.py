"""Everyone who asks for work hears of it, also where it is done already or has to wait, and hears each thing once."""

import json
from dataclasses import replace

import pytest

from mergemaker.domain.errors import RefusedError, RetryableError, ServiceError, UsageError
from mergemaker.domain.job import from_json, to_json
from mergemaker.domain.lineage import Origin
from mergemaker.domain.names import submission_key, waiting_key
from mergemaker.domain.run import MOST_ORIGINS, Run, Status
from mergemaker.steps.image import build_ended
from mergemaker.steps.report import report, submitted
from tests.fakes.made import HEAD, folder, lineage, origin
from tests.fakes.story import asked, completed, heard, trained
from tests.fakes.story import submitted as submit
from tests.fakes.world import Fakes

TAG = folder().image_tag
OTHER_HEAD = "e" * 40
OTHER = origin(merge_request=8, pipeline=80, commit=OTHER_HEAD, pipeline_commit=OTHER_HEAD, branch="same-again")
LATER = origin(pipeline=72)


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


def build(fakes: Fakes, arn: str) -> list[str]:
    return build_ended(TAG, arn, world=fakes.world, clock=fakes.now)


def states(fakes: Fakes, pipeline: int) -> list[str]:
    """Of the commit statuses of a pipeline, as they were set."""
    return [one.state for one in fakes.merge_requests.statuses if one.pipeline == pipeline]


# Work that is there -------------------------------------------------------------------------


def test_a_second_merge_request_with_the_same_content_gets_its_own_note_and_status(fakes: Fakes) -> None:
    run = trained(fakes)
    assert asked(fakes, who=OTHER) == run.job
    note = fakes.merge_requests.only(8)
    assert "✅ **prices** · `rmse` **54.25**" in note
    assert "e" * 8 + " on `same-again`" in note
    assert f"which trained commit {HEAD[:8]} before" in note
    assert "before" not in fakes.merge_requests.only(7)
    status = fakes.merge_requests.status
    assert (status.commit, status.pipeline, status.state) == (OTHER_HEAD, 80, "success")
    assert len(fakes.registry.groups["shop-prices"]) == 1


def test_who_finds_a_run_that_goes_on_follows_it_to_its_end(fakes: Fakes) -> None:
    job = submit(fakes).job
    report(job, fakes.world)
    asked(fakes, who=OTHER)
    assert "training" in fakes.merge_requests.only(8)
    completed(fakes, job, {"rmse": 50.0})
    report(job, fakes.world)
    for merge_request in (7, 8):
        assert "`rmse` **50**" in fakes.merge_requests.only(merge_request)
    assert states(fakes, 70) == states(fakes, 80) == ["running", "success"]


def test_whoever_is_heard_first_the_runs_own_merge_request_is_told_too(fakes: Fakes) -> None:
    """The job's own events may come late, or never."""
    job = submit(fakes).job
    asked(fakes, who=OTHER)
    assert job in fakes.merge_requests.only(7)
    assert job in fakes.merge_requests.only(8)


def test_a_merge_request_that_goes_back_to_its_first_content_shows_the_first_run_again(fakes: Fakes) -> None:
    first = trained(fakes, rmse=60.0)
    trained(fakes, folder(code="b"), origin(pipeline=71), rmse=50.0)
    assert "`rmse` **50**" in fakes.merge_requests.only(7)
    assert asked(fakes, who=LATER) == first.job
    assert "`rmse` **60**" in fakes.merge_requests.only(7)
    assert states(fakes, 72) == ["success"]
    report(first.job, fakes.world)
    assert "`rmse` **60**" in fakes.merge_requests.only(7)


def test_a_late_word_of_an_older_pipeline_does_not_take_the_note_over(fakes: Fakes) -> None:
    first = trained(fakes, rmse=60.0)
    submit(fakes, who=origin(pipeline=71))
    trained(fakes, folder(code="b"), origin(pipeline=72), rmse=50.0)
    heard(fakes, first.job, origin(pipeline=71))
    assert "`rmse` **50**" in fakes.merge_requests.only(7)
    assert states(fakes, 71) == ["success"]


def test_the_same_word_twenty_times_is_one_note_one_edit_and_one_status(fakes: Fakes) -> None:
    job = trained(fakes).job
    asked(fakes, who=OTHER)
    edits = fakes.merge_requests.calls.count("edit_note")
    for _ in range(20):
        heard(fakes, job, OTHER)
        report(job, fakes.world)
    assert fakes.merge_requests.calls.count("edit_note") == edits
    assert (states(fakes, 70), states(fakes, 80)) == (["success"], ["success"])


def test_each_pipeline_that_asked_gets_each_state_once(fakes: Fakes) -> None:
    job = submit(fakes).job
    for pipeline in (71, 72, 73):
        asked(fakes, who=origin(pipeline=pipeline))
    report(job, fakes.world)
    completed(fakes, job, {"rmse": 50.0})
    for _ in range(3):
        report(job, fakes.world)
    for pipeline in (70, 71, 72, 73):
        assert states(fakes, pipeline) == ["running", "success"]


def test_a_status_that_was_overtaken_while_it_was_sent_is_set_right(fakes: Fakes) -> None:
    job = submit(fakes).job

    def faster() -> None:
        completed(fakes, job, {"rmse": 50.0})
        report(job, fakes.world)

    fakes.merge_requests.meanwhile("set_status", faster)
    report(job, fakes.world)
    assert states(fakes, 70)[-1] == "success"


def test_of_very_many_that_ask_the_newest_are_remembered_and_the_first_stays(fakes: Fakes) -> None:
    job = submit(fakes).job
    for pipeline in range(100, 100 + MOST_ORIGINS + 5):
        asked(fakes, who=origin(pipeline=pipeline))
    run = fakes.runs.runs["prices", job]
    assert len(run.also_asked) == MOST_ORIGINS
    assert run.asked_by[0].pipeline == 70
    assert run.asked_by[-1].pipeline == 100 + MOST_ORIGINS + 4
    assert set(run.told) == {str(one.pipeline) for one in run.asked_by}


def test_a_merge_request_that_was_deleted_does_not_keep_the_others_from_hearing(fakes: Fakes) -> None:
    job = submit(fakes, who=origin(merge_request=404)).job
    completed(fakes, job, {"rmse": 50.0})
    with pytest.raises(ServiceError, match="no merge request !404"):
        asked(fakes, who=origin(merge_request=9, pipeline=500))
    assert "✅" in fakes.merge_requests.only(9)
    assert states(fakes, 70) == states(fakes, 500) == ["success"]


def test_while_gitlab_is_away_one_call_is_made_not_one_for_everyone(fakes: Fakes) -> None:
    """Each takes long to fail, and the function has a minute."""
    job = trained(fakes).job
    asked(fakes, who=OTHER)
    fakes.merge_requests.down = RetryableError("GitLab can't be reached")
    calls = len(fakes.merge_requests.calls)
    with pytest.raises(RetryableError):
        asked(fakes, who=origin(merge_request=9, pipeline=90))
    assert len(fakes.merge_requests.calls) == calls + 1
    fakes.merge_requests.down = None
    heard(fakes, job, origin(merge_request=9, pipeline=90))
    assert "✅" in fakes.merge_requests.only(9)


# Work that waits ----------------------------------------------------------------------------


def test_a_run_that_waits_for_its_image_shows_so_from_the_first_moment_and_then_moves_on(fakes: Fakes) -> None:
    job = asked(fakes, image=False)
    assert "⏳ **prices** · waits for its image" in fakes.merge_requests.only(7)
    assert ["depth", "3"] in [line.replace("`", "").strip("| ").split(" | ") for line in _lines(fakes)]
    assert states(fakes, 70) == ["pending"]
    build(fakes, fakes.images.finish(TAG))
    report(job, fakes.world)
    assert "training" in fakes.merge_requests.only(7)
    completed(fakes, job, {"rmse": 50.0})
    report(job, fakes.world)
    assert "`rmse` **50**" in fakes.merge_requests.only(7)
    assert states(fakes, 70) == ["pending", "running", "success"]


def _lines(fakes: Fakes) -> list[str]:
    return fakes.merge_requests.only(7).splitlines()


def test_all_that_wait_for_the_same_run_hear_that_it_trains(fakes: Fakes) -> None:
    job = asked(fakes, image=False)
    assert asked(fakes, who=OTHER, image=False) == job
    assert "waits for its image" in fakes.merge_requests.only(8)
    build(fakes, fakes.images.finish(TAG))
    report(job, fakes.world)
    assert states(fakes, 70) == states(fakes, 80) == ["pending", "running"]
    assert "training" in fakes.merge_requests.only(8)


def test_all_that_wait_for_the_same_run_hear_that_its_image_could_not_be_built(fakes: Fakes) -> None:
    asked(fakes, image=False)
    asked(fakes, who=OTHER, image=False)
    build(fakes, fakes.images.break_build(TAG, "no such package"))
    for merge_request in (7, 8):
        assert "  the image could not be built: no such package" in fakes.merge_requests.only(merge_request)
    assert states(fakes, 70) == states(fakes, 80) == ["pending", "failed"]


def test_a_failed_build_that_could_not_be_told_to_all_is_told_again_only_to_the_others(fakes: Fakes) -> None:
    asked(fakes, image=False)
    asked(fakes, who=OTHER, image=False)
    failed = fakes.images.break_build(TAG, "no such package")
    calls = fakes.merge_requests.calls
    # After both notes and the first pipeline's status.
    fakes.merge_requests.fails_at = (len(calls) + 4, False)
    with pytest.raises(RetryableError, match="set_status was told to fail"):
        build(fakes, failed)
    build(fakes, failed)
    assert states(fakes, 70) == states(fakes, 80) == ["pending", "failed"]


def test_a_pipeline_that_is_forgotten_while_it_is_told_is_told_a_bounded_number_of_times(fakes: Fakes) -> None:
    job = submit(fakes).job
    fakes.runs.runs["prices", job] = asked_run = _asked(fakes, job)
    forgotten = replace(asked_run, also_asked=())
    fakes.merge_requests.after("set_status", lambda: fakes.runs.runs.update({("prices", job): forgotten}))
    report(job, fakes.world)
    assert len(fakes.merge_requests.statuses) <= 4


def _asked(fakes: Fakes, job: str) -> Run:
    """The record of a run that a second pipeline asked for."""
    report(job, fakes.world)
    fakes.merge_requests.statuses.clear()
    return replace(fakes.runs.runs["prices", job], also_asked=(OTHER,), told={})


def test_the_word_of_waiting_again_and_again_is_one_note_and_one_status(fakes: Fakes) -> None:
    job = asked(fakes, image=False)
    for _ in range(10):
        heard(fakes, job, origin())
    assert states(fakes, 70) == ["pending"]
    assert fakes.merge_requests.calls.count("edit_note") == 0


def test_a_late_word_of_waiting_after_the_build_failed_takes_nothing_back(fakes: Fakes) -> None:
    job = asked(fakes, image=False)
    build(fakes, fakes.images.break_build(TAG, "no such package"))
    heard(fakes, job, origin())
    assert "❌" in fakes.merge_requests.only(7)
    assert states(fakes, 70) == ["pending", "failed"]


def test_a_word_of_waiting_that_comes_between_the_failure_and_its_clearing_away_takes_nothing_back(
    fakes: Fakes,
) -> None:
    job = asked(fakes, image=False)
    fakes.files.meanwhile("delete", lambda: heard(fakes, job, origin()))
    build(fakes, fakes.images.break_build(TAG, "no such package"))
    assert "❌" in fakes.merge_requests.only(7)
    assert fakes.runs.runs["prices", job].status is Status.FAILED


def test_who_asked_before_the_build_failed_and_is_heard_after_it_is_told_that_it_failed(fakes: Fakes) -> None:
    job = asked(fakes, image=False)
    submit(fakes, who=OTHER, image=False)
    build(fakes, fakes.images.break_build(TAG, "no such package"))
    heard(fakes, job, OTHER)
    assert "no such package" in fakes.merge_requests.only(8)
    assert states(fakes, 80) == ["failed"]


def test_a_new_submit_after_the_build_failed_shows_that_it_waits_again(fakes: Fakes) -> None:
    job = asked(fakes, image=False)
    build(fakes, fakes.images.break_build(TAG, "no such package"))
    assert asked(fakes, who=LATER, image=False) == job
    assert "waits for its image" in fakes.merge_requests.only(7)
    assert states(fakes, 72) == ["pending"]
    build(fakes, fakes.images.finish(TAG))
    fakes.jobs.move(job, Status.IN_PROGRESS, created=fakes.now())
    report(job, fakes.world)
    assert "training" in fakes.merge_requests.only(7)


@pytest.mark.parametrize("status", [Status.IN_PROGRESS, Status.FAILED, Status.STOPPED])
def test_a_late_word_of_waiting_after_the_job_has_begun_or_ended_takes_nothing_back(
    fakes: Fakes, status: Status
) -> None:
    job = submit(fakes, image=False).job
    build(fakes, fakes.images.finish(TAG))
    fakes.jobs.move(job, status, reason="why")
    report(job, fakes.world)
    heard(fakes, job, origin())
    assert fakes.runs.runs["prices", job].status is status
    assert "waits" not in fakes.merge_requests.only(7)
    assert "pending" not in states(fakes, 70)


def test_a_word_of_a_run_that_neither_waits_nor_is_there_yet_comes_again(fakes: Fakes) -> None:
    """The build has ended, and its function is about to start the job."""
    job = submit(fakes, image=False).job
    fakes.files.delete(waiting_key("prices", TAG, job))
    with pytest.raises(RetryableError, match="it is about to start"):
        heard(fakes, job, origin())


# What anyone may have left there ------------------------------------------------------------


def left(fakes: Fakes, content: bytes, key: str | None = None) -> str:
    """Somebody puts `content` where a submission belongs."""
    key = key or submission_key("prices", submit(fakes).job, 80)
    fakes.files.put(key, content)
    return key


def request(fakes: Fakes, who: Origin = OTHER) -> dict[str, object]:
    """A submission as it should be."""
    job = submit(fakes, who=origin()).job
    submit(fakes, who=who)
    found: dict[str, object] = json.loads(fakes.files[submission_key("prices", job, who.pipeline)])
    return found


@pytest.mark.parametrize("content", [b"", b"junk", b"[]", b"{}", b"\xff", b"[" * 5000, b"null"])
def test_junk_is_refused(fakes: Fakes, content: bytes) -> None:
    with pytest.raises(UsageError, match="waiting run"):
        submitted(left(fakes, content), fakes.world, fakes.now)
    assert fakes.merge_requests.calls == []


def test_a_huge_object_is_not_read(fakes: Fakes) -> None:
    with pytest.raises(RefusedError, match="bytes"):
        submitted(left(fakes, b" " * 1_000_001), fakes.world, fakes.now)


def test_a_submission_of_another_project_is_none_of_our_business(fakes: Fakes) -> None:
    said = from_json(json.dumps(request(fakes)))
    theirs = replace(said, lineage=replace(said.lineage, project="shop-eu"))
    assert submitted(left(fakes, to_json(theirs).encode()), fakes.world, fakes.now) is None
    assert fakes.merge_requests.calls == []


@pytest.mark.parametrize(
    "change",
    [{"origin": origin(merge_request=9, pipeline=99)}, {"model": "rents"}, {"run_key": "0" * 64}],
    ids=["another pipeline", "another model", "another run"],
)
def test_a_submission_that_does_not_belong_under_its_key_is_refused(fakes: Fakes, change: dict[str, object]) -> None:
    said = from_json(json.dumps(request(fakes)))
    key = submission_key("prices", said.name, OTHER.pipeline)
    theirs = replace(said, lineage=lineage(**{"origin": OTHER, "run_key": said.lineage.run_key, **change}))
    fakes.files.put(key, to_json(theirs).encode())
    with pytest.raises((RefusedError, UsageError)):
        submitted(key, fakes.world, fakes.now)
    assert fakes.merge_requests.calls == []


def test_a_submission_that_is_gone_is_nothing(fakes: Fakes) -> None:
    assert submitted(submission_key("prices", "prices-0123456789ab", 7), fakes.world, fakes.now) is None
