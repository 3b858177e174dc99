"""The contract of `ports.Preparations`: what SageMaker does, the fake does."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from mergemaker.adapters.preparations import SageMakerPreparations
from mergemaker.domain.errors import ServiceError
from mergemaker.domain.model import Resources
from mergemaker.domain.names import image_tag, preparation_name
from mergemaker.domain.preparation import (
    Preparation,
    PreparationRequest,
    contradictions,
    preparation_tags,
    work_of,
)
from mergemaker.domain.run import Status
from mergemaker.domain.settings import Network
from mergemaker.ports import Preparations
from tests.adapters.conftest import NAMES
from tests.fakes.files import FakeFiles
from tests.fakes.made import digest
from tests.fakes.preparations import FakePreparations
from tests.local.aws.helpers import wait_for


@pytest.fixture(params=["memory", pytest.param("sagemaker", marks=pytest.mark.cloud)])
def preparations(request: pytest.FixtureRequest) -> Preparations:
    if request.param == "memory":
        return FakePreparations(NAMES, FakeFiles())
    found: Preparations = request.getfixturevalue("aws").preparations
    return found


@pytest.fixture
def address(request: pytest.FixtureRequest, preparations: Preparations) -> str:
    """Of an image that is there."""
    return "any" if isinstance(preparations, FakePreparations) else str(request.getfixturevalue("image"))


def asked(name: str) -> PreparationRequest:
    """Another preparation for each name."""
    made_of = Preparation(
        model="prices",
        code=digest(f"code of {name}"),
        image=image_tag("prices", digest("image")),
        script="src/prepare.py",
        inputs=("data", "more"),
        channels=("training", "validation"),
        data=digest("data"),
    )
    resources = Resources("ml.m5.large", 1, 30, 600)
    return PreparationRequest(preparation_name("prices", made_of.key), NAMES.project, made_of, resources)


def test_a_job_that_is_not_there_is_none(preparations: Preparations, name: str) -> None:
    assert preparations.find(name) is None


def test_a_started_job_is_found_with_all_that_it_was_asked(preparations: Preparations, name: str, address: str) -> None:
    request = asked(name)
    assert preparations.start(request, image=address)
    job = preparations.find(request.name)
    assert job is not None
    assert (job.name, job.project, job.preparation) == (request.name, NAMES.project, request.preparation)
    assert job.work == work_of(request.name, request.preparation, image=address, names=NAMES)
    assert contradictions(job, request.preparation, names=NAMES) == []


def test_a_second_job_of_the_name_is_not_started_and_the_first_stays(
    preparations: Preparations, name: str, address: str
) -> None:
    request = asked(name)
    assert preparations.start(request, image=address)
    other = replace(request, preparation=replace(request.preparation, script="other.py"))
    assert not preparations.start(other, image=address)
    job = preparations.find(request.name)
    assert job is not None
    assert job.preparation == request.preparation


@pytest.mark.cloud
def test_an_image_that_is_not_there_is_told(request: pytest.FixtureRequest, name: str) -> None:
    preparations: Preparations = request.getfixturevalue("aws").preparations
    wanted = asked(name)
    missing = f"{NAMES.registry}/{NAMES.repository}@sha256:{'0' * 64}"
    with pytest.raises(ServiceError, match=rf"processing job {wanted.name}: AWS says ValidationException: "):
        preparations.start(wanted, image=missing)
    assert preparations.find(wanted.name) is None


@pytest.mark.cloud
def test_a_job_that_failed_says_why(request: pytest.FixtureRequest, name: str, image: str) -> None:
    preparations: Preparations = request.getfixturevalue("aws").preparations
    wanted = asked(name)
    preparations.start(wanted, image=image)

    def ended() -> bool:
        job = preparations.find(wanted.name)
        return job is not None and job.status.final

    wait_for(ended)
    job = preparations.find(wanted.name)
    assert job is not None
    assert job.status is Status.FAILED
    assert job.reason


# What SageMaker says of a job that others started -------------------------------------------

SOURCE = {"S3DataType": "S3Prefix", "S3InputMode": "File"}


def described(request: PreparationRequest, *, source: Any, target: Any, **changed: Any) -> dict[str, Any]:
    """SageMaker's answer about a job of `request`, in which `source` and `target` change each input and output."""
    work = work_of(request.name, request.preparation, image="any", names=NAMES)
    inputs = {name: {"S3Uri": uri, "LocalPath": place, **SOURCE} for name, (uri, place) in work.inputs.items()}
    outputs = {name: {"S3Uri": uri, "LocalPath": place} for name, (uri, place) in work.outputs.items()}
    return {
        "ProcessingJobName": request.name,
        "ProcessingJobArn": f"arn:aws:sagemaker:{NAMES.region}:{NAMES.account}:processing-job/{request.name}",
        "ProcessingJobStatus": "Completed",
        "CreationTime": datetime(2026, 3, 1, tzinfo=UTC),
        "RoleArn": NAMES.role_arn("execution"),
        "AppSpecification": {"ImageUri": "any", "ContainerEntrypoint": list(work.command)},
        "ProcessingInputs": [{"InputName": name, "S3Input": one, **source} for name, one in inputs.items()],
        "ProcessingOutputConfig": {
            "Outputs": [
                {"OutputName": name, "S3Output": {"S3UploadMode": "EndOfJob", **one, **target.get("S3Output", {})}}
                | {key: value for key, value in target.items() if key != "S3Output"}
                for name, one in outputs.items()
            ]
        },
        "ProcessingResources": {
            "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30}
        },
        **changed,
    }


@pytest.mark.parametrize(
    ("source", "target", "count", "lies"),
    [
        ({}, {}, 1, []),
        ({"AppManaged": True}, {}, 1, ["code or data"]),
        ({}, {"AppManaged": True}, 1, ["output"]),
        ({}, {"S3Output": {"S3UploadMode": "Continuous"}}, 1, ["output"]),
        ({}, {}, 2, ["InstanceCount"]),
    ],
)
def test_a_job_whose_files_come_or_go_in_another_way_than_ours_does_not_fit_its_tags(
    source: dict[str, Any], target: dict[str, Any], count: int, lies: list[str]
) -> None:
    request = asked("j")
    sagemaker = boto3.client("sagemaker", region_name=NAMES.region, aws_access_key_id="x", aws_secret_access_key="x")
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": count, "VolumeSizeInGB": 30}
    answer = described(request, source=source, target=target, ProcessingResources={"ClusterConfig": cluster})
    tags = [{"Key": key, "Value": value} for key, value in preparation_tags(request).items()]
    with Stubber(sagemaker) as answers:
        answers.add_response("describe_processing_job", answer)
        answers.add_response("list_tags", {"Tags": tags})
        job = SageMakerPreparations(sagemaker, NAMES, key=lambda: "key", network=Network()).find(request.name)
    assert job is not None
    assert job.preparation == request.preparation
    assert contradictions(job, request.preparation, names=NAMES) == lies
