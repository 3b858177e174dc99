"""SageMaker's events, as its developer guide shows them: statuses, times and members as spelt there."""

import re
from datetime import UTC, datetime
from typing import Any

Record = dict[str, Any]
Event = tuple[str, str, list[str], Record]
"""Source, detail type, resources and detail."""

SOURCE = "aws.sagemaker"

_JOB_MEMBERS = (
    "TrainingJobName",
    "TrainingJobArn",
    "TrainingJobStatus",
    "SecondaryStatus",
    "FailureReason",
    "HyperParameters",
    "RoleArn",
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "StoppingCondition",
    "ModelArtifacts",
)
_JOB_TIMES = ("CreationTime", "TrainingStartTime", "TrainingEndTime", "LastModifiedTime")
_PROCESSING_MEMBERS = (
    "ProcessingInputs",
    "ProcessingOutputConfig",
    "ProcessingJobName",
    "ProcessingResources",
    "StoppingCondition",
    "NetworkConfig",
    "RoleArn",
    "ProcessingJobArn",
    "ProcessingJobStatus",
    "FailureReason",
)
_PROCESSING_TIMES = ("CreationTime", "ProcessingStartTime", "ProcessingEndTime", "LastModifiedTime")
_PACKAGE_MEMBERS = (
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelPackageArn",
    "InferenceSpecification",
    "ModelPackageStatus",
    "ModelPackageStatusDetails",
    "CertifyForMarketplace",
    "ModelApprovalStatus",
    "MetadataProperties",
    "ModelMetrics",
    "ModelLifeCycle",
)


def training_job(job: Record, tags: dict[str, str]) -> Event:
    algorithm = job["AlgorithmSpecification"]
    transitions = [{k: _plain(v) for k, v in t.items()} for t in job["SecondaryStatusTransitions"]]
    detail = {
        **{k: job[k] for k in _JOB_MEMBERS if k in job},
        "AlgorithmSpecification": {k: algorithm[k] for k in ("TrainingImage", "TrainingInputMode") if k in algorithm},
        "VpcConfig": job.get("VpcConfig", {}),
        **{k: str(_milliseconds(job[k])) for k in _JOB_TIMES if k in job},
        "SecondaryStatusTransitions": transitions,
        "Tags": tags,
    }
    return SOURCE, "SageMaker Training Job State Change", [job["TrainingJobArn"]], detail


def processing_job(job: Record) -> Event:
    """Without tags, entrypoint, environment and exit message, which the guide does not show: who needs them asks."""
    detail = {
        **{k: job[k] for k in _PROCESSING_MEMBERS if k in job},
        "AppSpecification": {"ImageUri": job["AppSpecification"]["ImageUri"]},
        "ExperimentConfig": job.get("ExperimentConfig", {}),
        **{k: _milliseconds(job[k]) for k in _PROCESSING_TIMES if k in job},
    }
    return SOURCE, "SageMaker Processing Job State Change", [job["ProcessingJobArn"]], detail


def model_package(package: Record, updated: list[str]) -> Event:
    """`updated` names the members that an update changed; empty for a new package."""
    detail = {
        **{k: package[k] for k in _PACKAGE_MEMBERS if k in package},
        "CreationTime": _iso(package["CreationTime"]),
        "LastModifiedTime": _iso(package["LastModifiedTime"]),
    }
    if updated:
        detail["UpdatedModelPackageFields"] = updated
    return SOURCE, "SageMaker Model Package State Change", [package["ModelPackageArn"]], detail


def endpoint(record: Record, tags: dict[str, str]) -> Event:
    status = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", record["EndpointStatus"]).upper()
    variants = [
        {
            "VariantName": v["VariantName"],
            "DesiredWeight": float(v["DesiredWeight"]),
            "DesiredInstanceCount": float(v["DesiredInstanceCount"]),
        }
        for v in record["ProductionVariants"]
    ]
    detail = {
        "EndpointName": record["EndpointName"],
        "EndpointArn": record["EndpointArn"],
        "EndpointConfigName": record["EndpointConfigName"],
        "ProductionVariants": variants,
        "EndpointStatus": status,
        "CreationTime": float(_milliseconds(record["CreationTime"])),
        "LastModifiedTime": float(_milliseconds(record["LastModifiedTime"])),
        "Tags": tags,
    }
    if "FailureReason" in record:
        detail["FailureReason"] = record["FailureReason"]
    return SOURCE, "SageMaker Endpoint State Change", [record["EndpointArn"]], detail


def _plain(value: Any) -> Any:
    return _milliseconds(value) if isinstance(value, datetime) else value


def _milliseconds(time: datetime) -> int:
    return int(time.timestamp() * 1000)


def _iso(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
