"""What runs, and may be replaced at any time: execution role, image builder, and queue, function and rules per step."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra import rules
from infra.arns import Arns
from infra.image_builder import ImageBuilder
from infra.monitoring import Monitoring
from infra.permissions import documents, functions, services
from infra.queued_function import QueuedFunction
from mergemaker.domain.settings import Settings

COPYING_SECONDS = 300
"""Prepared data is copied within the bucket, which takes minutes where there is much of it."""


class PlatformStack(cdk.Stack):
    """Wires events to functions and grants each what it calls."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        env: cdk.Environment,
        settings: Settings,
        arns: Arns,
        code: lambda_.Code,
    ) -> None:
        names = arns.names
        super().__init__(
            scope, construct_id, env=env, description=f"Mergemaker, project {names.project}: functions, rules, builder"
        )
        iam.Role(
            self,
            "Execution",
            role_name=names.role("execution"),
            description=f"Jobs and endpoints of the Mergemaker project {names.project}",
            assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"),
            inline_policies=documents(services.execution(arns, settings.network)),
        )
        ImageBuilder(self, "ImageBuilder", arns=arns)

        at_once = settings.maximum_concurrency
        report = QueuedFunction(
            self,
            "report",
            code=code,
            settings=settings,
            statements=functions.report(arns),
            at_once=at_once.report,
        )
        release = QueuedFunction(
            self,
            "release",
            code=code,
            settings=settings,
            statements=functions.release(arns, settings.network),
            at_once=at_once.release,
        )
        start = QueuedFunction(
            self,
            "start",
            code=code,
            settings=settings,
            statements=functions.start(arns, settings.network),
            at_once=at_once.start,
            timeout_seconds=COPYING_SECONDS,
        )
        Monitoring(self, "Monitoring", arns=arns, functions=(report, release, start), alarms=settings.alarms)
        rules.training_jobs(self, to=report, arns=arns)
        rules.daily(self, to=report, names=names)
        rules.sweep(self, to=report, names=names)
        rules.submissions_and_input(self, to=report, names=names)
        rules.packages(self, to=release, names=names)
        rules.endpoints(self, to=release, names=names)
        rules.image_builds(self, to=start, names=names)
        rules.processing_jobs(self, to=start, arns=arns)
        rules.training_jobs_ended(self, to=start, arns=arns)
        rules.waiting(self, to=start, names=names)
