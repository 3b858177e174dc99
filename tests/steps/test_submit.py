"""Submit starts the work once, whoever asks, however often, and leaves nothing half done."""

import json

import pytest

from mergemaker.domain.errors import MergemakerError, RefusedError, RetryableError, ServiceError
from mergemaker.domain.job import from_json
from mergemaker.domain.names import code_key, image_context_key, spec_key, submission_key, waiting_key
from mergemaker.domain.run import Status
from mergemaker.steps.begin import How
from mergemaker.steps.prepare import run_waits
from mergemaker.steps.report import report
from mergemaker.steps.submit import Folder, Submitted
from tests.fakes.made import MODEL_TOML, bundle_digest, folder, origin
from tests.fakes.story import approved, completed, submitted, trained
from tests.fakes.world import Fakes


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


def test_the_first_time_code_settings_and_data_are_stored_and_the_job_starts(fakes: Fakes) -> None:
    done = submitted(fakes)
    request = fakes.jobs.requests[done.job]
    data = request.lineage.data
    assert done == Submitted(request.name, How.STARTED, Status.IN_PROGRESS)
    assert done.job == f"prices-{request.lineage.run_key[:12]}"
    assert fakes.files[code_key("prices", bundle_digest("code"))] == folder().code.archive()
    assert fakes.files[spec_key("prices", request.lineage.spec)] == MODEL_TOML.encode()
    assert fakes.files[f"prices/data/{data}/training/rows.csv"] == b"1,2,3"
    assert fakes.jobs.jobs[done.job].work.image == fakes.images.images[folder().image_tag]


def test_a_job_is_asked_for_as_script_mode_wants_it(fakes: Fakes) -> None:
    request = fakes.jobs.requests[submitted(fakes).job]
    bucket = f"s3://{fakes.names.bucket}/prices"
    assert request.hyperparameters == {
        "depth": "3",
        "sagemaker_program": '"train.py"',
        "sagemaker_submit_directory": json.dumps(f"{bucket}/code/{bundle_digest('code')}.tar.gz"),
        "sagemaker_region": '"eu-west-1"',
    }
    assert request.channels == {"training": f"{bucket}/data/{request.lineage.data}/training/"}
    assert request.output == f"{bucket}/output"
    assert request.metric_regexes == {"rmse": "rmse=([0-9.]+)"}
    assert request.lineage.origin == origin()


def test_the_same_again_finds_the_run_and_touches_nothing(fakes: Fakes) -> None:
    first = submitted(fakes)
    before = dict(fakes.files.objects)
    again = submitted(fakes, who=origin(pipeline=71))
    assert again == Submitted(first.job, How.FOUND, Status.IN_PROGRESS)
    assert {key: content for key, content in fakes.files.objects.items() if key in before} == before
    assert fakes.files.objects.keys() - before == {submission_key("prices", first.job, 71)}
    assert list(fakes.jobs.jobs) == [first.job]


def test_a_run_that_starts_tells_by_itself_and_leaves_no_submission(fakes: Fakes) -> None:
    assert submission_key("prices", submitted(fakes).job, 70) not in fakes.files


@pytest.mark.parametrize("image", [True, False])
def test_who_finds_a_run_or_has_to_wait_leaves_word_of_who_asked(fakes: Fakes, image: bool) -> None:
    if image:
        submitted(fakes)
    who = origin(pipeline=71, merge_request=8)
    job = submitted(fakes, who=who, image=image).job
    left = from_json(fakes.files[submission_key("prices", job, 71)].decode())
    assert (left.name, left.lineage.origin) == (job, who)


def test_a_completed_run_is_found_too(fakes: Fakes) -> None:
    first = submitted(fakes)
    fakes.jobs.move(first.job, Status.COMPLETED)
    assert submitted(fakes) == Submitted(first.job, How.FOUND, Status.COMPLETED)


@pytest.mark.parametrize("status", [Status.FAILED, Status.STOPPED])
def test_after_a_failure_the_next_attempt_gets_the_next_number(fakes: Fakes, status: Status) -> None:
    first = submitted(fakes).job
    fakes.jobs.move(first, status)
    second = submitted(fakes)
    fakes.jobs.move(second.job, status)
    third = submitted(fakes)
    assert (second.job, third.job) == (f"{first}-2", f"{first}-3")
    assert second.how is third.how is How.STARTED


