"""Submit starts the work once, whoever asks, however often, and leaves nothing half done."""

import json

import pytest

from mergemaker.domain.errors import MergemakerError, RefusedError, RetryableError, ServiceError
from mergemaker.domain.job import from_json
from mergemaker.domain.names import code_key, image_context_key, spec_key, submission_key, waiting_prefix
from mergemaker.domain.run import Status
from mergemaker.steps.submit import How, Submitted
from tests.fakes.made import MODEL_TOML, bundle_digest, folder, origin
from tests.fakes.story import submitted
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
    with pytest.raises(RefusedError, match="20 runs of these very files have failed"):
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


# The image ----------------------------------------------------------------------------------


def test_without_its_image_the_run_waits_and_a_build_starts(fakes: Fakes) -> None:
    done = submitted(fakes, image=False)
    tag = folder().image_tag
    assert done == Submitted(done.job, How.WAITS, Status.WAITING)
    assert fakes.jobs.jobs == {}
    assert fakes.images.builds == [(tag, image_context_key("prices", tag))]
    assert fakes.files[image_context_key("prices", tag)] == b"image"
    left = from_json(fakes.files[f"{waiting_prefix(tag)}{done.job}.json"].decode())
    assert left.name == done.job
    assert left.lineage.origin == origin()


def test_two_who_wait_for_one_image_start_one_build(fakes: Fakes) -> None:
    submitted(fakes, image=False)
    submitted(fakes, folder(code="other"), image=False)
    assert len(fakes.images.builds) == 1


def test_an_image_that_was_built_meanwhile_starts_the_run_at_once(fakes: Fakes) -> None:
    tag = folder().image_tag
    fakes.images.meanwhile("build", lambda: fakes.images.finish(tag))
    done = submitted(fakes, image=False)
    assert done.how is How.STARTED
    assert done.job in fakes.jobs


def test_a_build_that_could_not_be_asked_for_is_asked_for_by_the_next_submit(fakes: Fakes) -> None:
    fakes.images.fail("build")
    with pytest.raises(RetryableError):
        submitted(fakes, image=False)
    assert submitted(fakes, image=False).how is How.WAITS
    assert len(fakes.images.builds) == 1
