"""SageMaker's training jobs."""

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from botocore.exceptions import ClientError

from mergemaker.adapters.aws import calling, code_of, message_of
from mergemaker.domain.job import JobRequest
from mergemaker.domain.names import Names
from mergemaker.domain.run import Status, TrainingJob, lineage_tags, parse_lineage

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.literals import TrainingInstanceTypeType
    from mypy_boto3_sagemaker.type_defs import DescribeTrainingJobResponseTypeDef, TagTypeDef

_ABSENT = re.compile(r"not found|could not find|does not exist", re.IGNORECASE)


def absent(error: ClientError) -> bool:
    """SageMaker says of what isn't there either ResourceNotFound or, for older calls, ValidationException."""
    return code_of(error) == "ResourceNotFound" or (
        code_of(error) == "ValidationException" and bool(_ABSENT.search(message_of(error)))
    )


def tag_list(tags: dict[str, str]) -> list["TagTypeDef"]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


class SageMakerJobs:
    """`ports.Jobs`."""

    def __init__(self, sagemaker: "SageMakerClient", names: Names) -> None:
        self._sagemaker, self._names = sagemaker, names

    def find(self, name: str) -> TrainingJob | None:
        with calling(f"training job {name}"):
            try:
                job = self._sagemaker.describe_training_job(TrainingJobName=name)
            except ClientError as error:
                if absent(error):
                    return None
                raise
            return _training_job(job, self._tags(job["TrainingJobArn"]))

    def _tags(self, arn: str) -> dict[str, str]:
        pages = self._sagemaker.get_paginator("list_tags").paginate(ResourceArn=arn)
        return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}

    def start(self, request: JobRequest, *, image: str) -> bool:
        r = request.resources
        with calling(f"training job {request.name}"):
            try:
                self._sagemaker.create_training_job(
                    TrainingJobName=request.name,
                    RoleArn=self._names.role_arn("execution"),
                    AlgorithmSpecification={
                        "TrainingImage": image,
                        "TrainingInputMode": "File",
                        "MetricDefinitions": [
                            {"Name": name, "Regex": regex} for name, regex in request.metric_regexes.items()
                        ],
                    },
                    HyperParameters=dict(request.hyperparameters),
                    InputDataConfig=[
                        {
                            "ChannelName": name,
                            "DataSource": {
                                "S3DataSource": {
                                    "S3DataType": "S3Prefix",
                                    "S3Uri": uri,
                                    "S3DataDistributionType": "FullyReplicated",
                                }
                            },
                        }
                        for name, uri in request.channels.items()
                    ],
                    OutputDataConfig={"S3OutputPath": request.output},
                    ResourceConfig={
                        "InstanceType": cast("TrainingInstanceTypeType", r.instance_type),
                        "InstanceCount": r.instance_count,
                        "VolumeSizeInGB": r.volume_gb,
                    },
                    StoppingCondition={"MaxRuntimeInSeconds": r.max_runtime_seconds},
                    Tags=tag_list(lineage_tags(request.lineage)),
                )
            except ClientError as error:
                if code_of(error) == "ResourceInUse":
                    return False
                raise
        return True


def _training_job(job: "DescribeTrainingJobResponseTypeDef", tags: dict[str, str]) -> TrainingJob:
    resources = job["ResourceConfig"]
    return TrainingJob(
        name=job["TrainingJobName"],
        status=_status(job["TrainingJobStatus"]),
        phase=job["SecondaryStatus"],
        reason=_reason(job),
        created=_utc(job["CreationTime"]),
        ended=_ended(job.get("TrainingEndTime")),
        billed_seconds=job.get("BillableTimeInSeconds"),
        instance=f"{resources.get('InstanceCount', 1)} × {resources.get('InstanceType', '')}",
        image=job["AlgorithmSpecification"].get("TrainingImage", ""),
        artifact=job.get("ModelArtifacts", {}).get("S3ModelArtifacts", ""),
        hyperparameters={k: v for k, v in job.get("HyperParameters", {}).items() if not k.startswith("sagemaker_")},
        metrics={metric["MetricName"]: float(metric["Value"]) for metric in job.get("FinalMetricDataList", [])},
        lineage=parse_lineage(tags),
    )


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
    return "Somebody stopped it."


def _ended(at: datetime | None) -> datetime | None:
    """Absent while the job runs, whatever botocore's types say."""
    return None if at is None else _utc(at)


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)
