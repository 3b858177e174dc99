"""What nobody wants any more is stopped, and nothing that anybody wants."""

from contextlib import suppress
from dataclasses import replace

import pytest

from mergemaker.domain.errors import RetryableError, ServiceError
from mergemaker.domain.lineage import Origin
from mergemaker.domain.run import Run, Status
from mergemaker.steps.image import build_ended
from mergemaker.steps.report import report
from mergemaker.steps.sweep import sweep
from mergemaker.steps.unwanted import PATIENCE
from tests.fakes.made import folder, origin
from tests.fakes.story import asked, completed, heard, submitted, trained
from tests.fakes.world import Fakes
from tests.steps.test_prepare import prepared_folder

OLD, NEW = folder(code="old"), folder(code="new")
TAG = folder().image_tag
LATER = origin(pipeline=71)
OTHER = origin(merge_request=8, pipeline=80, branch="same-again")
OTHER_LATER = replace(OTHER, pipeline=81)
BRANCH = origin(merge_request=None, ref="main", branch="main", pipeline=75)


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


def look(fakes: Fakes) -> list[str]:
    """The sweep of now."""
    return sweep(fakes.world, now=fakes.time)


def begun(fakes: Fakes, code: str = "old", who: Origin | None = None) -> str:
    """A run that trains, and of which the report function has heard."""
    job = submitted(fakes, folder(code=code), who or origin()).job
    report(job, fakes.world)
    return job


def ended(fakes: Fakes, job: str) -> Run:
    """SageMaker stops a job that it was asked to stop, and says so."""
    assert fakes.jobs.jobs[job].status is Status.STOPPING
    fakes.jobs.move(job, Status.STOPPED, reason="Somebody stopped it.")
    run = report(job, fakes.world)
    assert run is not None
    return run


def started(fakes: Fakes, job: str) -> None:
    """The job of a run that waited is heard of."""
    fakes.jobs.move(job, Status.IN_PROGRESS, created=fakes.now())
    report(job, fakes.world)


def status(fakes: Fakes, job: str) -> Status:
    return fakes.jobs.jobs[job].status


def said(fakes: Fakes, pipeline: int) -> tuple[str, str]:
    """A pipeline's commit status as it is now."""
    last = [one for one in fakes.merge_requests.statuses if one.pipeline == pipeline][-1]
    return last.state, last.description


def build(fakes: Fakes, arn: str) -> list[str]:
    return build_ended(TAG, arn, world=fakes.world, clock=fakes.now)


# A newer push -------------------------------------------------------------------------------


def test_a_newer_push_stops_the_older_run_and_each_says_so(fakes: Fakes) -> None:
    old = begun(fakes)
    new = begun(fakes, "new", LATER)
    assert (status(fakes, old), status(fakes, new)) == (Status.STOPPING, Status.IN_PROGRESS)
    run = ended(fakes, old)
    assert run.reason == f"superseded by {new} of a newer push"
    assert said(fakes, 70) == ("canceled", f"stopped: superseded by {new} of a newer push")
    assert said(fakes, 71)[0] == "running"
    assert new in fakes.merge_requests.only(7)
    assert old not in fakes.merge_requests.only(7)


def test_a_run_is_asked_to_stop_once_however_often_events_come(fakes: Fakes) -> None:
    old = begun(fakes)
    new = begun(fakes, "new", LATER)
    for _ in range(3):
        report(new, fakes.world)
        report(old, fakes.world)
    assert fakes.jobs.calls.count("stop") == 1


@pytest.mark.parametrize("order", [(0, 2, 1), (2, 0, 1), (2, 1, 0), (1, 2, 0), (1, 0, 2)])
def test_in_whatever_order_three_pushes_are_heard_of_the_last_one_trains_on(
    fakes: Fakes, order: tuple[int, ...]
) -> None:
    jobs = [submitted(fakes, folder(code=str(n)), origin(pipeline=70 + n)).job for n in range(3)]
    for number in order:
        report(jobs[number], fakes.world)
    assert [status(fakes, job) for job in jobs] == [Status.STOPPING, Status.STOPPING, Status.IN_PROGRESS]
    assert jobs[2] in fakes.merge_requests.only(7)


