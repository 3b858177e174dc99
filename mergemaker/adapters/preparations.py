"""SageMaker's processing jobs, which prepare data."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from botocore.exceptions import ClientError

from mergemaker.adapters.aws import calling, code_of
from mergemaker.adapters.jobs import absent, tag_list, tags_of, vpc_config
from mergemaker.domain.job import stores_locally
from mergemaker.domain.names import SAGEMAKER_NAME, Names
from mergemaker.domain.preparation import (
    PreparationJob,
    PreparationRequest,
    PreparationWork,
    parse_preparation,
    preparation_tags,
    work_of,
)
from mergemaker.domain.run import Status
from mergemaker.domain.settings import Network

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.literals import ProcessingInstanceTypeType
    from mypy_boto3_sagemaker.type_defs import (
        CreateProcessingJobRequestTypeDef,
        DescribeProcessingJobResponseTypeDef,
        ProcessingInputTypeDef,
        ProcessingOutputTypeDef,
    )

UNUSUAL = frozenset({"AutoMLJobArn", "Environment", "ExperimentConfig", "MonitoringScheduleArn", "TrainingJobArn"})
"""Of a job: what changes what runs, or says that somebody else's service made it, and `start` never sets."""


class SageMakerPreparations:
    """`ports.Preparations`. The network is that of the settings now, as for training jobs."""

    def __init__(self, sagemaker: "SageMakerClient", names: Names, *, key: Callable[[], str], network: Network) -> None:
        """`key`: ARN of the key that encrypts what jobs keep; asked for only where one starts."""
        self._sagemaker, self._names, self._key, self._network = sagemaker, names, key, network

    def find(self, name: str) -> PreparationJob | None:
        if not re.fullmatch(SAGEMAKER_NAME, name, re.ASCII):
            return None
        with calling(f"processing job {name}"):
            try:
                job = self._sagemaker.describe_processing_job(ProcessingJobName=name)
            except ClientError as error:
                if absent(error):
                    return None
                raise
            tags = tags_of(self._sagemaker, job["ProcessingJobArn"])
        work = _work(job, self._role)
        project, preparation = parse_preparation(tags, work)
        return PreparationJob(
            name=job["ProcessingJobName"],
            status=Status(job["ProcessingJobStatus"]),
            reason=_reason(job),
            work=work,
            project=project,
            preparation=preparation,
        )

    @property
    def _role(self) -> str:
        return self._names.role_arn("execution")

    def start(self, request: PreparationRequest, *, image: str) -> bool:
        wanted = self._wanted(request, image)
        with calling(f"processing job {request.name}"):
            try:
                self._sagemaker.create_processing_job(**wanted)
            except ClientError as error:
                if code_of(error) == "ResourceInUse":
                    return False
                raise
        return True

    def _wanted(self, request: PreparationRequest, image: str) -> "CreateProcessingJobRequestTypeDef":
        r = request.resources
        work = work_of(request.name, request.preparation, image=image, names=self._names)
        wanted: CreateProcessingJobRequestTypeDef = {
            "ProcessingJobName": request.name,
            "RoleArn": self._role,
            "AppSpecification": {"ImageUri": work.image, "ContainerEntrypoint": list(work.command)},
            "ProcessingInputs": [_input(name, *where) for name, where in work.inputs.items()],
            "ProcessingOutputConfig": {
                "Outputs": [_output(name, *where) for name, where in work.outputs.items()],
                "KmsKeyId": self._key(),
            },
            "ProcessingResources": {
                "ClusterConfig": {
                    "InstanceType": cast("ProcessingInstanceTypeType", r.instance_type),
                    "InstanceCount": r.instance_count,
                    "VolumeSizeInGB": r.volume_gb,
                }
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": r.max_runtime_seconds},
            "Tags": tag_list(preparation_tags(request)),
        }
        if not stores_locally(r.instance_type):
            wanted["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] = self._key()
        if self._network.subnets:
            wanted["NetworkConfig"] = {"VpcConfig": vpc_config(self._network)}
        return wanted


def _input(name: str, source: str, place: str) -> "ProcessingInputTypeDef":
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": source,
            "LocalPath": place,
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
        },
    }


def _output(name: str, target: str, place: str) -> "ProcessingOutputTypeDef":
    return {"OutputName": name, "S3Output": {"S3Uri": target, "LocalPath": place, "S3UploadMode": "EndOfJob"}}


def _work(job: "DescribeProcessingJobResponseTypeDef", role: str) -> PreparationWork:
    runs = job["AppSpecification"]
    unusual = {key for key, value in job.items() if value} & UNUSUAL
    unusual |= {"ContainerArguments"} if runs.get("ContainerArguments") else set()
    unusual |= {"RoleArn"} if job.get("RoleArn") != role else set()
    unusual |= {"InstanceCount"} if job["ProcessingResources"]["ClusterConfig"].get("InstanceCount") != 1 else set()
    return PreparationWork(
        image=runs["ImageUri"],
        command=tuple(runs.get("ContainerEntrypoint", [])),
        inputs={one["InputName"]: _read(one) for one in job.get("ProcessingInputs", [])},
        outputs={one["OutputName"]: _left(one) for one in job.get("ProcessingOutputConfig", {}).get("Outputs", [])},
        unusual=tuple(sorted(unusual)),
    )


def _read(one: "ProcessingInputTypeDef") -> tuple[str, str]:
    """Empty for what is read in another way than ours: then it is none that submit gave."""
    said = None if one.get("AppManaged") else one.get("S3Input")
    if not said or said["S3DataType"] != "S3Prefix" or said.get("S3InputMode", "File") != "File":
        return "", ""
    plain = said.get("S3CompressionType", "None") == "None"
    replicated = said.get("S3DataDistributionType", "FullyReplicated") == "FullyReplicated"
    return (said["S3Uri"], said.get("LocalPath", "")) if plain and replicated else ("", "")


def _left(one: "ProcessingOutputTypeDef") -> tuple[str, str]:
    """The same. What is uploaded while the script goes on may be what it deletes in the end."""
    said = None if one.get("AppManaged") else one.get("S3Output")
    at_the_end = said and said["S3UploadMode"] == "EndOfJob"
    return (said["S3Uri"], said.get("LocalPath", "")) if said and at_the_end else ("", "")


def _reason(job: "DescribeProcessingJobResponseTypeDef") -> str:
    """What the container left in its message comes first: SageMaker's own words say no more than to look."""
    if job["ProcessingJobStatus"] == "Failed":
        reason, said = job.get("FailureReason", "SageMaker gives no reason"), job.get("ExitMessage", "").strip()
        return f"{said} ({reason})" if said else reason
    if job["ProcessingJobStatus"] == "Stopped":
        return "Somebody stopped it, or it ran longer than prepare.max_runtime_minutes allows."
    return ""
