"""A function that works off a queue: queue, dead-letter queue, function, role and log group as one unit."""

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.arns import Arns, function_logs
from infra.bundle import RUNTIME
from infra.permissions import Statements, documents
from infra.permissions.common import take_messages, write_logs

TIMEOUT_SECONDS = 60
TRIES = 5
LOG_RETENTION = logs.RetentionDays.THREE_MONTHS


class QueuedFunction(Construct):
    """``lambdas/<name>``, fed by its queue. After TRIES failures a message goes to the dead-letter queue."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        arns: Arns,
        code: lambda_.Code,
        environment: Mapping[str, str],
        statements: Statements,
        at_once: int,
    ) -> None:
        """`at_once`: how many copies of the function work on the queue at the same time, at least 2."""
        super().__init__(scope, name)
        names = arns.names
        self.dead_letters = _dead_letters(self, names.dead_letter_queue(name))
        self.queue = _queue(self, names.queue(name), dead_letters=self.dead_letters)
        role = iam.Role(
            self,
            "Role",
            role_name=names.role(f"{name}-function"),
            description=f"The function {names.function(name)}",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            inline_policies=documents(
                [*statements, take_messages(arns, name), write_logs(arns, function_logs(names, name))]
            ),
        )
        log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=function_logs(names, name),
            retention=LOG_RETENTION,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=names.function(name),
            runtime=lambda_.Runtime(RUNTIME, lambda_.RuntimeFamily.PYTHON),
            architecture=lambda_.Architecture.ARM_64,
            handler=f"lambdas.{name}.handler.handler",
            code=code,
            role=role.without_policy_updates(),
            environment=dict(environment),
            memory_size=512,
            timeout=cdk.Duration.seconds(TIMEOUT_SECONDS),
            log_group=log_group,
        )
        lambda_.EventSourceMapping(
            self,
            "Source",
            target=self.function,
            event_source_arn=self.queue.queue_arn,
            batch_size=1,  # a message may need most of the time-out: one that does must cost no other a try
            max_concurrency=at_once,
            report_batch_item_failures=True,
        )


def _dead_letters(scope: Construct, name: str) -> sqs.Queue:
    """Kept as long as SQS keeps anything: someone has to look at these."""
    return sqs.Queue(
        scope,
        "DeadLetters",
        queue_name=name,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        retention_period=cdk.Duration.days(14),
    )


def _queue(scope: Construct, name: str, *, dead_letters: sqs.Queue) -> sqs.Queue:
    """Invisible for six times the function's timeout, as AWS asks, so that a throttled batch can be tried again."""
    return sqs.Queue(
        scope,
        "Queue",
        queue_name=name,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        visibility_timeout=cdk.Duration.seconds(6 * TIMEOUT_SECONDS),
        dead_letter_queue=sqs.DeadLetterQueue(queue=dead_letters, max_receive_count=TRIES),
    )