def test_what_another_merge_request_wants_goes_on_until_that_one_is_superseded_too(fakes: Fakes) -> None:
    old = begun(fakes)
    asked(fakes, OLD, OTHER)
    begun(fakes, "new", LATER)
    assert status(fakes, old) is Status.IN_PROGRESS
    other = begun(fakes, "other", OTHER_LATER)
    run = ended(fakes, old)
    assert f"superseded by {other} of a newer push" in run.reason
    assert said(fakes, 70)[0] == said(fakes, 80)[0] == "canceled"


def test_what_a_branch_wants_goes_on(fakes: Fakes) -> None:
    old = begun(fakes)
    asked(fakes, OLD, BRANCH)
    begun(fakes, "new", LATER)
    assert status(fakes, old) is Status.IN_PROGRESS


def test_what_a_release_was_wished_for_of_goes_on(fakes: Fakes) -> None:
    old = begun(fakes, who=origin(tag="v1.0"))
    begun(fakes, "new", LATER)
    assert status(fakes, old) is Status.IN_PROGRESS


def test_another_run_of_the_same_pipeline_is_no_newer_push(fakes: Fakes) -> None:
    """A job that is tried again, after its input has changed."""
    first = begun(fakes)
    second = begun(fakes, "new", origin())
    assert status(fakes, first) is status(fakes, second) is Status.IN_PROGRESS


def test_another_models_run_is_left_alone(fakes: Fakes) -> None:
    old = begun(fakes)
    fakes.files.put("rents/input/train/rows.csv", b"1")
    report(submitted(fakes, folder(model="rents"), LATER).job, fakes.world)
    assert status(fakes, old) is Status.IN_PROGRESS


def test_what_has_ended_by_itself_is_released_as_ever(fakes: Fakes) -> None:
    old = begun(fakes)
    begun(fakes, "new", LATER)
    completed(fakes, old, {"rmse": 1.0})
    run = report(old, fakes.world)
    assert run is not None
    assert (run.status, run.reason, run.version) == (Status.COMPLETED, "", 1)
    assert said(fakes, 70)[0] == "success"


def test_who_ran_out_of_time_meanwhile_hears_that(fakes: Fakes) -> None:
    old = begun(fakes)
    begun(fakes, "new", LATER)
    fakes.jobs.move(old, Status.STOPPED, phase="MaxRuntimeExceeded", reason="It ran longer than allowed.")
    run = report(old, fakes.world)
    assert run is not None
    assert run.reason == "It ran longer than allowed."


@pytest.mark.parametrize("image", [True, False], ids=["trains", "waits"])
def test_what_can_not_be_stopped_or_told_does_not_keep_the_newer_run_from_being_shown(
    fakes: Fakes, image: bool
) -> None:
    asked(fakes, OLD, image=image)
    if image:
        report(next(iter(fakes.jobs.jobs)), fakes.world)
    new = submitted(fakes, NEW, LATER, image=image).job
    port, call = (fakes.jobs, "stop") if image else (fakes.merge_requests, "set_status")
    port.fail(call, ServiceError("it says 403"))
    with pytest.raises(ServiceError, match="it says 403"):
        report(new, fakes.world) if image else heard(fakes, new, LATER)
    assert new in fakes.merge_requests.only(7)


# The old content again ----------------------------------------------------------------------


@pytest.mark.parametrize("stopped", [False, True])
def test_the_old_content_pushed_again_trains_in_a_run_of_its_own_whatever_is_heard_late(
    fakes: Fakes, stopped: bool
) -> None:
    old = begun(fakes)
    new = begun(fakes, "new", LATER)
    if stopped:
        ended(fakes, old)
    again = begun(fakes, "old", origin(pipeline=72))
    assert again == f"{old}-2"
    for job in (new, old, again, new):
        report(job, fakes.world)
    assert (status(fakes, new), status(fakes, again)) == (Status.STOPPING, Status.IN_PROGRESS)
    assert again in fakes.merge_requests.only(7)


