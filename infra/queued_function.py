"""A function that works off a queue: queue, dead-letter queue, function, role and log group as one unit."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.acknowledged import acknowledge
from infra.arns import Arns, function_logs
from infra.bundle import RUNTIME
from infra.key import alias, imported_key
from infra.permissions import Statements, documents
from infra.permissions.common import take_messages, write_logs
from infra.permissions.interfaces import for_function
from mergemaker.domain.settings import Network, Settings
from mergemaker.variables import lambda_environment

TRIES = 5
LOG_RETENTION = logs.RetentionDays.THREE_MONTHS

_PRIVATE = (
    "It talks to AWS and to GitLab over TLS and listens to nothing. Inside a VPC it would need a NAT gateway, which "
    "costs more than all else here, to reach a GitLab that is public."
)
_POLLED = "It is never invoked asynchronously: Lambda polls its queue, and what fails is in the queue's dead letters."
_AT_ONCE = "How many run at once is set on the queue's mapping. Reserved concurrency would take from the account's."
_FUNCTION = {
    "AwsSolutions::AwsSolutions-L1": "The bundle is compiled for this version; a newer one comes with a new bundle.",
    "Serverless::Serverless-LambdaLatestVersion": "The bundle is compiled for this version; a newer one comes with a "
    "new bundle.",
    "Serverless::Serverless-LambdaDLQ": _POLLED,
    "Serverless::Serverless-LambdaTracing": "Each line of the log names the run and the merge request; there is one "
    "hop from queue to function, which the queue's own metrics show.",
    "NIST.800.53.R5::NIST.800.53.R5-LambdaDLQ": _POLLED,
    "NIST.800.53.R5::NIST.800.53.R5-LambdaConcurrency": _AT_ONCE,
    "CKV_AWS_45": "The value that looks like a secret is none: the variables are the settings from mergemaker.toml, "
    "which are in git. The GitLab token is in Secrets Manager and is read at run time.",
    "CKV_AWS_115": _AT_ONCE,
    "CKV_AWS_116": _POLLED,
    "CKV_AWS_173": "The variables are the settings from mergemaker.toml, which are in git, and hold no secret; Lambda "
    "encrypts them with AWS's own key.",
    "W3005": "CDK makes a function wait for its role in two ways. The second is needless and does no harm.",
}
_OUTSIDE = dict.fromkeys(("NIST.800.53.R5::NIST.800.53.R5-LambdaInsideVPC", "CKV_AWS_117"), _PRIVATE)
_SOURCE = {
    "Serverless::Serverless-LambdaEventSourceMappingDestination": "A destination is for streams. What a queue's "
    "message fails with goes to the queue's own dead letters."
}
_DEAD_LETTERS = {
    "Serverless::Serverless-SQSRedrivePolicy": "This is the end of the line: what is here waits for a person, and an "
    "alarm says so."
}


class QueuedFunction(Construct):
    """``lambdas/<name>``, fed by its queue. After TRIES failures a message goes to the dead-letter queue."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        code: lambda_.Code,
        settings: Settings,
        statements: Statements,
        at_once: int,
        timeout_seconds: int = 60,
    ) -> None:
        """`at_once`: how many copies of the function work on the queue at the same time, at least 2."""
        super().__init__(scope, name)
        names = settings.names
        arns = Arns(names)
        network = settings.network if settings.network.functions else Network()
        self.dead_letters = _dead_letters(self, names.dead_letter_queue(name), alias=alias(names))
        self.queue = _queue(
            self,
            names.queue(name),
            alias=alias(names),
            dead_letters=self.dead_letters,
            timeout_seconds=timeout_seconds,
        )
        role = iam.Role(
            self,
            "Role",
            role_name=names.role(f"{name}-function"),
            description=f"The function {names.function(name)}",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            inline_policies=documents(
                [
                    *statements,
                    take_messages(arns, name),
                    write_logs(arns, function_logs(names, name)),
                    *for_function(arns, name, network),
                ]
            ),
        )
        log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=function_logs(names, name),
            retention=LOG_RETENTION,
            encryption_key=imported_key(self, names),
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
            environment=lambda_environment(settings),
            memory_size=512,
            timeout=cdk.Duration.seconds(timeout_seconds),
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,  # Lambda's own lines, too: time-outs, reports
        )
        source = lambda_.EventSourceMapping(
            self,
            "Source",
            target=self.function,
            event_source_arn=self.queue.queue_arn,
            batch_size=1,  # a message may need most of the time-out: one that does must cost no other a try
            max_concurrency=at_once,
            report_batch_item_failures=True,
        )
        acknowledge(self.function, _FUNCTION | ({} if network.subnets else _OUTSIDE))
        _connect(self.function, network)
        acknowledge(source, _SOURCE)


def _connect(function: lambda_.Function, network: Network) -> None:
    """By ids alone: CDK's own way asks AWS about the VPC while it makes the template."""
    if network.subnets:
        template = function.node.default_child
        assert isinstance(template, lambda_.CfnFunction)
        template.vpc_config = lambda_.CfnFunction.VpcConfigProperty(
            subnet_ids=list(network.subnets), security_group_ids=list(network.security_groups)
        )


def _dead_letters(scope: Construct, name: str, *, alias: str) -> sqs.Queue:
    """Kept as long as SQS keeps anything: someone has to look at these."""
    queue = sqs.Queue(scope, "DeadLetters", queue_name=name, enforce_ssl=True, retention_period=cdk.Duration.days(14))
    _encrypt(queue, alias)
    acknowledge(queue, _DEAD_LETTERS)
    return queue


def _queue(scope: Construct, name: str, *, alias: str, dead_letters: sqs.Queue, timeout_seconds: int) -> sqs.Queue:
    """Invisible for six times the function's timeout, as AWS asks, so that a throttled batch can be tried again."""
    queue = sqs.Queue(
        scope,
        "Queue",
        queue_name=name,
        enforce_ssl=True,
        visibility_timeout=cdk.Duration.seconds(6 * timeout_seconds),
        dead_letter_queue=sqs.DeadLetterQueue(queue=dead_letters, max_receive_count=TRIES),
    )
    _encrypt(queue, alias)
    return queue


def _encrypt(queue: sqs.Queue, alias: str) -> None:
    """By the key's alias: given a key, CDK would let any rule of the account send, instead of the one that feeds it."""
    template = queue.node.default_child
    assert isinstance(template, sqs.CfnQueue)
    template.kms_master_key_id = alias
    template.kms_data_key_reuse_period_seconds = 3600
