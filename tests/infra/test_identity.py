"""Which CI jobs get which role: the trust policies against tokens as GitLab makes them, honest and hostile."""

from collections.abc import Callable

import pytest

from tests.infra.policies import Role, trusted
from tests.infra.stacks import ACCOUNT

GetRole = Callable[[str], Role]
HOST, URL = "gitlab.example.com", "https://gitlab.example.com"


def claims(sub: str, aud: str = URL) -> dict[str, str]:
    return {f"{HOST}:sub": sub, f"{HOST}:aud": aud}


TRUNK = claims("project_path:group/project:ref_type:branch:ref:trunk")
BRANCH = claims("project_path:group/project:ref_type:branch:ref:feature/better-model")
HOSTILE = {
    "another project": claims("project_path:group/other:ref_type:branch:ref:trunk"),
    "a project whose path begins the same": claims("project_path:group/project-evil:ref_type:branch:ref:trunk"),
    "a fork": claims("project_path:mallory/project:ref_type:branch:ref:trunk"),
    "a project in a group that ends the same": claims("project_path:evil/group/project:ref_type:branch:ref:trunk"),
    "a subgroup of the same name": claims("project_path:group/project/x:ref_type:branch:ref:trunk"),
    "other upper case": claims("project_path:Group/project:ref_type:branch:ref:trunk"),
    "a tag": claims("project_path:group/project:ref_type:tag:ref:trunk"),
    "a branch name that looks like a path": claims(
        "project_path:mallory/x:ref_type:branch:ref:project_path:group/project:ref_type:branch:ref:trunk"
    ),
    "another audience": claims("project_path:group/project:ref_type:branch:ref:trunk", aud="https://vault.example.com"),
    "an audience with a slash at the end": claims(
        "project_path:group/project:ref_type:branch:ref:trunk", aud=f"{URL}/"
    ),
    "no subject": {f"{HOST}:aud": URL},
    "an empty subject": claims(""),
    "no audience": {f"{HOST}:sub": "project_path:group/project:ref_type:branch:ref:trunk"},
    "no claims": {},
    "claims of another GitLab": {"gitlab.com:sub": TRUNK[f"{HOST}:sub"], "gitlab.com:aud": "https://gitlab.com"},
}


@pytest.mark.parametrize("who", ["submit", "release"])
def test_only_the_oidc_provider_of_the_projects_gitlab_is_trusted(role: GetRole, who: str) -> None:
    (trust,) = role(who).trust

    assert trust["Principal"] == {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST}"}
    assert trust["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert trust["Effect"] == "Allow"


def test_submit_is_for_every_branch_of_the_project(role: GetRole) -> None:
    (trust,) = role("submit").trust

    assert trusted(trust, TRUNK)
    assert trusted(trust, BRANCH)


def test_release_is_for_the_default_branch_alone(role: GetRole) -> None:
    (trust,) = role("release").trust

    assert trusted(trust, TRUNK)
    assert not trusted(trust, BRANCH)
    for branch in ("main", "trunk-2", "feature/trunk"):
        assert not trusted(trust, claims(f"project_path:group/project:ref_type:branch:ref:{branch}"))


@pytest.mark.parametrize("who", ["submit", "release"])
@pytest.mark.parametrize("token", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_other_token_is_let_in(role: GetRole, who: str, token: dict[str, str]) -> None:
    (trust,) = role(who).trust

    assert not trusted(trust, token)
