"""SageMaker's training jobs."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

from botocore.exceptions import ClientError

from mergemaker.adapters.aws import calling, code_of, message_of
from mergemaker.domain.job import JobRequest, stores_locally
from mergemaker.domain.lineage import lineage_tags, parse_lineage
from mergemaker.domain.model import Resources
from mergemaker.domain.names import SAGEMAKER_NAME, Names
from mergemaker.domain.run import Status, TrainingJob, Work
from mergemaker.domain.settings import Network

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.literals import TrainingInputModeType, TrainingInstanceTypeType
    from mypy_boto3_sagemaker.type_defs import (
        ChannelOutputTypeDef,
        ChannelTypeDef,
        CreateTrainingJobRequestTypeDef,
        DescribeTrainingJobResponseTypeDef,
        S3DataSourceTypeDef,
        TagTypeDef,
        VpcConfigTypeDef,
    )

UNUSUAL = frozenset(
    {
        "AlgorithmName",
        "AutoMLJobArn",
        "ContainerArguments",
        "ContainerEntrypoint",
        "DebugHookConfig",
        "DebugRuleConfigurations",
        "EnableNetworkIsolation",
        "InstanceGroups",
        "KeepAlivePeriodInSeconds",
        "LabelingJobArn",
        "ModelPackageConfig",
        "ServerlessJobConfig",
        "TrainingImageConfig",
        "TuningJobArn",
    }
)
"""Of a job, its algorithm and its resources: what changes what runs, and `SageMakerJobs.start` never sets."""

CHECKPOINTS = "/opt/ml/checkpoints"
"""Where scripts expect them."""

LONGEST = timedelta(days=60)
"""What is older does not train any more: SageMaker lets no job run, and none wait for a spot instance, longer than 28
days (service quotas, longest run time of a training job)."""

_ABSENT = re.compile(r"not found|could not find|does not exist", re.IGNORECASE)


def absent(error: ClientError) -> bool:
    """SageMaker says of what isn't there either ResourceNotFound or, for older calls, ValidationException."""
    return code_of(error) == "ResourceNotFound" or (
        code_of(error) == "ValidationException" and bool(_ABSENT.search(message_of(error)))
    )


def tag_list(tags: dict[str, str]) -> list["TagTypeDef"]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tags_of(sagemaker: "SageMakerClient", arn: str) -> dict[str, str]:
    pages = sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
    return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}


def vpc_config(network: Network) -> "VpcConfigTypeDef":
    return {"Subnets": list(network.subnets), "SecurityGroupIds": list(network.security_groups)}