def test_a_run_that_is_wanted_again_before_it_was_stopped_goes_on_and_the_newer_one_stops(fakes: Fakes) -> None:
    old = begun(fakes)
    new = submitted(fakes, NEW, LATER).job
    asked(fakes, OLD, origin(pipeline=72))
    report(new, fakes.world)
    assert (status(fakes, old), status(fakes, new)) == (Status.IN_PROGRESS, Status.STOPPING)


def test_a_run_that_somebody_has_asked_for_whose_word_is_on_its_way_is_not_stopped(fakes: Fakes) -> None:
    old = begun(fakes)
    submitted(fakes, OLD, origin(pipeline=72))
    new = begun(fakes, "new", LATER)
    assert status(fakes, old) is Status.IN_PROGRESS
    heard(fakes, old, origin(pipeline=72))
    assert status(fakes, new) is Status.STOPPING
    assert old in fakes.merge_requests.only(7)


def test_who_asks_between_the_look_and_the_decision_keeps_the_run_going(fakes: Fakes) -> None:
    old = begun(fakes)
    new = submitted(fakes, NEW, LATER).job

    def faster() -> None:
        with suppress(RetryableError):  # merge request 7's note is being written
            asked(fakes, OLD, OTHER)

    fakes.files.after("list", faster)
    report(new, fakes.world)
    assert fakes.runs.runs["prices", old].asked_by[-1] == OTHER
    heard(fakes, old, OTHER)
    look(fakes)
    assert status(fakes, old) is Status.IN_PROGRESS


# Runs that wait -----------------------------------------------------------------------------


def test_a_run_that_waits_is_given_up_at_once_and_does_not_start_later(fakes: Fakes) -> None:
    old = asked(fakes, OLD, image=False)
    new = asked(fakes, NEW, LATER, image=False)
    assert said(fakes, 70) == ("canceled", f"stopped: superseded by {new} of a newer push")
    assert new in fakes.merge_requests.only(7)
    build(fakes, fakes.images.finish(TAG))
    assert list(fakes.jobs.jobs) == [new]
    assert fakes.runs.runs["prices", old].status is Status.STOPPED
    assert not [key for key in fakes.files.objects if "/code/waiting/" in key]


def test_what_was_given_up_stays_so_when_its_image_can_not_be_built(fakes: Fakes) -> None:
    asked(fakes, OLD, image=False)
    asked(fakes, NEW, LATER, image=False)
    build(fakes, fakes.images.break_build(TAG, "no such package"))
    assert (said(fakes, 70)[0], said(fakes, 71)[0]) == ("canceled", "failed")


@pytest.mark.parametrize("who", [origin(pipeline=72), OTHER, BRANCH], ids=["a newer push", "another", "a branch"])
@pytest.mark.parametrize("word", [True, False], ids=["word came", "word is on its way"])
def test_a_run_that_was_given_up_and_is_wanted_again_starts(fakes: Fakes, who: Origin, word: bool) -> None:
    old = asked(fakes, OLD, image=False)
    asked(fakes, NEW, LATER, image=False)
    submitted(fakes, OLD, who, image=False)
    if word:
        heard(fakes, old, who)
        assert said(fakes, who.pipeline)[0] == "pending"
    build(fakes, fakes.images.finish(TAG))
    assert status(fakes, old) is Status.IN_PROGRESS
    heard(fakes, old, who)
    started(fakes, old)
    assert said(fakes, who.pipeline)[0] == "running"
    assert fakes.runs.runs["prices", old].reason == ""


def test_a_run_that_starts_while_it_is_given_up_is_stopped_as_soon_as_its_job_is_heard_of(fakes: Fakes) -> None:
    old = asked(fakes, OLD, image=False)
    fakes.jobs.meanwhile("start", lambda: begun(fakes, "new", LATER))
    build(fakes, fakes.images.finish(TAG))
    assert fakes.runs.runs["prices", old].status is Status.STOPPED
    started(fakes, old)
    assert status(fakes, old) is Status.STOPPING