def test_what_has_failed_twenty_times_is_refused(fakes: Fakes) -> None:
    for _ in range(20):
        fakes.jobs.move(submitted(fakes).job, Status.FAILED)
    with pytest.raises(RefusedError, match="20 runs of these very files, repeats among them"):
        submitted(fakes)


def test_two_at_the_same_moment_start_one_job(fakes: Fakes) -> None:
    fakes.jobs.meanwhile("start", lambda: submitted(fakes, who=origin(merge_request=8)))
    done = submitted(fakes)
    assert done.how is How.FOUND
    assert list(fakes.jobs.jobs) == [done.job]


def test_a_lost_answer_and_a_second_try_start_one_job(fakes: Fakes) -> None:
    fakes.jobs.fail("start", after=True)
    with pytest.raises(RetryableError):
        submitted(fakes)
    assert submitted(fakes).how is How.FOUND
    assert len(fakes.jobs.jobs) == 1


@pytest.mark.parametrize(
    ("port", "call"),
    [("files", "write"), ("files", "copy"), ("files", "list"), ("jobs", "find"), ("jobs", "start"), ("images", "find")],
)
@pytest.mark.parametrize("after", [False, True])
def test_whatever_fails_the_second_try_makes_good(fakes: Fakes, port: str, call: str, after: bool) -> None:
    getattr(fakes, port).fail(call, ServiceError("no"), after=after)
    with pytest.raises(MergemakerError):
        submitted(fakes)
    whole = Fakes()
    expected = submitted(whole)
    assert submitted(fakes).job == expected.job
    told = submission_key("prices", expected.job, 70)  # where the job was there at the second try
    assert {**fakes.files.objects, told: b""} == {**whole.files.objects, told: b""}
    assert list(fakes.jobs.jobs) == [expected.job]


# Again, by force ------------------------------------------------------------------------------


def test_by_force_it_trains_again_and_the_note_is_about_the_new_run(fakes: Fakes) -> None:
    first = trained(fakes, rmse=54.25)
    second = submitted(fakes, who=origin(pipeline=71), force=True)
    assert (second.job, second.how) == (f"{first.job}-2", How.STARTED)
    completed(fakes, second.job, {"rmse": 50.5})
    run = report(second.job, fakes.world)
    assert run is not None
    assert (run.status, run.lineage.repeats) == (Status.COMPLETED, first.job)
    assert second.job in fakes.merge_requests.only(7)
    assert "50.5" in fakes.merge_requests.only(7)


def test_a_forced_run_is_what_later_submits_find_and_a_merge_releases(fakes: Fakes) -> None:
    first = trained(fakes)
    second = submitted(fakes, who=origin(pipeline=71), force=True).job
    completed(fakes, second, {"rmse": 50.5})
    report(second, fakes.world)
    assert submitted(fakes, who=origin(pipeline=72)).job == second
    assert approved(fakes, first).job == second


def test_a_merge_releases_the_run_that_was_asked_for_last_though_it_ended_first(fakes: Fakes) -> None:
    first = submitted(fakes).job
    second = submitted(fakes, who=origin(pipeline=71), force=True).job
    for job in (second, first):
        completed(fakes, job, {"rmse": 50.5})
        run = report(job, fakes.world)
    assert run is not None
    assert second in fakes.merge_requests.only(7)
    assert approved(fakes, run).job == second


def test_when_a_forced_run_fails_the_one_before_it_is_found_again(fakes: Fakes) -> None:
    first = trained(fakes).job
    second = submitted(fakes, force=True).job
    fakes.jobs.move(second, Status.FAILED)
    assert submitted(fakes).job == first
    assert submitted(fakes, force=True).job == f"{first}-3"


