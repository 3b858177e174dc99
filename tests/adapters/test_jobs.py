"""The contract of `ports.Jobs`: what SageMaker does, the fake does."""

from dataclasses import replace

import pytest

from mergemaker.domain.errors import ServiceError
from mergemaker.domain.job import JobRequest
from mergemaker.domain.model import Resources
from mergemaker.domain.run import Status, Work
from mergemaker.ports import Jobs
from tests.adapters.conftest import NAMES
from tests.fakes.jobs import FakeJobs
from tests.fakes.made import lineage, origin
from tests.local.aws.helpers import wait_for


@pytest.fixture(params=["memory", pytest.param("sagemaker", marks=pytest.mark.cloud)])
def jobs(request: pytest.FixtureRequest) -> Jobs:
    if request.param == "memory":
        return FakeJobs()
    found: Jobs = request.getfixturevalue("aws").jobs
    return found


@pytest.fixture
def address(request: pytest.FixtureRequest, jobs: Jobs) -> str:
    """Of an image that is there."""
    return "any" if isinstance(jobs, FakeJobs) else str(request.getfixturevalue("image"))


def asked(name: str) -> JobRequest:
    return JobRequest(
        name=name,
        lineage=lineage(origin=origin(branch="ü=/日本 @all\n/merge")),
        hyperparameters={"depth": "3", "text": '"a b"', "sagemaker_program": '"train.py"'},
        channels={"training": f"s3://{NAMES.bucket}/prices/data/x/training/"},
        output=f"s3://{NAMES.bucket}/prices/output",
        resources=Resources("ml.m5.large", 1, 10, 3600),
        metric_regexes={"rmse": "rmse=([0-9.]+)"},
        content_types={"training": "text/csv"},
        input_modes={"training": "FastFile"},
        environment={"OMP_NUM_THREADS": "1"},
        checkpoints=f"s3://{NAMES.bucket}/prices/checkpoints/x/",
        max_wait_seconds=7200,
    )


def test_a_job_that_is_not_there_is_none(jobs: Jobs, name: str) -> None:
    assert jobs.find(name) is None


def test_a_started_job_is_found_with_its_whole_lineage_and_the_scripts_own_hyperparameters(
    jobs: Jobs, name: str, address: str
) -> None:
    request = asked(name)
    assert jobs.start(request, image=address)
    job = jobs.find(name)
    assert job is not None
    assert (job.name, job.work.image, job.work.instance) == (name, address, "1 × ml.m5.large")
    assert job.lineage == request.lineage
    assert job.work.own_hyperparameters == {"depth": "3", "text": '"a b"'}
    assert job.work == Work(
        image=address,
        hyperparameters=request.hyperparameters,
        channels=request.channels,
        output=request.output,
        resources=request.resources,
        content_types=request.content_types,
        environment=request.environment,
        checkpoints=request.checkpoints,
        metric_regexes=request.metric_regexes,
    )
    assert job.created.utcoffset() is not None
    assert (job.metrics, job.artifact) == ({}, "")


def test_a_second_job_of_the_name_is_not_started_and_the_first_stays(jobs: Jobs, name: str, address: str) -> None:
    assert jobs.start(asked(name), image=address)
    other = replace(asked(name), lineage=lineage(origin=origin(merge_request=8)))
    assert not jobs.start(other, image=address)
    job = jobs.find(name)
    assert job is not None
    assert job.lineage == asked(name).lineage


def test_a_job_goes_on_until_it_has_ended_or_is_stopped(jobs: Jobs, name: str, address: str) -> None:
    jobs.start(asked(name), image=address)
    goes_on = name in jobs.going_on()
    job = jobs.find(name)
    assert job is not None
    assert goes_on or job.status is not Status.IN_PROGRESS
    for _ in range(2):
        jobs.stop(name)

    def ended() -> bool:
        found = jobs.find(name)
        return found is not None and found.status is not Status.IN_PROGRESS

    wait_for(ended)
    assert name not in jobs.going_on()
    jobs.stop(name)


@pytest.mark.cloud
def test_an_image_that_is_not_there_is_told(request: pytest.FixtureRequest, name: str) -> None:
    jobs: Jobs = request.getfixturevalue("aws").jobs
    missing = f"{NAMES.registry}/{NAMES.repository}@sha256:{'0' * 64}"
    with pytest.raises(ServiceError, match=rf"training job {name}: AWS says ValidationException: Requested image"):
        jobs.start(asked(name), image=missing)
    assert jobs.find(name) is None


@pytest.mark.cloud
def test_a_job_that_failed_says_why(request: pytest.FixtureRequest, name: str, image: str) -> None:
    jobs: Jobs = request.getfixturevalue("aws").jobs
    jobs.start(asked(name), image=image)

    def ended() -> bool:
        job = jobs.find(name)
        return job is not None and job.status.final

    wait_for(ended)
    job = jobs.find(name)
    assert job is not None
    assert job.status is Status.FAILED
    assert job.reason