# Merge requests that were closed ------------------------------------------------------------


@pytest.mark.parametrize("state", ["opened", "locked", "merged"])
def test_a_sweep_leaves_alone_what_is_not_closed(fakes: Fakes, state: str) -> None:
    job = begun(fakes)
    fakes.merge_requests.states[7] = state
    assert look(fakes) == []
    assert status(fakes, job) is Status.IN_PROGRESS


def test_closing_a_merge_request_stops_its_runs_and_says_so(fakes: Fakes) -> None:
    jobs = [begun(fakes)]
    fakes.files.put("rents/input/train/rows.csv", b"1")
    jobs.append(submitted(fakes, folder(model="rents")).job)
    report(jobs[1], fakes.world)
    other = begun(fakes, "other", OTHER)
    fakes.merge_requests.states[7] = "closed"
    assert look(fakes) == jobs
    assert look(fakes) == []
    for job in jobs:
        assert ended(fakes, job).reason == "merge request !7 was closed"
    assert said(fakes, 70) == ("canceled", "stopped: merge request !7 was closed")
    assert "merge request !7 was closed" in "".join(fakes.merge_requests.bodies(7))
    assert status(fakes, other) is Status.IN_PROGRESS


def test_a_merge_request_that_was_deleted_is_closed(fakes: Fakes) -> None:
    job = submitted(fakes, who=origin(merge_request=404)).job
    with pytest.raises(ServiceError):
        report(job, fakes.world)
    assert look(fakes) == [job]


def test_a_run_of_two_merge_requests_stops_when_the_second_is_closed_and_the_first_has_moved_on(fakes: Fakes) -> None:
    old = begun(fakes)
    asked(fakes, OLD, OTHER)
    new = begun(fakes, "new", LATER)
    assert look(fakes) == []
    fakes.merge_requests.states[8] = "closed"
    assert look(fakes) == [old]
    assert ended(fakes, old).reason == f"superseded by {new} of a newer push, merge request !8 was closed"


def test_what_a_branch_wants_goes_on_after_its_merge_request_was_closed(fakes: Fakes) -> None:
    job = begun(fakes)
    asked(fakes, folder(code="old"), BRANCH)
    fakes.merge_requests.states[7] = "closed"
    assert look(fakes) == []
    assert status(fakes, job) is Status.IN_PROGRESS


def test_after_reopening_the_same_content_trains_again(fakes: Fakes) -> None:
    job = begun(fakes)
    fakes.merge_requests.states[7] = "closed"
    look(fakes)
    ended(fakes, job)
    del fakes.merge_requests.states[7]
    again = begun(fakes, "old", origin())
    assert again == f"{job}-2"
    assert look(fakes) == []
    assert again in fakes.merge_requests.only(7)


def test_a_run_that_waited_starts_if_its_merge_request_is_open_and_not_if_it_is_closed(fakes: Fakes) -> None:
    job, other = asked(fakes, OLD, image=False), asked(fakes, NEW, OTHER, image=False)
    fakes.merge_requests.states[7] = "closed"
    build(fakes, fakes.images.finish(TAG))
    assert list(fakes.jobs.jobs) == [other]
    assert said(fakes, 70) == ("canceled", "stopped: merge request !7 was closed")
    del fakes.merge_requests.states[7]
    assert submitted(fakes, OLD, origin(pipeline=71)).job == job
    started(fakes, job)
    assert said(fakes, 71)[0] == "running"


