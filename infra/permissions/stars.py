"""Why each star in a role's resources is there. One that nobody explained is a finding of the gates."""

from collections.abc import Iterable, Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from infra.acknowledged import acknowledge
from infra.arns import Arns
from infra.permissions.registries import aws_repositories
from infra.permissions.unknown import unknown

INLINE = (
    "The policy is the role's own and of no one else, and comes and goes with it: as a policy apart it could be "
    "attached to another role, and the role would for a moment run with half of its rights."
)
_OBJECTS = "The star stands for models, whose folders come without a deploy; the bucket is of this project alone."
_LOGS = "The star stands for the streams of this one log group, which are named by the service that writes them."
_NAMED = "The star stands for models, which come without a deploy; names begin with the project's, and what exists "
_NAMED += "is changed only where it carries the project's tag."
_JOBS = "A job's name begins with its model's. Jobs are made with the project's tag, and stopped only where they have "
_JOBS += "it; the rest is reading what a job's name already tells."
_EVERY = (
    "The calls are GetAuthorizationToken, ListTrainingJobs and EC2's Describe…, which know no resource, and metrics in "
)
_EVERY += "SageMaker's own namespaces."
_INTERFACES = "Interfaces get their ids when SageMaker or Lambda make them, in the settings' subnets and nowhere else."
_WATCHED = "The star stands for endpoints, which come without a deploy: each gets its alarms, told to the project's "
_WATCHED += "topic alone, and its log group."
_AWS_IMAGES = "AWS's own account for images: the star stands for what AWS publishes there, for every account to pull."
_STACKS = "The star stands for the id that CloudFormation gives a stack; the names are whole."
_SAGEMAKER_LOGS = "SageMaker makes these log groups for all jobs and endpoints of the account, by names of its own."


def acknowledge_stars(scope: cdk.Stack, arns: Arns) -> None:
    """For each role of a stack, each finding on its own: a star of another kind still fails the gates."""
    reasons = _reasons(arns)
    for construct in scope.node.find_all():
        if isinstance(construct, iam.CfnRole):
            policies = scope.resolve(construct.policies)
            statements = [one for policy in policies for one in policy["policyDocument"]["Statement"]]
            explained = {
                f"AwsSolutions::AwsSolutions-IAM5[Resource::{star}]": reason
                for star in sorted(_stars(statements))
                for prefix, reason in reasons.items()
                if star.startswith(prefix) and (prefix != "*" or star == "*")
            }
            if "*" in _stars(statements) and "lambda.amazonaws.com" in str(
                scope.resolve(construct.assume_role_policy_document)
            ):
                explained["Serverless::Serverless-LambdaStarPermissions"] = _EVERY
            acknowledge(
                construct,
                {"NIST.800.53.R5::NIST.800.53.R5-IAMNoInlinePolicy": INLINE, **explained, **unknown(statements)},
            )


def _reasons(arns: Arns) -> dict[str, str]:
    """Beginnings of ARNs; for the star alone the whole of it."""
    project = arns.names.project
    named = (arns.package_groups, arns.packages, arns.models, arns.endpoint_configs, arns.endpoints)
    return {
        "*": _EVERY,
        f"{arns.bucket}/*/": _OBJECTS,
        arns.log_streams(f"/aws/lambda/{project}-").removesuffix(":*"): _LOGS,
        arns.log_streams(f"/aws/codebuild/{project}-").removesuffix(":*"): _LOGS,
        arns.log_streams("/aws/sagemaker/*"): _SAGEMAKER_LOGS,
        arns.training_jobs: _JOBS,
        arns.processing_jobs: _JOBS,
        arns.network_interfaces: _INTERFACES,
        **dict.fromkeys(aws_repositories(arns.names), _AWS_IMAGES),
        **dict.fromkeys(arns.stacks, _STACKS),
        **dict.fromkeys(named, _NAMED),
        **dict.fromkeys((*arns.endpoint_alarms, arns.endpoint_logs), _WATCHED),
    }


def _stars(statements: Iterable[Mapping[str, Any]]) -> set[str]:
    allowed = [one["Resource"] for one in statements if one["Effect"] == "Allow"]
    return {one for found in allowed for one in ([found] if isinstance(found, str) else found) if "*" in one}
