"""Training jobs: what they are checked for, and how SageMaker speaks of them."""

import re
from typing import Any

from local.aws.errors import invalid
from local.aws.sagemaker import events
from local.aws.sagemaker.checks import over_limit
from local.aws.sagemaker.events import Event
from local.aws.sagemaker.hosts import MOST
from local.aws.sagemaker.job import TrainingJob
from local.aws.sagemaker.jobs import Jobs
from local.aws.sagemaker.opt_ml import below
from local.aws.sagemaker.training_run import TrainingRun

Record = dict[str, Any]


class Training(Jobs):
    """All training jobs of the account."""

    kind = TrainingJob
    taken = (
        "Training job names must be unique within an AWS account and region, "
        "and a training job with this name already exists ({arn})"
    )
    missing = "Requested resource not found."

    def _completed(self, params: Record) -> Record:
        return {"HyperParameters": {}, "InputDataConfig": [], **params}

    def _run(self, job: TrainingJob) -> TrainingRun:
        return TrainingRun(self._cloud, job, self._slots)

    def _event(self, record: Record) -> Event:
        return events.training_job(record, self._tags.of(record["TrainingJobArn"]))

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
            raise over_limit(params["ResourceConfig"].get("InstanceType"), "training", most=MOST, asked=count)
        _check_spot(params)
        if kept := params.get("CheckpointConfig"):
            below(self._cloud.state, kept)
        self._checks.role(params["RoleArn"])
        self._checks.image(image)
        self._checks.encryption(params["ResourceConfig"], params["OutputDataConfig"])
        if vpc := params.get("VpcConfig"):
            self._checks.network(vpc)


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
