"""What is counted, and the names of what watches: shared by those who count, the stacks, and who makes endpoints."""

from enum import StrEnum

from mergemaker.domain.names import Names
from mergemaker.domain.prices import instance_seconds, training_cost
from mergemaker.domain.run import Release, ReleaseStatus, Run, Status

NAMESPACE = "Mergemaker"
DIMENSION = "Project"
"""The only one: each more, such as the model, would be another five metrics to pay for a model."""


class Count(StrEnum):
    """A metric's name in CloudWatch."""

    RUNS = "Runs"
    """Runs that have ended, well or not."""
    FAILED_RUNS = "FailedRuns"
    BILLED_SECONDS = "BilledSeconds"
    """Of training, times the number of instances."""
    COST = "Cost"
    """Of training, in US dollars: `prices`."""
    FAILED_RELEASES = "FailedReleases"
    """Releases that failed, or that the endpoint took back."""


UNITS = {Count.BILLED_SECONDS: "Seconds", Count.COST: "None"}
"""In CloudWatch's words; all others are a Count."""

LOG_DAYS = 90
"""How long a log is kept."""


class EndpointAlarm(StrEnum):
    """How an endpoint's alarm is called behind the endpoint's name."""

    ERRORS = "5xx"
    LATENCY = "latency"


def endpoint_alarm(endpoint: str, kind: EndpointAlarm) -> str:
    return f"{endpoint}-{kind}"


def endpoint_logs(endpoint: str) -> str:
    """The log group into which SageMaker writes what the endpoint's containers say."""
    return f"/aws/sagemaker/Endpoints/{endpoint}"


def alarm_topic(names: Names) -> str:
    return f"{names.project}-alarms"


def alarm_topic_arn(names: Names) -> str:
    return f"arn:{names.partition}:sns:{names.region}:{names.account}:{alarm_topic(names)}"


def counted(before: Run | None, after: Run) -> dict[Count, float]:
    """What has come about with the change of a run's record from `before` to `after`: nothing with most changes."""
    counts: dict[Count, float] = {}
    if _ended(before, after):
        counts |= {Count.RUNS: 1, Count.FAILED_RUNS: int(after.status is Status.FAILED)}
    billed = _billed(after)
    if billed is not None and _billed(before) is None:
        counts[Count.BILLED_SECONDS] = instance_seconds(after.instance, billed)
        cost = training_cost(after.instance, billed)
        counts |= {} if cost is None else {Count.COST: cost}
    earlier = before.releases if before else {}
    failed = sum(_failed(earlier.get(name), release) for name, release in after.releases.items())
    return counts | ({Count.FAILED_RELEASES: failed} if failed else {})


def _ended(before: Run | None, after: Run) -> bool:
    """A run whose image could not be built has ended without a job; when it gets one after all, that ends once more."""
    if not after.status.final:
        return False
    return before is None or not before.status.final or bool(after.image and not before.image)


def _billed(run: Run | None) -> int | None:
    """Known at the end: of a run that was refused while its job went on, only some time after that."""
    return run.billed_seconds if run and run.status.final else None


def _failed(before: Release | None, after: Release) -> bool:
    bad = (ReleaseStatus.FAILED, ReleaseStatus.ROLLED_BACK)
    again = before is not None and before.version == after.version and before.status in bad
    return after.status in bad and not again