def test_a_run_whose_merge_request_was_opened_again_in_time_waits_on_and_says_so(fakes: Fakes) -> None:
    """Its job was tried again in the same pipeline, of which nobody is told by an event."""
    preparing = prepared_folder()
    job = submitted(fakes, preparing, image=False).job
    heard(fakes, job, origin())
    fakes.merge_requests.states[7] = "closed"
    build(fakes, fakes.images.finish(TAG))
    assert fakes.runs.runs["prices", job].status is Status.STOPPED
    fakes.images.images.clear()
    assert submitted(fakes, preparing, image=False).job == job
    del fakes.merge_requests.states[7]
    build(fakes, fakes.images.finish(TAG))
    assert fakes.runs.runs["prices", job].status is Status.WAITING
    assert "waits for its data" in fakes.merge_requests.only(7)
    assert said(fakes, 70)[0] == "pending"


def test_many_runs_of_one_merge_request_cost_gitlab_one_question(fakes: Fakes) -> None:
    for code in ("one", "two", "three"):
        begun(fakes, code)
    calls = fakes.merge_requests.calls.count("state")
    look(fakes)
    assert fakes.merge_requests.calls.count("state") == calls + 1


@pytest.mark.parametrize("error", [RetryableError("GitLab can't be reached"), ServiceError("GitLab says 403")])
def test_while_gitlab_does_not_answer_nothing_is_stopped_and_it_is_asked_once(fakes: Fakes, error: Exception) -> None:
    for number in range(3):
        begun(fakes, str(number), origin(merge_request=7 + number, pipeline=70 + number))
        fakes.merge_requests.states[7 + number] = "closed"
    asked_before = len(fakes.merge_requests.calls)
    fakes.merge_requests.down = error
    assert look(fakes) == []
    assert len(fakes.merge_requests.calls) == asked_before + 1
    fakes.merge_requests.down = None
    assert len(look(fakes)) == 3


def test_a_run_that_waited_does_not_wait_for_gitlab(fakes: Fakes) -> None:
    jobs = [asked(fakes, OLD, image=False), asked(fakes, NEW, OTHER, image=False)]
    fakes.merge_requests.down = RetryableError("GitLab can't be reached")
    calls = len(fakes.merge_requests.calls)
    build(fakes, fakes.images.finish(TAG))
    assert sorted(fakes.jobs.jobs) == sorted(jobs)
    assert len(fakes.merge_requests.calls) == calls + 1


# Pushes that submit the model no more --------------------------------------------------------


def pushed(fakes: Fakes, head: str = "d" * 40, merge_request: int = 7) -> None:
    """A push that takes the model away, says [skip train], or whose job fails."""
    fakes.merge_requests.heads[merge_request] = (head, fakes.time)


def long_after(fakes: Fakes) -> None:
    fakes.time += PATIENCE


def test_a_push_that_does_not_submit_the_model_stops_its_run(fakes: Fakes) -> None:
    job = begun(fakes)
    pushed(fakes)
    assert look(fakes) == []
    long_after(fakes)
    assert look(fakes) == [job]
    assert look(fakes) == []
    assert ended(fakes, job).reason == "superseded by a newer push"
    assert said(fakes, 70) == ("canceled", "stopped: superseded by a newer push")


def test_a_push_has_a_while_to_ask_for_the_run_however_old_that_is(fakes: Fakes) -> None:
    job = begun(fakes)
    long_after(fakes)
    pushed(fakes)
    assert look(fakes) == []
    asked(fakes, OLD, replace(LATER, commit="d" * 40))
    long_after(fakes)
    assert look(fakes) == []
    assert status(fakes, job) is Status.IN_PROGRESS


def test_so_has_a_run_that_an_older_pipeline_has_only_just_started(fakes: Fakes) -> None:
    pushed(fakes)
    long_after(fakes)
    job = submitted(fakes, OLD).job
    fakes.jobs.move(job, Status.IN_PROGRESS, created=fakes.time)
    report(job, fakes.world)
    assert look(fakes) == []
    long_after(fakes)
    assert look(fakes) == [job]


def test_where_merged_results_are_trained_the_branchs_own_head_is_what_counts(fakes: Fakes) -> None:
    begun(fakes, "old", origin(pipeline_commit="e" * 40, ref="refs/merge-requests/7/merge"))
    long_after(fakes)
    assert look(fakes) == []
    assert "pushed" not in fakes.merge_requests.calls