def test_a_forced_run_does_not_go_on_from_the_checkpoints_of_the_one_before(fakes: Fakes) -> None:
    of = folder(f"[train]\ncheckpoints = true\n{MODEL_TOML}")
    first = submitted(fakes, of).job
    second = submitted(fakes, of, force=True).job
    kept = f"s3://{fakes.names.bucket}/prices/checkpoints/"
    assert fakes.jobs.requests[first].checkpoints == f"{kept}{fakes.jobs.requests[first].lineage.run_key}/"
    assert fakes.jobs.requests[second].checkpoints == f"{kept}{second}/"
    fakes.jobs.move(first, Status.FAILED)
    fakes.jobs.move(second, Status.COMPLETED)
    assert submitted(fakes, of).job == second


def test_force_where_nothing_was_trained_is_a_first_run(fakes: Fakes) -> None:
    done = submitted(fakes, force=True)
    lineage = fakes.jobs.requests[done.job].lineage
    assert (done.job, lineage.repeats) == (f"prices-{lineage.run_key[:12]}", "")


# The budget -----------------------------------------------------------------------------------


def budgeted(train: str) -> Folder:
    return folder(f"[train]\n{train}\n{MODEL_TOML}")


def test_what_may_cost_more_than_its_budget_starts_nothing(fakes: Fakes) -> None:
    with pytest.raises(RefusedError) as told:
        submitted(fakes, budgeted("instance_count = 2\nmax_runtime_minutes = 90\nbudget = 0.34"))
    assert str(told.value) == (
        "prices: 2 × ml.m5.large for up to 90 minutes may cost $0.345, and train.budget is $0.340: lower "
        "train.max_runtime_minutes, or raise the budget"
    )
    assert (fakes.jobs.jobs, [key for key in fakes.files.objects if "/code/" in key]) == ({}, [])


def test_what_costs_as_much_as_its_budget_at_most_is_trained(fakes: Fakes) -> None:
    assert submitted(fakes, budgeted("max_runtime_minutes = 60\nbudget = 0.115")).how is How.STARTED


def test_a_budget_for_a_machine_of_unknown_price_is_refused(fakes: Fakes) -> None:
    with pytest.raises(RefusedError, match=r"nobody knows what ml\.x9\.large costs: add its price"):
        submitted(fakes, budgeted("instance_type = 'ml.x9.large'\nbudget = 1000"))


# The image ----------------------------------------------------------------------------------


def test_without_its_image_the_run_waits_and_a_build_starts(fakes: Fakes) -> None:
    done = submitted(fakes, image=False)
    tag = folder().image_tag
    assert done == Submitted(done.job, How.WAITS_FOR_IMAGE, Status.WAITING)
    assert fakes.jobs.jobs == {}
    assert fakes.images.builds == [(tag, image_context_key("prices", tag))]
    assert fakes.files[image_context_key("prices", tag)] == b"image"
    left = from_json(fakes.files[waiting_key("prices", tag, done.job)].decode())
    assert left.name == done.job
    assert left.lineage.origin == origin()


def test_two_who_wait_for_one_image_start_one_build(fakes: Fakes) -> None:
    submitted(fakes, image=False)
    submitted(fakes, folder(code="other"), image=False)
    assert len(fakes.images.builds) == 1


def test_an_image_that_was_built_meanwhile_starts_the_run_when_the_bucket_tells_that_it_waits(fakes: Fakes) -> None:
    tag = folder().image_tag
    fakes.images.meanwhile("build", lambda: fakes.images.finish(tag))
    done = submitted(fakes, image=False)
    assert done.job not in fakes.jobs
    key = waiting_key("prices", tag, done.job)
    for _ in range(2):
        run_waits(key, fakes.world, fakes.now)
    assert list(fakes.jobs.jobs) == [done.job]
    assert key not in fakes.files


def test_a_run_whose_image_is_still_being_built_waits_on(fakes: Fakes) -> None:
    done = submitted(fakes, image=False)
    key = waiting_key("prices", folder().image_tag, done.job)
    assert run_waits(key, fakes.world, fakes.now) == []
    assert key in fakes.files


def test_a_build_that_could_not_be_asked_for_is_asked_for_by_the_next_submit(fakes: Fakes) -> None:
    fakes.images.fail("build")
    with pytest.raises(RetryableError):
        submitted(fakes, image=False)
    assert submitted(fakes, image=False).how is How.WAITS_FOR_IMAGE
    assert len(fakes.images.builds) == 1
