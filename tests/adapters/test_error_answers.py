"""What AWS answers when it does not do what it was asked, as errors of ours."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber

from mergemaker.adapters.aws import Clients
from mergemaker.adapters.endpoints import SageMakerEndpoints
from mergemaker.adapters.files import S3Files
from mergemaker.adapters.jobs import SageMakerJobs
from mergemaker.adapters.registry import SageMakerRegistry
from mergemaker.domain.errors import RetryableError, ServiceError
from mergemaker.domain.release import Approval, EndpointStatus
from mergemaker.domain.run import Status
from mergemaker.domain.settings import Network
from tests.adapters.test_jobs import asked
from tests.fakes.world import NAMES

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ARN = "arn:aws:sagemaker:eu-west-1:111122223333"


@pytest.fixture(scope="module")
def sagemaker() -> Any:
    """One for all: to make it takes longer than all that is tried with it."""
    session = boto3.session.Session("test", "test", region_name=NAMES.region)
    return session.client("sagemaker", config=Config(retries={"total_max_attempts": 1}))


@pytest.fixture
def answers(sagemaker: Any) -> Iterator[Stubber]:
    with Stubber(sagemaker) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def jobs(sagemaker: Any) -> SageMakerJobs:
    return SageMakerJobs(sagemaker, NAMES, key=lambda: "key", network=Network())


def endpoints(sagemaker: Any) -> SageMakerEndpoints:
    return SageMakerEndpoints(sagemaker, NAMES, key=lambda: "key", network=Network())


Call = Callable[[Any], object]
CALLS: dict[str, tuple[str, Call]] = {
    "job": ("describe_training_job", lambda c: jobs(c).find("j")),
    "start": ("create_training_job", lambda c: jobs(c).start(asked("j"), image="i")),
    "stop": ("stop_training_job", lambda c: jobs(c).stop("j")),
    "going on": ("list_training_jobs", lambda c: list(jobs(c).going_on())),
    "endpoint": ("describe_endpoint", lambda c: endpoints(c).find("e")),
    "create": ("create_endpoint", lambda c: endpoints(c).create("e", config="c", tags={})),
    "update": ("update_endpoint", lambda c: endpoints(c).update("e", config="c")),
    "delete": ("delete_endpoint", lambda c: endpoints(c).delete("e")),
    "package": ("describe_model_package", lambda c: SageMakerRegistry(c, NAMES).find(f"{ARN}:model-package/g/1")),
    "newest": ("list_model_packages", lambda c: list(SageMakerRegistry(c, NAMES).newest("g"))),
}


@pytest.mark.parametrize("call", sorted(CALLS))
@pytest.mark.parametrize(
    ("code", "status"),
    [("ThrottlingException", 400), ("RequestLimitExceeded", 400), ("Whatever", 503), ("SlowDown", 503)],
)
def test_what_passes_is_retryable(sagemaker: Any, answers: Stubber, call: str, code: str, status: int) -> None:
    operation, ask = CALLS[call]
    answers.add_client_error(operation, code, "Rate exceeded", http_status_code=status)
    with pytest.raises(RetryableError, match=f"AWS says {code}: Rate exceeded"):
        ask(sagemaker)


@pytest.mark.parametrize("call", sorted(CALLS))
def test_what_is_refused_is_not_retryable(sagemaker: Any, answers: Stubber, call: str) -> None:
    operation, ask = CALLS[call]
    answers.add_client_error(operation, "AccessDeniedException", "not authorized to perform", http_status_code=400)
    with pytest.raises(ServiceError, match="AccessDeniedException") as caught:
        ask(sagemaker)
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("call", "code", "message"),
    [
        ("job", "ValidationException", "Requested resource not found."),
        ("job", "ResourceNotFound", "no"),
        ("endpoint", "ValidationException", f'Could not find endpoint "{ARN}:endpoint/e".'),
        ("delete", "ValidationException", f'Could not find endpoint "{ARN}:endpoint/e".'),
        ("package", "ValidationException", f"ModelPackage {ARN}:model-package/g/1 does not exist."),
        ("package", "ResourceNotFound", "no"),
    ],
)
def test_what_is_not_there_is_none(sagemaker: Any, answers: Stubber, call: str, code: str, message: str) -> None:
    operation, ask = CALLS[call]
    answers.add_client_error(operation, code, message)
    assert ask(sagemaker) is None


def test_a_group_that_is_not_there_has_no_packages(sagemaker: Any, answers: Stubber) -> None:
    answers.add_client_error("list_model_packages", "ValidationException", "ModelPackageGroup g does not exist.")
    assert CALLS["newest"][1](sagemaker) == []


def test_a_job_whose_name_is_taken_is_not_started(sagemaker: Any, answers: Stubber) -> None:
    answers.add_client_error("create_training_job", "ResourceInUse", "names must be unique")
    assert CALLS["start"][1](sagemaker) is False


@pytest.mark.parametrize(
    ("call", "code", "message"),
    [
        ("create", "ValidationException", "Cannot create already existing endpoint"),
        ("update", "ValidationException", "Cannot update in-progress endpoint"),
        ("update", "ConflictException", "busy"),
    ],
)
def test_an_endpoint_that_is_being_changed_is_tried_again(
    sagemaker: Any, answers: Stubber, call: str, code: str, message: str
) -> None:
    operation, ask = CALLS[call]
    answers.add_client_error(operation, code, message)
    with pytest.raises(RetryableError, match=message):
        ask(sagemaker)


def test_an_endpoint_that_is_being_deleted_needs_no_second_word(sagemaker: Any, answers: Stubber) -> None:
    answers.add_client_error("delete_endpoint", "ValidationException", f'Cannot update in-progress endpoint "{ARN}".')
    assert CALLS["delete"][1](sagemaker) is None


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("InService", EndpointStatus.IN_SERVICE),
        ("Failed", EndpointStatus.FAILED),
        ("Deleting", EndpointStatus.DELETING),
        ("OutOfService", EndpointStatus.BROKEN),
        ("UpdateRollbackFailed", EndpointStatus.BROKEN),
        *[(word, EndpointStatus.BUSY) for word in ("Creating", "Updating", "SystemUpdating", "RollingBack")],
    ],
)
def test_an_endpoints_status_says_what_may_be_done(
    sagemaker: Any, answers: Stubber, said: str, status: EndpointStatus
) -> None:
    answers.add_response(
        "describe_endpoint",
        {
            "EndpointName": "e",
            "EndpointArn": f"{ARN}:endpoint/e",
            "EndpointConfigName": "shop-prices-staging-3",
            "EndpointStatus": said,
            "CreationTime": NOW,
            "LastModifiedTime": NOW,
            "PendingDeploymentSummary": {"EndpointConfigName": "shop-prices-staging-4"},
        },
    )
    found = endpoints(sagemaker).find("e")
    assert found is not None
    assert (found.status, found.version, found.target_version) == (status, 3, 4)


def test_a_package_that_somebody_made_by_hand_is_read(sagemaker: Any, answers: Stubber) -> None:
    answers.add_response(
        "describe_model_package",
        {
            "ModelPackageName": "g",
            "ModelPackageArn": f"{ARN}:model-package/g/1",
            "CreationTime": NOW,
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": []},
        },
    )
    found = SageMakerRegistry(sagemaker, NAMES).find(f"{ARN}:model-package/g/1")
    assert found is not None
    assert (found.approval, found.job, found.image, found.version) == (Approval.PENDING, "", "", 0)


def job(**changed: object) -> dict[str, object]:
    return {
        "TrainingJobName": "j",
        "TrainingJobArn": f"{ARN}:training-job/j",
        "ModelArtifacts": {"S3ModelArtifacts": ""},
        "TrainingJobStatus": "Stopped",
        "SecondaryStatus": "Stopped",
        "AlgorithmSpecification": {"TrainingInputMode": "File"},
        "ResourceConfig": {"VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 300},
        "CreationTime": NOW,
        **changed,
    }


@pytest.mark.parametrize(
    ("changed", "status", "reason"),
    [
        ({}, Status.STOPPED, "Somebody stopped it."),
        (
            {"SecondaryStatus": "MaxRuntimeExceeded"},
            Status.STOPPED,
            "It ran longer than train.max_runtime_minutes allows (5 min).",
        ),
        (
            {
                "SecondaryStatus": "MaxWaitTimeExceeded",
                "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 7200},
            },
            Status.STOPPED,
            "No spot instance for as long as train.max_wait_minutes allows (120 min).",
        ),
        ({"TrainingJobStatus": "Failed"}, Status.FAILED, "SageMaker gives no reason"),
        ({"TrainingJobStatus": "Failed", "FailureReason": "no\nluck"}, Status.FAILED, "no\nluck"),
        ({"TrainingJobStatus": "Paused"}, Status.IN_PROGRESS, ""),
    ],
)
def test_a_job_says_why_it_ended(
    sagemaker: Any, answers: Stubber, changed: dict[str, object], status: Status, reason: str
) -> None:
    answers.add_response("describe_training_job", job(**changed))
    answers.add_response("list_tags", {"Tags": [{"Key": "theirs", "Value": "x"}]})
    found = jobs(sagemaker).find("j")
    assert found is not None
    assert (found.status, found.reason, found.lineage) == (status, reason, None)


CHANNEL = {
    "ChannelName": "training",
    "DataSource": {
        "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/x/", "S3DataDistributionType": "FullyReplicated"}
    },
}
GROUP = {"InstanceGroupName": "g", "InstanceType": "ml.m5.large", "InstanceCount": 1}
USUAL = {"RoleArn": NAMES.role_arn("execution"), "InputDataConfig": [CHANNEL]}


@pytest.mark.parametrize(
    ("changed", "unusual"),
    [
        ({}, ()),
        ({"Environment": {}, "EnableNetworkIsolation": False, "ProfilingStatus": "Disabled"}, ()),
        ({"RemoteDebugConfig": {"EnableRemoteDebug": False}}, ()),
        ({"RoleArn": NAMES.role_arn("admin")}, ("RoleArn",)),
        ({"EnableManagedSpotTraining": True, "CheckpointConfig": {"S3Uri": "s3://b/c"}}, ()),
        (
            {"CheckpointConfig": {"S3Uri": "s3://b/c", "LocalPath": "/opt/ml/code"}, "TuningJobArn": f"{ARN}:x/y"},
            ("CheckpointConfig", "TuningJobArn"),
        ),
        ({"RemoteDebugConfig": {"EnableRemoteDebug": True}}, ("RemoteDebugConfig",)),
        (
            {"AlgorithmSpecification": {"TrainingInputMode": "File", "ContainerEntrypoint": ["sh"]}},
            ("ContainerEntrypoint",),
        ),
        (
            {"ResourceConfig": {"InstanceGroups": [GROUP], "VolumeSizeInGB": 1}},
            ("InstanceGroups",),
        ),
    ],
)
def test_what_a_job_sets_besides_and_changes_what_it_runs_is_told(
    sagemaker: Any, answers: Stubber, changed: dict[str, object], unusual: tuple[str, ...]
) -> None:
    answers.add_response("describe_training_job", job(**{**USUAL, **changed}))
    answers.add_response("list_tags", {"Tags": []})
    found = jobs(sagemaker).find("j")
    assert found is not None
    assert found.work.unusual == unusual
    assert found.work.channels == {"training": "s3://b/x/"}


def test_environment_content_types_and_checkpoints_are_told_as_they_are(sagemaker: Any, answers: Stubber) -> None:
    own = {"Environment": {"PYTHONPATH": "/evil"}, "CheckpointConfig": {"S3Uri": "s3://b/c/"}}
    channels = {"InputDataConfig": [{**CHANNEL, "ContentType": "text/csv", "InputMode": "FastFile"}]}
    answers.add_response("describe_training_job", job(**{**USUAL, **own, **channels}))
    answers.add_response("list_tags", {"Tags": []})
    found = jobs(sagemaker).find("j")
    assert found is not None
    assert (found.work.environment, found.work.checkpoints) == ({"PYTHONPATH": "/evil"}, "s3://b/c/")
    assert found.work.content_types == {"training": "text/csv"}
    assert found.work.channels == {"training": "s3://b/x/"}


@pytest.mark.parametrize(
    "channel",
    [
        {**CHANNEL, "InputMode": "Pipe"},
        {**CHANNEL, "ShuffleConfig": {"Seed": 3}},
        {**CHANNEL, "DataSource": {"S3DataSource": {"S3DataType": "ManifestFile", "S3Uri": "s3://b/x/"}}},
        {
            **CHANNEL,
            "DataSource": {
                "S3DataSource": {
                    "S3DataType": "S3Prefix",
                    "S3Uri": "s3://b/x/",
                    "S3DataDistributionType": "ShardedByS3Key",
                }
            },
        },
        {
            **CHANNEL,
            "DataSource": {
                "FileSystemDataSource": {
                    "FileSystemId": "fs-0123456789a",
                    "FileSystemAccessMode": "rw",
                    "FileSystemType": "EFS",
                    "DirectoryPath": "/",
                }
            },
        },
    ],
    ids=["a pipe", "shuffled", "a list of files", "in parts", "a file system"],
)
def test_a_channel_that_gets_its_data_in_another_way_is_none_that_submit_gave(
    sagemaker: Any, answers: Stubber, channel: dict[str, object]
) -> None:
    answers.add_response("describe_training_job", job(**{**USUAL, "InputDataConfig": [channel]}))
    answers.add_response("list_tags", {"Tags": []})
    found = jobs(sagemaker).find("j")
    assert found is not None
    assert found.work.channels == {"training": ""}


@pytest.mark.parametrize(("code", "status"), [("SlowDown", 503), ("InternalError", 500), ("RequestTimeout", 400)])
def test_s3_that_is_busy_is_retryable(code: str, status: int) -> None:
    session = boto3.session.Session("test", "test", region_name=NAMES.region)
    s3 = session.client("s3", config=Config(retries={"total_max_attempts": 1}))
    with Stubber(s3) as answers:
        answers.add_client_error("put_object", code, "later", http_status_code=status)
        with pytest.raises(RetryableError):
            S3Files(s3, "b").write("k", b"", replacing=None)


def test_nobody_there_is_retryable_and_names_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setattr("botocore.retries.standard.time.sleep", lambda _: None, raising=False)
    with pytest.raises(RetryableError, match=r"AWS can't be reached at http://127\.0\.0\.1:9/: connection refused"):
        jobs(Clients(NAMES.region)("sagemaker")).find("j")