@pytest.mark.parametrize("other", [OTHER, BRANCH, replace(LATER, tag="v1")], ids=["another", "a branch", "a tag"])
def test_what_somebody_else_wants_goes_on_after_a_push(fakes: Fakes, other: Origin) -> None:
    begun(fakes)
    asked(fakes, OLD, other)
    pushed(fakes)
    long_after(fakes)
    assert look(fakes) == []


def test_a_run_that_two_merge_requests_have_left_behind_is_stopped(fakes: Fakes) -> None:
    job = begun(fakes)
    asked(fakes, OLD, OTHER)
    for number in (7, 8):
        pushed(fakes, merge_request=number)
    long_after(fakes)
    assert look(fakes) == [job]


@pytest.mark.parametrize("state", ["locked", "merged"])
def test_what_is_merged_or_about_to_be_stops_nothing(fakes: Fakes, state: str) -> None:
    begun(fakes)
    pushed(fakes)
    fakes.merge_requests.states[7] = state
    long_after(fakes)
    assert look(fakes) == []


def test_a_push_whose_word_is_on_its_way_keeps_the_run(fakes: Fakes) -> None:
    begun(fakes)
    pushed(fakes)
    submitted(fakes, OLD, replace(LATER, commit="d" * 40))
    long_after(fakes)
    assert look(fakes) == []


def test_while_the_head_is_not_known_or_moves_on_nothing_is_stopped(fakes: Fakes) -> None:
    begun(fakes)
    pushed(fakes, "")
    long_after(fakes)
    assert look(fakes) == []
    pushed(fakes)
    long_after(fakes)
    fakes.merge_requests.meanwhile("pushed", lambda: pushed(fakes, "e" * 40))
    assert look(fakes) == []


def test_a_run_that_waited_does_not_start_if_a_push_has_left_it_behind(fakes: Fakes) -> None:
    asked(fakes, OLD, image=False)
    pushed(fakes)
    long_after(fakes)
    build(fakes, fakes.images.finish(TAG))
    assert not fakes.jobs.jobs
    assert said(fakes, 70) == ("canceled", "stopped: superseded by a newer push")


# What else a sweep finds --------------------------------------------------------------------


def test_a_sweep_stops_a_superseded_run_that_an_event_has_missed(fakes: Fakes) -> None:
    old = begun(fakes)
    asked(fakes, OLD, OTHER)
    begun(fakes, "new", LATER)
    begun(fakes, "other", OTHER_LATER)
    fakes.jobs.move(old, Status.IN_PROGRESS)
    assert look(fakes) == [old]


def test_a_sweep_looks_at_nothing_but_this_projects_runs(fakes: Fakes) -> None:
    job = submitted(fakes).job  # whose event has not come yet
    for name in ("somebody-elses", "x", "prices-0123456789ab-2", "a" * 63, f"{job}-0123456789ab"):
        fakes.jobs.jobs[name] = replace(fakes.jobs.jobs[job], name=name)
    fakes.merge_requests.states[7] = "closed"
    assert look(fakes) == []
    assert fakes.merge_requests.calls == []


def test_a_run_that_can_not_be_stopped_does_not_save_the_others_and_is_told(fakes: Fakes) -> None:
    jobs = [begun(fakes, code) for code in ("one", "two")]
    fakes.merge_requests.states[7] = "closed"
    fakes.jobs.fail("stop", ServiceError("AWS says AccessDeniedException"))
    with pytest.raises(ServiceError, match="AccessDenied"):
        look(fakes)
    assert [status(fakes, job) for job in jobs] == [Status.IN_PROGRESS, Status.STOPPING]
    assert look(fakes) == [jobs[0]]


def test_a_completed_run_of_a_closed_merge_request_stays_as_it_is(fakes: Fakes) -> None:
    trained(fakes)
    before = dict(fakes.runs.runs)
    fakes.merge_requests.states[7] = "closed"
    assert look(fakes) == []
    assert fakes.runs.runs == before
