"""Who CI is in AWS: roles that a job of the GitLab project assumes with its OIDC token. No key exists.

The account's OIDC provider for the GitLab is referred to, not made: an account can have only one per address, and
other projects may use it already.
"""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.arns import Arns
from infra.permissions import ci, documents
from mergemaker.domain.settings import GitLab, Settings

GITLAB_COM = "gitlab.com"
"""The one GitLab of whose tokens STS reads more claims than ``aud`` and ``sub`` (IAM's list of condition keys)."""

PUSH_PIPELINE = "push"
"""Source of the pipelines in which stacks are deployed.

A merge request's pipeline is not among them: its token names the source branch, and a fork's branch can be called as
the default branch is.
"""
CHILD_PIPELINE = "parent_pipeline"
"""Source of a child pipeline, in which models are released. That its parent is no merge request's says `ref_protected`:
a merge request's own ref is never protected."""


class IdentityStack(cdk.Stack):
    """The roles *submit* (any branch), *release* and *deploy* (the default branch, as the settings name it)."""

    def __init__(
        self, scope: Construct, construct_id: str, *, env: cdk.Environment, settings: Settings, arns: Arns
    ) -> None:
        project, gitlab = arns.names.project, settings.gitlab
        super().__init__(scope, construct_id, env=env, description=f"Mergemaker, project {project}: CI's roles")
        iam.Role(
            self,
            "Submit",
            role_name=arns.names.role("submit"),
            description=f"GitLab CI of {gitlab.project}, any branch: starts training jobs and image builds",
            assumed_by=any_branch(gitlab, arns),
            inline_policies=documents(ci.submit(arns, settings.network)),
        )
        iam.Role(
            self,
            "Release",
            role_name=arns.names.role("release"),
            description=f"GitLab CI of {gitlab.project}, {gitlab.default_branch} only: approves model packages",
            assumed_by=default_branch(gitlab, arns, source=CHILD_PIPELINE),
            inline_policies=documents(ci.release(arns)),
        )
        iam.Role(
            self,
            "Deploy",
            role_name=arns.names.role("deploy"),
            description=f"GitLab CI of {gitlab.project}, {gitlab.default_branch} only: runs cdk deploy",
            assumed_by=default_branch(gitlab, arns, source=PUSH_PIPELINE),
            inline_policies=documents(ci.deploy(arns)),
        )


def any_branch(gitlab: GitLab, arns: Arns) -> iam.WebIdentityPrincipal:
    """CI jobs of exactly this GitLab project on any branch.

    The pattern is anchored by what stands around the branch, so neither a project whose path merely begins the same
    nor a tag can match. A fork's jobs have the fork's path.
    """
    return _jobs(gitlab, arns, equal=_project(gitlab), like=_claims(gitlab, sub=_subject(gitlab, "*")))


def default_branch(gitlab: GitLab, arns: Arns, *, source: str) -> iam.WebIdentityPrincipal:
    """CI jobs of exactly this GitLab project on its default branch; on gitlab.com only while that is protected, and in
    pipelines of this source.

    Elsewhere STS knows the subject alone: that nobody else pushes to the branch is for GitLab to see to.
    """
    equal = _project(gitlab) | _claims(gitlab, sub=_subject(gitlab, gitlab.default_branch))
    if _host(gitlab) == GITLAB_COM:
        equal |= _claims(gitlab, ref_protected="true", pipeline_source=source)
    return _jobs(gitlab, arns, equal=equal)


Claims = dict[str, str | list[str]]
"""Condition keys of an OIDC provider's claims, and the values that pass."""


def _project(gitlab: GitLab) -> Claims:
    """A path can change hands, as the number cannot."""
    equal = _claims(gitlab, aud=gitlab.url)
    return equal | _claims(gitlab, project_id=str(gitlab.project_id)) if _host(gitlab) == GITLAB_COM else equal


def _subject(gitlab: GitLab, branch: str) -> str:
    return f"project_path:{gitlab.project}:ref_type:branch:ref:{branch}"


def _claims(gitlab: GitLab, **values: str | list[str]) -> Claims:
    return {f"{_host(gitlab)}:{claim}": value for claim, value in values.items()}


def _host(gitlab: GitLab) -> str:
    return gitlab.url.partition("://")[2]


def _jobs(gitlab: GitLab, arns: Arns, *, equal: Claims, like: Claims | None = None) -> iam.WebIdentityPrincipal:
    conditions = {"StringEquals": equal, **({"StringLike": like} if like else {})}
    return iam.WebIdentityPrincipal(arns.oidc_provider(_host(gitlab)), conditions)