class SageMakerJobs:
    """`ports.Jobs`. The network is that of the settings now, whatever a request that waited was made with."""

    def __init__(self, sagemaker: "SageMakerClient", names: Names, *, key: Callable[[], str], network: Network) -> None:
        """`key`: ARN of the key that encrypts what jobs keep; asked for only where one starts."""
        self._sagemaker, self._names, self._key, self._network = sagemaker, names, key, network

    def find(self, name: str) -> TrainingJob | None:
        if not re.fullmatch(SAGEMAKER_NAME, name, re.ASCII):
            return None
        with calling(f"training job {name}"):
            try:
                job = self._sagemaker.describe_training_job(TrainingJobName=name)
            except ClientError as error:
                if absent(error):
                    return None
                raise
            return _training_job(job, tags_of(self._sagemaker, job["TrainingJobArn"]), role=self._role)

    @property
    def _role(self) -> str:
        return self._names.role_arn("execution")

    def start(self, request: JobRequest, *, image: str) -> bool:
        wanted = self._wanted(request, image)
        with calling(f"training job {request.name}"):
            try:
                self._sagemaker.create_training_job(**wanted)
            except ClientError as error:
                if code_of(error) == "ResourceInUse":
                    return False
                raise
        return True

    def going_on(self) -> Iterator[str]:
        """Bounded in time, for SageMaker filters by status only within each page of all jobs that there are (API
        reference, ListTrainingJobs)."""
        since = datetime.now(UTC) - LONGEST
        with calling("training jobs"):
            pages = self._sagemaker.get_paginator("list_training_jobs").paginate(
                StatusEquals="InProgress", CreationTimeAfter=since, PaginationConfig={"PageSize": 100}
            )
            for page in pages:
                yield from (one["TrainingJobName"] for one in page["TrainingJobSummaries"])

    def stop(self, name: str) -> None:
        """A job that can't be stopped any more is no error of its own: SageMaker says that the request is not valid."""
        with calling(f"training job {name}"):
            try:
                self._sagemaker.stop_training_job(TrainingJobName=name)
            except ClientError as error:
                if code_of(error) not in ("ValidationException", "ResourceNotFound"):
                    raise

    def _wanted(self, request: JobRequest, image: str) -> "CreateTrainingJobRequestTypeDef":
        r = request.resources
        wanted: CreateTrainingJobRequestTypeDef = {
            "TrainingJobName": request.name,
            "RoleArn": self._role,
            "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
            "HyperParameters": dict(request.hyperparameters),
            "Environment": dict(request.environment),
            "InputDataConfig": [_channel(request, name) for name in request.channels],
            # Without a key SageMaker would take S3's own (API reference, OutputDataConfig), and not the bucket's.
            "OutputDataConfig": {"S3OutputPath": request.output, "KmsKeyId": self._key()},
            "ResourceConfig": {
                "InstanceType": cast("TrainingInstanceTypeType", r.instance_type),
                "InstanceCount": r.instance_count,
                "VolumeSizeInGB": r.volume_gb,
            },
            "EnableInterContainerTrafficEncryption": r.instance_count > 1,
            "StoppingCondition": {"MaxRuntimeInSeconds": r.max_runtime_seconds},
            "Tags": tag_list(lineage_tags(request.lineage)),
        }
        if not stores_locally(r.instance_type):
            wanted["ResourceConfig"]["VolumeKmsKeyId"] = self._key()
        if self._network.subnets:
            wanted["VpcConfig"] = vpc_config(self._network)
        if request.metric_regexes:
            # Left out where there are none: SageMaker refuses definitions for its own algorithms, which have theirs.
            wanted["AlgorithmSpecification"]["MetricDefinitions"] = [
                {"Name": name, "Regex": regex} for name, regex in request.metric_regexes.items()
            ]
        if request.checkpoints:
            wanted["CheckpointConfig"] = {"S3Uri": request.checkpoints, "LocalPath": CHECKPOINTS}
        if request.max_wait_seconds is not None:
            wanted["EnableManagedSpotTraining"] = True
            wanted["StoppingCondition"]["MaxWaitTimeInSeconds"] = request.max_wait_seconds
        return wanted


def _channel(request: JobRequest, name: str) -> "ChannelTypeDef":
    source: S3DataSourceTypeDef = {
        "S3DataType": "S3Prefix",
        "S3Uri": request.channels[name],
        "S3DataDistributionType": "FullyReplicated",
    }
    channel: ChannelTypeDef = {"ChannelName": name, "DataSource": {"S3DataSource": source}}
    if mode := request.input_modes.get(name):
        channel["InputMode"] = cast("TrainingInputModeType", mode)
    if kind := request.content_types.get(name):
        channel["ContentType"] = kind
    return channel


def _training_job(job: "DescribeTrainingJobResponseTypeDef", tags: dict[str, str], *, role: str) -> TrainingJob:
    return TrainingJob(
        name=job["TrainingJobName"],
        status=_status(job["TrainingJobStatus"]),
        phase=job["SecondaryStatus"],
        reason=_reason(job),
        created=_utc(job["CreationTime"]),
        ended=_ended(job.get("TrainingEndTime")),
        billed_seconds=job.get("BillableTimeInSeconds"),
        work=_work(job, role),
        artifact=job.get("ModelArtifacts", {}).get("S3ModelArtifacts", ""),
        metrics={metric["MetricName"]: float(metric["Value"]) for metric in job.get("FinalMetricDataList", [])},
        lineage=parse_lineage(tags),
    )


