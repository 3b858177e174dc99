"""Who CI is in AWS: roles that a job of the GitLab project assumes with its OIDC token. No key exists.

The account's OIDC provider for the GitLab is referred to, not made: an account can have only one per address, and
other projects may use it already.
"""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.arns import Arns
from infra.permissions import ci, documents
from mergemaker.domain.settings import GitLab


class IdentityStack(cdk.Stack):
    """The roles *submit* (any branch) and *release* (the default branch, as the settings name it)."""

    def __init__(
        self, scope: Construct, construct_id: str, *, env: cdk.Environment, gitlab: GitLab, arns: Arns
    ) -> None:
        project = arns.names.project
        super().__init__(scope, construct_id, env=env, description=f"Mergemaker, project {project}: CI's roles")
        iam.Role(
            self,
            "Submit",
            role_name=arns.names.role("submit"),
            description=f"GitLab CI of {gitlab.project}, any branch: starts training jobs and image builds",
            assumed_by=jobs_on(gitlab, "*", arns),
            inline_policies=documents(ci.submit(arns)),
        )
        iam.Role(
            self,
            "Release",
            role_name=arns.names.role("release"),
            description=f"GitLab CI of {gitlab.project}, {gitlab.default_branch} only: approves model packages",
            assumed_by=jobs_on(gitlab, gitlab.default_branch, arns),
            inline_policies=documents(ci.release(arns)),
        )


def jobs_on(gitlab: GitLab, branch: str, arns: Arns) -> iam.WebIdentityPrincipal:
    """CI jobs of exactly this GitLab project on a branch, or on any branch for ``*``.

    The pattern is anchored by what stands around the branch, so neither a project whose path merely begins the same
    nor a tag can match. A fork's jobs have the fork's path.
    """
    host = gitlab.url.partition("://")[2]
    subject = f"project_path:{gitlab.project}:ref_type:branch:ref:{branch}"
    audience = {f"{host}:aud": gitlab.url}
    sub = {f"{host}:sub": subject}
    conditions = {"StringEquals": audience, "StringLike": sub} if branch == "*" else {"StringEquals": audience | sub}
    return iam.WebIdentityPrincipal(arns.oidc_provider(host), conditions)
