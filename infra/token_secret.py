"""The secret with GitLab's token: renewed by a person, or, where the settings say so, by Secrets Manager itself.

For the second it is a managed external secret (Secrets Manager User Guide): AWS asks GitLab for the next token with the
one that it has, under a role that reaches this secret alone. No function of ours takes part. `mergemaker setup` turns
the renewal on, once there is a token: AWS tries it at once, and a stack whose secret is empty would fail.
"""

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.acknowledged import acknowledge
from infra.arns import Arns
from infra.key import READ_AND_WRITE, through
from infra.permissions import allow, documents
from mergemaker.domain.token_secret import MANAGED_TYPE, ROTATION_ROLE

_FINDINGS = ("AwsSolutions::AwsSolutions-SMG4", "NIST.800.53.R5::NIST.800.53.R5-SecretsManagerRotationEnabled")
_BY_HAND = (
    "A person renews this token, which GitLab gives an end of at most a year: a GitLab issue is opened two weeks "
    "before it ends. With gitlab.rotate_token = true in mergemaker.toml, AWS renews it."
)
_BY_AWS = (
    "It is renewed: Secrets Manager does it by itself for secrets of this type. The rule knows only of renewals by a "
    "Lambda function, which a managed external secret does not have."
)


def token_secret(scope: Construct, *, arns: Arns, key: kms.Key, rotate: bool) -> None:
    """Made empty: the token is put in by a person's command, so that no template, log or history ever holds it."""
    names = arns.names
    secret = secretsmanager.CfnSecret(
        scope,
        "Token",
        name=names.token_secret,
        kms_key_id=key.key_arn,
        description=f"GitLab token of the Mergemaker project {names.project}: api scope, no more rights than Developer",
        type=MANAGED_TYPE if rotate else None,
    )
    acknowledge(secret, dict.fromkeys(_FINDINGS, _BY_AWS if rotate else _BY_HAND))
    if rotate:
        _role(scope, secret, arns)
        use = through(arns, "secretsmanager", actions=READ_AND_WRITE, roles=[arns.role(ROTATION_ROLE)])
        key.add_to_resource_policy(use)


def _role(scope: Construct, secret: secretsmanager.CfnSecret, arns: Arns) -> None:
    """As in the User Guide's example, but for this one secret, and without random passwords: GitLab makes tokens."""
    names = arns.names
    service = iam.ServicePrincipal(
        "secretsmanager.amazonaws.com",
        conditions={
            "StringEquals": {"aws:SourceAccount": names.account},
            "ArnLike": {"aws:SourceArn": secret.ref},
        },
    )
    calls = ("DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage")
    iam.Role(
        scope,
        "TokenRotationRole",
        role_name=names.role(ROTATION_ROLE),
        description=f"Secrets Manager renews the GitLab token of the Mergemaker project {names.project}",
        assumed_by=service,
        inline_policies=documents([allow(*(f"secretsmanager:{call}" for call in calls), on=secret.ref)]),
    )