def _work(job: "DescribeTrainingJobResponseTypeDef", role: str) -> Work:
    r, mode = job["ResourceConfig"], job["AlgorithmSpecification"]["TrainingInputMode"]
    return Work(
        image=job["AlgorithmSpecification"].get("TrainingImage", ""),
        hyperparameters=job.get("HyperParameters", {}),
        channels={one["ChannelName"]: _uri(one, mode) for one in job.get("InputDataConfig", [])},
        output=job.get("OutputDataConfig", {}).get("S3OutputPath", ""),
        resources=Resources(
            instance_type=r.get("InstanceType", ""),
            instance_count=r.get("InstanceCount", 1),
            volume_gb=r.get("VolumeSizeInGB", 0),
            max_runtime_seconds=job["StoppingCondition"].get("MaxRuntimeInSeconds", 0),
        ),
        content_types={
            one["ChannelName"]: one["ContentType"] for one in job.get("InputDataConfig", []) if one.get("ContentType")
        },
        environment=job.get("Environment", {}),
        checkpoints=job.get("CheckpointConfig", {}).get("S3Uri", ""),
        metric_regexes={
            one["Name"]: one["Regex"] for one in job["AlgorithmSpecification"].get("MetricDefinitions", [])
        },
        unusual=_unusual(job, role),
    )


def _uri(channel: "ChannelOutputTypeDef", mode: str) -> str:
    """Empty for a channel that takes its data in another way than ours: then it is none that submit gave. `mode` is
    that of channels without one."""
    source = channel["DataSource"].get("S3DataSource")
    if source is None or source["S3DataType"] != "S3Prefix" or channel.get("ShuffleConfig"):
        return ""
    if "Pipe" in (mode, channel.get("InputMode")):
        return ""
    replicated = source.get("S3DataDistributionType", "FullyReplicated") == "FullyReplicated"
    return source["S3Uri"] if replicated else ""


def _unusual(job: "DescribeTrainingJobResponseTypeDef", role: str) -> tuple[str, ...]:
    algorithm, resources = job["AlgorithmSpecification"], job["ResourceConfig"]
    found = {key for some in (job, algorithm, resources) for key, value in some.items() if value} & UNUSUAL
    if job.get("CheckpointConfig", {}).get("LocalPath", CHECKPOINTS) != CHECKPOINTS:
        found.add("CheckpointConfig")
    if job.get("RoleArn") != role:
        found.add("RoleArn")
    if job.get("RemoteDebugConfig", {}).get("EnableRemoteDebug"):
        found.add("RemoteDebugConfig")
    return tuple(sorted(found))


def _status(said: str) -> Status:
    """A status that SageMaker may add some day counts as in progress: nothing is concluded from it."""
    return Status(said) if said in [status.value for status in Status] else Status.IN_PROGRESS


def _reason(job: "DescribeTrainingJobResponseTypeDef") -> str:
    if job["TrainingJobStatus"] == "Failed":
        return job.get("FailureReason", "SageMaker gives no reason")
    if job["TrainingJobStatus"] != "Stopped":
        return ""
    if job["SecondaryStatus"] == "MaxRuntimeExceeded":
        seconds = job["StoppingCondition"].get("MaxRuntimeInSeconds", 0)
        return f"It ran longer than train.max_runtime_minutes allows ({seconds // 60} min)."
    if job["SecondaryStatus"] == "MaxWaitTimeExceeded":
        seconds = job["StoppingCondition"].get("MaxWaitTimeInSeconds", 0)
        return f"No spot instance for as long as train.max_wait_minutes allows ({seconds // 60} min)."
    return "Somebody stopped it."


def _ended(at: datetime | None) -> datetime | None:
    """Absent while the job runs, whatever botocore's types say."""
    return None if at is None else _utc(at)


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)
