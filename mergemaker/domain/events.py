"""Events from EventBridge, as far as they are believed: which thing changed, never how.

Delivery is best effort: twice, late, out of order or never, and anyone in the account can put an event that looks
like one. So a step asks SageMaker about what the event names, and trusts nothing else in it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mergemaker.domain.errors import RefusedError, UsageError
from mergemaker.domain.names import IMAGE_TAG, SAGEMAKER_NAME, STACKS, Names


@dataclass(frozen=True)
class JobChanged:
    """A training job has another status."""

    job: str


@dataclass(frozen=True)
class PackageChanged:
    """A model package was approved, rejected, or changed otherwise."""

    arn: str


@dataclass(frozen=True)
class EndpointChanged:
    """An endpoint has another status."""

    endpoint: str


@dataclass(frozen=True)
class BuildEnded:
    """An image build has ended, well or not."""

    tag: str
    build: str
    """CodeBuild's id of the build."""


@dataclass(frozen=True)
class PreparationChanged:
    """A processing job has another status."""

    job: str


@dataclass(frozen=True)
class RunWaits:
    """A run was left to wait for its image, its data or its smoke run."""

    key: str
    """In the project's bucket, where the request lies."""


@dataclass(frozen=True)
class Submitted:
    """A pipeline asked for a run that was there already, or has to wait."""

    key: str
    """In the project's bucket, where the request lies."""


@dataclass(frozen=True)
class InputChanged:
    """A file came to a model's input."""

    model: str
    at: datetime
    """When, by S3's clock."""


@dataclass(frozen=True)
class StacksDiffer:
    """A pipeline says what its merge request would change of the stacks, be it nothing."""

    key: str
    """In the project's bucket, where it says so."""


@dataclass(frozen=True)
class DayPassed:
    """It is time for what is looked at once a day."""


@dataclass(frozen=True)
class SweepDue:
    """It is time to look for what no event tells of, such as a merge request that was closed."""


Event = (
    Submitted
    | JobChanged
    | PackageChanged
    | EndpointChanged
    | BuildEnded
    | PreparationChanged
    | RunWaits
    | InputChanged
    | StacksDiffer
    | DayPassed
    | SweepDue
)


def daily_rule(names: Names) -> str:
    """Name of the rule whose schedule is once a day."""
    return f"{names.project}-daily"


def sweep_rule(names: Names) -> str:
    """Name of the rule whose schedule is every few minutes."""
    return f"{names.project}-sweep"


_SAGEMAKER = r"arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:[0-9]{12}"


def parse_event(body: str, names: Names) -> Event:
    """Reads one event.

    Raises UsageError for what is no event, which is worth a look, and RefusedError for one that is none of our
    business: of another account, region, source or kind.
    """
    try:
        event = json.loads(body)
        detail = event["detail"]
        kind, source = event["detail-type"], event["source"]
        account, region = event["account"], event["region"]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise UsageError(f"not an event of EventBridge: {type(error).__name__}") from None
    if (account, region) != (names.account, names.region):
        raise RefusedError("an event of another account or region")
    if (source, kind) == ("aws.events", "Scheduled Event"):
        return _scheduled(event.get("resources"), names)
    reader = _READERS.get((source, kind)) if isinstance(source, str) and isinstance(kind, str) else None
    if reader is None or not isinstance(detail, Mapping):
        raise RefusedError(f"not an event that this function is for: {source!r}, {kind!r}"[:200])
    return reader(detail, event.get("time"))


def _scheduled(rules: object, names: Names) -> Event:
    """It says nothing but which rule it is of."""
    ours = f"arn:{names.partition}:events:{names.region}:{names.account}:rule/"
    if rules == [ours + daily_rule(names)]:
        return DayPassed()
    if rules == [ours + sweep_rule(names)]:
        return SweepDue()
    raise RefusedError(f"another rule's schedule: {rules!r}"[:200])


def _job(detail: Mapping[str, Any], _time: object) -> Event:
    return JobChanged(_string(detail, "TrainingJobName", SAGEMAKER_NAME))


