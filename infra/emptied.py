"""A bucket that CloudFormation can delete with all that is in it; only where the settings ask for that.

CloudFormation deletes no bucket that holds something. CDK's own way, ``auto_delete_objects``, is a function in Node
whose role may also change the bucket's policy; this one may list and delete, and is tried on the laptop cloud.
"""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.acknowledged import acknowledge
from infra.arns import Arns, function_logs
from infra.bundle import RUNTIME
from infra.permissions import Statements, allow, documents
from infra.permissions.common import write_logs

NAME = "empty"
CODE = Path(__file__).with_name("empty_bucket.py")

_WAITED_FOR = "CloudFormation, which calls it once, waits for its answer and fails the removal if there is none."
_ONCE = "It runs once in the life of the stack, at its end: nothing has to be held free for it."
_OUTSIDE = "It talks to S3 and CloudFormation over TLS and listens to nothing; it is there for the stack's last minute."
_NEWEST = "It is the version that all functions of the project run on; a newer one comes with a new bundle."
_FUNCTION = {
    "AwsSolutions::AwsSolutions-L1": _NEWEST,
    "Serverless::Serverless-LambdaLatestVersion": _NEWEST,
    "Serverless::Serverless-LambdaDLQ": _WAITED_FOR,
    "Serverless::Serverless-LambdaTracing": "It runs once in the life of the stack, and its log says all that it did.",
    "NIST.800.53.R5::NIST.800.53.R5-LambdaDLQ": _WAITED_FOR,
    "NIST.800.53.R5::NIST.800.53.R5-LambdaConcurrency": _ONCE,
    "NIST.800.53.R5::NIST.800.53.R5-LambdaInsideVPC": _OUTSIDE,
    "CKV_AWS_115": _ONCE,
    "CKV_AWS_116": _WAITED_FOR,
    "CKV_AWS_117": _OUTSIDE,
    "W3005": "CDK makes a function wait for its role in two ways. The second is needless and does no harm.",
}


def _reasons(arns: Arns, *, stack: str) -> dict[str, str]:
    """Of the role's stars."""
    return {
        f"AwsSolutions::AwsSolutions-IAM5[Resource::{arns.bucket}/*]": "The star stands for all that is in the "
        "project's own bucket, which is what this role is there to delete.",
        f"AwsSolutions::AwsSolutions-IAM5[Resource::{arns.stack(stack)}]": "The star stands for the number that "
        "CloudFormation gives the stack when it makes it; the name before it is this one stack's.",
    }


def empty_at_the_end(bucket: s3.Bucket, *, arns: Arns, key: kms.Key) -> None:
    """Once the stack is deleted, everything in the bucket is, just before the bucket."""
    scope, stack = Construct(bucket.stack, "Emptied"), bucket.stack.stack_name
    names, group = arns.names, function_logs(arns.names, NAME)
    role = iam.Role(
        scope,
        "Role",
        role_name=names.role(f"{NAME}-function"),
        description=f"The function {names.function(NAME)}: empties the bucket when the stack is deleted",
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        inline_policies=documents([*_statements(arns, stack=stack), write_logs(arns, group)]),
    )
    acknowledge(role, _reasons(arns, stack=stack))
    function = lambda_.Function(
        scope,
        "Function",
        function_name=names.function(NAME),
        runtime=lambda_.Runtime(RUNTIME, lambda_.RuntimeFamily.PYTHON, supports_inline_code=True),
        architecture=lambda_.Architecture.ARM_64,
        handler="index.handler",
        code=lambda_.Code.from_inline(CODE.read_text(encoding="utf-8")),
        role=role.without_policy_updates(),
        memory_size=256,
        timeout=cdk.Duration.minutes(15),
        log_group=logs.LogGroup(
            scope,
            "Logs",
            log_group_name=group,
            retention=logs.RetentionDays.THREE_MONTHS,
            encryption_key=key,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        ),
    )
    acknowledge(function, _FUNCTION)
    cdk.CustomResource(
        scope,
        "Empty",
        service_token=function.function_arn,
        resource_type="Custom::EmptiedBucket",
        properties={"Bucket": bucket.bucket_name},
    )


def _statements(arns: Arns, *, stack: str) -> Statements:
    return [
        allow("s3:ListBucketVersions", on=arns.bucket),
        allow("s3:DeleteObject", "s3:DeleteObjectVersion", on=arns.objects("*")),
        allow("cloudformation:DescribeStacks", on=arns.stack(stack)),
    ]
