"""Which events reach which queue. Each rule lets through this project's events of this account and nothing else.
Those with a schedule make their own.

What a rule cannot deliver goes to the dead-letter queue of the function that it was meant for, as the event itself: it
can be sent again from there like any other message.
"""

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from infra.arns import Arns
from infra.queued_function import QueuedFunction
from mergemaker.domain.events import daily_rule, sweep_rule
from mergemaker.domain.names import Names


def training_jobs(scope: Construct, *, to: QueuedFunction, arns: Arns) -> None:
    _jobs(scope, "TrainingJobs", "Training", {}, to=to, arns=arns)


def training_jobs_ended(scope: Construct, *, to: QueuedFunction, arns: Arns) -> None:
    """Smoke runs among them: an event does not say which those are."""
    _jobs(scope, "TrainingJobsEnded", "Training", {"TrainingJobStatus": _ENDED}, to=to, arns=arns)


def processing_jobs(scope: Construct, *, to: QueuedFunction, arns: Arns) -> None:
    """Preparations that have ended."""
    _jobs(scope, "ProcessingJobs", "Processing", {"ProcessingJobStatus": _ENDED}, to=to, arns=arns)


def submissions_and_input(scope: Construct, *, to: QueuedFunction, names: Names) -> None:
    """What `submit` leaves in the bucket for each pipeline that asked for a run, and what people put into a model's
    input. A folder of that name further down can't be told from it here, but by the function."""
    _objects(scope, "Submissions", "*/code/submissions/*", "*/input/*", names=names, to=to)


def waiting(scope: Construct, *, to: QueuedFunction, names: Names) -> None:
    """Runs that were left to wait: what a run waits for may have come just before it."""
    _objects(scope, "Waiting", "*/code/waiting/*", names=names, to=to)


def packages(scope: Construct, *, to: QueuedFunction, names: Names) -> None:
    _rule(
        scope,
        "Packages",
        account=names.account,
        source="aws.sagemaker",
        detail_type="SageMaker Model Package State Change",
        detail={"ModelPackageGroupName": [{"prefix": f"{names.project}-"}]},
        to=to,
    )


def endpoints(scope: Construct, *, to: QueuedFunction, names: Names) -> None:
    _rule(
        scope,
        "Endpoints",
        account=names.account,
        source="aws.sagemaker",
        detail_type="SageMaker Endpoint State Change",
        detail={"EndpointName": [{"prefix": f"{names.project}-"}]},
        to=to,
    )


def image_builds(scope: Construct, *, to: QueuedFunction, names: Names) -> None:
    """Builds that have ended, in whatever way."""
    _rule(
        scope,
        "ImageBuilds",
        account=names.account,
        source="aws.codebuild",
        detail_type="CodeBuild Build State Change",
        detail={"project-name": [names.image_builder], "build-status": [{"anything-but": ["IN_PROGRESS"]}]},
        to=to,
    )


def daily(scope: Construct, *, to: QueuedFunction, names: Names) -> None:
    _schedule(scope, "Daily", rule=daily_rule(names), every=cdk.Duration.days(1), to=to)


def sweep(scope: Construct, *, to: QueuedFunction, names: Names) -> None:
    """For what no event tells of."""
    _schedule(scope, "Sweep", rule=sweep_rule(names), every=cdk.Duration.minutes(5), to=to)


def _schedule(scope: Construct, name: str, *, rule: str, every: cdk.Duration, to: QueuedFunction) -> None:
    """The rule's name tells the function that the event is of this schedule and of no other."""
    events.Rule(
        scope,
        name,
        rule_name=rule,
        description=f"Every {every.to_human_string()}, to the queue {to.node.id}",
        schedule=events.Schedule.rate(every),
        targets=[targets.SqsQueue(to.queue, dead_letter_queue=to.dead_letters)],
    )


def _objects(scope: Construct, name: str, *keys: str, names: Names, to: QueuedFunction) -> None:
    """Objects that are new in the project's bucket."""
    _rule(
        scope,
        name,
        account=names.account,
        source="aws.s3",
        detail_type="Object Created",
        detail={"bucket": {"name": [names.bucket]}, "object": {"key": [{"wildcard": key} for key in keys]}},
        to=to,
    )


_ENDED = ["Completed", "Failed", "Stopped"]


def _jobs(scope: Construct, name: str, kind: str, detail: Mapping[str, Any], *, to: QueuedFunction, arns: Arns) -> None:
    """A job's name does not begin with the project's, but only this project's jobs run under its execution role."""
    _rule(
        scope,
        name,
        account=arns.names.account,
        source="aws.sagemaker",
        detail_type=f"SageMaker {kind} Job State Change",
        detail={"RoleArn": [arns.role("execution")], **detail},
        to=to,
    )


def _rule(
    scope: Construct,
    name: str,
    *,
    account: str,
    source: str,
    detail_type: str,
    detail: Mapping[str, Any],
    to: QueuedFunction,
) -> None:
    events.Rule(
        scope,
        name,
        description=f"{detail_type}, to the queue {to.node.id}",
        event_pattern=events.EventPattern(
            account=[account], source=[source], detail_type=[detail_type], detail=dict(detail)
        ),
        targets=[targets.SqsQueue(to.queue, dead_letter_queue=to.dead_letters)],
    )