def _preparation(detail: Mapping[str, Any], _time: object) -> Event:
    return PreparationChanged(_string(detail, "ProcessingJobName", SAGEMAKER_NAME))


def _package(detail: Mapping[str, Any], _time: object) -> Event:
    return PackageChanged(_string(detail, "ModelPackageArn", rf"{_SAGEMAKER}:model-package/{SAGEMAKER_NAME}/[0-9]+"))


def _endpoint(detail: Mapping[str, Any], _time: object) -> Event:
    return EndpointChanged(_string(detail, "EndpointName", SAGEMAKER_NAME))


def _build(detail: Mapping[str, Any], _time: object) -> Event:
    try:
        variables = detail["additional-information"]["environment"]["environment-variables"]
        tags = [variable["value"] for variable in variables if variable["name"] == "IMAGE_TAG"]
    except (KeyError, TypeError):
        raise UsageError("a build's event without its environment variables") from None
    tag = tags[-1] if tags else None
    return BuildEnded(
        tag=_string({"IMAGE_TAG": tag}, "IMAGE_TAG", IMAGE_TAG),
        build=_string(detail, "build-id", r"arn:aws[a-z-]*:codebuild:[^\s]{1,300}"),
    )


_INPUT = re.compile(r"([a-z][a-z0-9-]{0,62})/input/(?s:.+)", re.ASCII)
"""No folder called input further down, such as in a snapshot: those come by the same rule."""


def _input(detail: Mapping[str, Any], time: object) -> Event | None:
    """None for an event of something else. Raises RefusedError for an object that only looks like input."""
    stored = detail.get("object")
    key = stored.get("key") if isinstance(stored, Mapping) else None
    if not isinstance(key, str) or "/input/" not in key or _OURS.fullmatch(key):
        return None
    found = _INPUT.fullmatch(key)
    if found is None:
        raise RefusedError(f"an object that is no model's input: {key!r}"[:200])
    try:
        at = datetime.fromisoformat(str(time))
    except ValueError:
        raise UsageError(f"the event's time is not one: {time!r}"[:200]) from None
    if at.tzinfo is None:
        raise UsageError(f"the event's time is not one: {time!r}"[:200])
    return InputChanged(found[1], at)


def _object(detail: Mapping[str, Any], time: object) -> Event:
    if heard := _input(detail, time):
        return heard
    stored = detail.get("object")
    key = _string(stored if isinstance(stored, Mapping) else {}, "key", _OURS.pattern)
    if key.startswith(f"{STACKS}/"):
        return StacksDiffer(key)
    return RunWaits(key) if key.split("/")[2] == "waiting" else Submitted(key)


_OURS = re.compile(
    r"[a-z][a-z0-9-]{0,62}/code/submissions/[a-z0-9-]{1,63}/[0-9]{1,18}\.json"
    r"|[a-z][a-z0-9-]{0,62}/code/waiting/[a-z0-9-]{1,63}/[a-z0-9-]{1,63}\.json"
    rf"|{STACKS}/code/submissions/[0-9]{{1,18}}/[0-9]{{1,18}}-[0-9]{{1,18}}\.json",
    re.ASCII,
)
"""Keys of what CI's jobs leave in the bucket."""


def _string(detail: Mapping[str, Any], key: str, pattern: str) -> str:
    value = detail.get(key)
    if not isinstance(value, str) or not re.fullmatch(pattern, value, re.ASCII):
        raise UsageError(f"the event's {key} is not one: {value!r}"[:200])
    return value


_READERS = {
    ("aws.sagemaker", "SageMaker Training Job State Change"): _job,
    ("aws.sagemaker", "SageMaker Model Package State Change"): _package,
    ("aws.sagemaker", "SageMaker Endpoint State Change"): _endpoint,
    ("aws.sagemaker", "SageMaker Processing Job State Change"): _preparation,
    ("aws.s3", "Object Created"): _object,
    ("aws.codebuild", "CodeBuild Build State Change"): _build,
}
