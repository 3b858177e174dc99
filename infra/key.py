"""The project's KMS key, and who may use it for what.

All grants are in the key's policy, with conditions, as in those of AWS's own keys (``aws/s3``): a role is named before
it exists, and through which service it may use the key. No role's own policy speaks of keys, so none reaches another.
"""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.acknowledged import acknowledge
from infra.arns import Arns
from mergemaker.domain.names import Names
from mergemaker.domain.watching import endpoint_logs

_READ = ("kms:Decrypt",)
READ_AND_WRITE = ("kms:Decrypt", "kms:GenerateDataKey")
_TABLE = ("kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey")
"""What DynamoDB asks of who reads or writes an encrypted table (DynamoDB Developer Guide, encryption at rest)."""

_FUNCTIONS = ("report-function", "release-function", "start-function")


def alias(names: Names) -> str:
    return names.key_alias


def _export_name(names: Names) -> str:
    return f"{names.project}-key"


def project_key(scope: Construct, arns: Arns) -> kms.Key:
    """Turned over yearly; stays when the stack is removed, because what it encrypted stays, too."""
    key = kms.Key(
        scope,
        "Key",
        alias=alias(arns.names),
        description=f"Everything that the Mergemaker project {arns.names.project} keeps",
        enable_key_rotation=True,
        removal_policy=cdk.RemovalPolicy.RETAIN,
    )
    for statement in _statements(arns):
        key.add_to_resource_policy(statement)
    cdk.CfnOutput(scope, "KeyArn", value=key.key_arn, export_name=_export_name(arns.names))
    acknowledge(
        key,
        {
            "CKV_AWS_33": "The star comes with conditions on the account, the role and the service, as in the policies "
            "of AWS's own keys. Naming a role as principal fails for as long as it does not exist."
        },
    )
    return key


def imported_key(scope: Construct, names: Names) -> kms.IKey:
    """The key as another stack refers to it. Log groups want its ARN, which is known only once it is there."""
    return kms.Key.from_key_arn(scope, "Key", cdk.Fn.import_value(_export_name(names)))


def _statements(arns: Arns) -> Sequence[iam.PolicyStatement]:
    def roles(actions: Sequence[str], service: str, *purposes: str) -> iam.PolicyStatement:
        return through(arns, service, actions=actions, roles=[arns.role(purpose) for purpose in purposes])

    return [
        roles(READ_AND_WRITE, "s3", "execution", "submit", "report-function", "start-function"),
        # An output that a job names the key for (SageMaker Developer Guide, execution roles).
        roles(("kms:Encrypt",), "s3", "execution"),
        roles(_READ, "s3", "image-builder", "release-function", "release"),
        roles(_READ, "secretsmanager", *_FUNCTIONS),
        roles(_READ, "sqs", *_FUNCTIONS),
        roles(_TABLE, "dynamodb", *_FUNCTIONS),
        _disks(arns),
        _by_name(arns),
        _service("events", READ_AND_WRITE, {"StringEquals": {"aws:SourceAccount": arns.names.account}}),
        _service("cloudwatch", READ_AND_WRITE, {"StringEquals": {"aws:SourceAccount": arns.names.account}}),
        _service(
            f"logs.{arns.names.region}",
            ("kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"),
            {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": _log_groups(arns)}},
        ),
    ]


def _disks(arns: Arns) -> iam.PolicyStatement:
    """Volumes of jobs and endpoints: SageMaker lets the disks' own service use the key, by a grant that it makes in the
    name of the job's role or, where that may not, of who starts the job or makes the endpoint (SageMaker API
    permissions reference). Through which service is not asked for: a role that AWS itself has taken asks KMS directly,
    and what makes a grant harmless is that only AWS can make it, for its own resources."""
    roles = [arns.role(purpose) for purpose in ("execution", "submit", "start-function", "release-function")]
    statement = _used_by(arns, actions=["kms:CreateGrant"], roles=roles)
    statement.add_condition("Bool", {"kms:GrantIsForAWSResource": "true"})
    return statement


def _by_name(arns: Arns) -> iam.PolicyStatement:
    """From the alias to the ARN, which is all that SageMaker takes for a volume. It tells nothing secret: so not only
    through a service."""
    roles = [arns.role(purpose) for purpose in ("execution", "submit", "start-function", "release-function")]
    return _used_by(arns, actions=["kms:DescribeKey"], roles=roles)


def through(arns: Arns, service: str, *, actions: Sequence[str], roles: Sequence[str]) -> iam.PolicyStatement:
    """Use of the key by these roles, by their ARNs, in what they ask of a service of AWS."""
    via = {"kms:ViaService": f"{service}.{arns.names.region}.amazonaws.com"}
    return _used_by(arns, actions=actions, roles=roles, how=via)


def _used_by(
    arns: Arns, *, actions: Sequence[str], roles: Sequence[str], how: Mapping[str, str] | None = None
) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        actions=list(actions),
        resources=["*"],
        principals=[iam.AnyPrincipal()],
        conditions={
            "StringEquals": {"kms:CallerAccount": arns.names.account, **(how or {})},
            "ArnEquals": {"aws:PrincipalArn": list(roles)},
        },
    )


def _service(host: str, actions: Sequence[str], conditions: Mapping[str, Mapping[str, object]]) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        actions=list(actions),
        resources=["*"],
        principals=[iam.ServicePrincipal(f"{host}.amazonaws.com")],
        conditions=conditions,
    )


def _log_groups(arns: Arns) -> list[str]:
    names = arns.names
    prefix = f"arn:{names.partition}:logs:{names.region}:{names.account}:log-group:"
    return [
        f"{prefix}/aws/lambda/{names.project}-*",
        f"{prefix}/aws/codebuild/{names.image_builder}",
        f"{prefix}{endpoint_logs(f'{names.project}-*')}",
    ]
