"""Training jobs: create, describe, list, stop."""

import copy
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from local.aws.cloud import Cloud
from local.aws.errors import AwsError, invalid
from local.aws.listing import Listing
from local.aws.sagemaker import events
from local.aws.sagemaker.checks import Checks
from local.aws.sagemaker.hosts import MOST
from local.aws.sagemaker.job import FINAL, Job
from local.aws.sagemaker.opt_ml import below
from local.aws.sagemaker.run import Run, Slots
from local.aws.sagemaker.tags import Tags

Record = dict[str, Any]
_SUMMARY = Listing(name="TrainingJobName", status="TrainingJobStatus")


class Training:
    """All training jobs of the account."""

    def __init__(self, cloud: Cloud, tags: Tags, checks: Checks, lock: threading.RLock) -> None:
        self._cloud, self._tags, self._checks, self._lock = cloud, tags, checks, lock
        self._jobs: dict[str, Job] = {}
        self._slots = Slots()

    @property
    def operations(self) -> dict[str, Callable[[Record], Record]]:
        return {
            "CreateTrainingJob": self._create,
            "DescribeTrainingJob": self._describe,
            "ListTrainingJobs": self._list,
            "StopTrainingJob": self._stop,
        }

    def _create(self, params: Record) -> Record:
        name = params["TrainingJobName"]
        arn = self._cloud.arn(f"training-job/{name}")
        if any(job.record["TrainingJobArn"] == arn for job in self._jobs.values()):
            raise AwsError(
                "ResourceInUse",
                "Training job names must be unique within an AWS account and region, "
                f"and a training job with this name already exists ({arn})",
            )
        self._check(params)
        self._tags.created(arn, params)
        now = datetime.now(UTC)
        record = {k: v for k, v in params.items() if k != "Tags"} | {
            "TrainingJobArn": arn,
            "CreationTime": now,
            "LastModifiedTime": now,
        }
        record.setdefault("HyperParameters", {})
        record.setdefault("InputDataConfig", [])
        job = Job(record, self._lock, self._changed)
        self._jobs[name] = job
        job.move("Starting")
        run = Run(self._cloud, job, self._slots)
        threading.Thread(target=run.execute, daemon=True, name=f"job {name}").start()
        return {"TrainingJobArn": arn}

    def _check(self, params: Record) -> None:
        for member in ("AlgorithmSpecification", "ResourceConfig", "StoppingCondition"):
            if member not in params:
                raise invalid(f"{member} is required")
        image = params["AlgorithmSpecification"].get("TrainingImage")
        if image is None:
            raise invalid("the laptop cloud trains with images only: set AlgorithmSpecification.TrainingImage")
        for definition in params["AlgorithmSpecification"].get("MetricDefinitions", []):
            _check_regex(definition)
        _check_channels(params.get("InputDataConfig", []))
        count = params["ResourceConfig"].get("InstanceCount", 1)
        if count > MOST:
            kind = params["ResourceConfig"].get("InstanceType")
            raise AwsError(
                "ResourceLimitExceeded",
                f"The account-level service limit '{kind} for training job usage' is {MOST} Instances, with current "
                f"utilization of 0 Instances and a request delta of {count} Instances: this is a laptop cloud.",
            )
        _check_spot(params)
        if kept := params.get("CheckpointConfig"):
            below(self._cloud.state, kept)
        self._checks.role(params["RoleArn"])
        self._checks.image(image)
        if key := params["ResourceConfig"].get("VolumeKmsKeyId"):
            self._checks.volume_key(key, params["ResourceConfig"].get("InstanceType", ""))
        if key := params["OutputDataConfig"].get("KmsKeyId"):
            self._checks.key(key, alias=True)
        if vpc := params.get("VpcConfig"):
            self._checks.network(vpc)

    def _describe(self, params: Record) -> Record:
        return self._find(params).record

    def _find(self, params: Record) -> Job:
        job = self._jobs.get(params["TrainingJobName"])
        if job is None:
            raise invalid("Requested resource not found.")
        return job

    def _list(self, params: Record) -> Record:
        page, token = _SUMMARY.page((job.record for job in self._jobs.values()), params)
        return {"TrainingJobSummaries": page, "NextToken": token}

    def _stop(self, params: Record) -> Record:
        job = self._find(params)
        if job.status in FINAL:
            raise invalid(f"The request was rejected because the training job is in status {job.status}.")
        if not job.stop_wanted.is_set():
            job.stop_wanted.set()
            job.move("Stopping", status="Stopping")
        return {}

    def _changed(self, job: Job) -> None:
        record = copy.deepcopy(job.record)
        self._cloud.send(*events.training_job(record, self._tags.of(record["TrainingJobArn"])))


def _check_regex(definition: Record) -> None:
    try:
        re.compile(definition["Regex"])
    except re.error as error:
        raise invalid(f"the regex of metric {definition['Name']!r} does not compile: {error}") from None


def _check_spot(params: Record) -> None:
    """As the API reference says of StoppingCondition.MaxWaitTimeInSeconds."""
    condition = params["StoppingCondition"]
    wait, run = condition.get("MaxWaitTimeInSeconds"), condition.get("MaxRuntimeInSeconds", 86400)
    if not params.get("EnableManagedSpotTraining"):
        if wait is not None:
            raise invalid("MaxWaitTimeInSeconds can be specified only if EnableManagedSpotTraining is set to true")
        return
    if wait is None or wait < run:
        raise invalid(
            f"Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds "
            f"({run}), not {wait}"
        )


def _check_channels(channels: list[Record]) -> None:
    names = [channel["ChannelName"] for channel in channels]
    if len(set(names)) != len(names):
        raise invalid("Channel names must be unique")
    for channel in channels:
        source = channel["DataSource"].get("S3DataSource")
        if source is None or source["S3DataType"] != "S3Prefix":
            raise invalid(f"channel {channel['ChannelName']}: the laptop cloud reads S3Prefix channels only")
        if channel.get("InputMode", "File") == "Pipe":
            raise invalid(f"channel {channel['ChannelName']}: the laptop cloud has no Pipe mode")
