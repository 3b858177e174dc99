"""Which CI jobs get which role: the trust policies against tokens as GitLab makes them, honest and hostile.

Two projects are asked: one on a GitLab of its own, of whose tokens STS reads `aud` and `sub`, and one on gitlab.com, of
whose tokens it reads more. A token's claims become condition keys after the provider's host.
"""

from collections.abc import Callable, Mapping

import pytest

from tests.infra.policies import Role
from tests.infra.stacks import ACCOUNT

GetRole = Callable[[str], Role]
Claims = dict[str, str | list[str]]
Changes = Mapping[str, str | list[str] | None]
CI = ("submit", "release", "deploy")
OWN, COM = "gitlab.example.com", "gitlab.com"
TRUNK = "project_path:group/project:ref_type:branch:ref:trunk"


def provider(host: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:oidc-provider/{host}"


SOURCE = {"submit": "parent_pipeline", "release": "parent_pipeline", "deploy": "push"}
"""Of the pipelines in which a role has its jobs."""


def token(host: str, changes: Changes | None = None, *, who: str) -> Claims:
    """Condition keys of a token of the role's job on the default branch, with changes; None takes a claim away."""
    claims = {
        "sub": TRUNK,
        "aud": f"https://{host}",
        **({"project_id": "42", "ref_protected": "true", "pipeline_source": SOURCE[who]} if host == COM else {}),
        **(changes or {}),
    }
    return {f"{host}:{claim}": value for claim, value in claims.items() if value is not None}


def on(subject: str) -> Changes:
    return {"sub": f"project_path:{subject}"}


HOSTILE: dict[str, Changes] = {
    "another project": on("group/other:ref_type:branch:ref:trunk"),
    "a project whose path begins the same": on("group/project-evil:ref_type:branch:ref:trunk"),
    "a project whose path is a part of ours": on("group/proj:ref_type:branch:ref:trunk"),
    "a fork": on("mallory/project:ref_type:branch:ref:trunk"),
    "a project in a group that ends the same": on("evil/group/project:ref_type:branch:ref:trunk"),
    "a subgroup of the same name": on("group/project/x:ref_type:branch:ref:trunk"),
    "other upper case": on("Group/project:ref_type:branch:ref:trunk"),
    "a tag": on("group/project:ref_type:tag:ref:trunk"),
    "an environment in place of a branch": on("group/project:environment:production"),
    "no branch": on("group/project"),
    "a branch that looks like a path": on("mallory/x:ref_type:branch:ref:" + TRUNK),
    "something before the path": {"sub": f" {TRUNK}"},
    "a pattern as subject": {"sub": "*"},
    "a pattern as project": on("*:ref_type:branch:ref:trunk"),
    "an empty subject": {"sub": ""},
    "no subject": {"sub": None},
    "another audience": {"aud": "https://vault.example.com"},
    "AWS as audience": {"aud": "sts.amazonaws.com"},
    "an audience with a slash at the end": {"aud": f"https://{OWN}/"},
    "an audience without https": {"aud": OWN},
    "an empty audience": {"aud": ""},
    "a list of audiences": {"aud": [f"https://{OWN}", "https://vault.example.com"]},
    "no audience": {"aud": None},
    "no claims": {"sub": None, "aud": None},
}
"""Changes that make an honest token one that no role of CI may be given for, whatever the GitLab."""

HOSTILE_ON_COM: dict[str, Changes] = {
    "the path in other hands": {"project_id": "43"},
    "a project whose number begins the same": {"project_id": "421"},
    "no project": {"project_id": None},
    "an empty project": {"project_id": ""},
}
HOSTILE_TO_PROTECTED: dict[str, Changes] = {
    "a branch that is not protected": {"ref_protected": "false"},
    "no word of protection": {"ref_protected": None},
    "an odd word of protection": {"ref_protected": "True"},
    "a merge request, perhaps of a fork's trunk": {"pipeline_source": "merge_request_event"},
    "no source": {"pipeline_source": None},
}


@pytest.mark.parametrize("who", CI)
@pytest.mark.parametrize("host", [OWN, COM])
def test_only_the_oidc_provider_of_the_projects_gitlab_is_trusted(
    role: GetRole, com_role: GetRole, who: str, host: str
) -> None:
    one = (role if host == OWN else com_role)(who)

    assert [statement["Principal"] for statement in one.trust] == [{"Federated": provider(host)}]
    assert one.lets_in(provider(host), token(host, who=who))
    assert not one.lets_in(provider("gitlab.evil.example"), token("gitlab.evil.example", who=who))
    assert not one.lets_in(provider("gitlab.evil.example"), token(host, who=who))
    assert not one.lets_in(f"arn:aws:iam::444455556666:oidc-provider/{host}", token(host, who=who))


@pytest.mark.parametrize("who", CI)
def test_claims_of_another_gitlab_count_for_nothing(role: GetRole, com_role: GetRole, who: str) -> None:
    assert not role(who).lets_in(provider(OWN), token(COM, who=who))
    assert not com_role(who).lets_in(provider(COM), token(OWN, who=who))


def test_submit_is_for_every_branch_of_the_project(role: GetRole, com_role: GetRole) -> None:
    for branch in ("trunk", "feature/better-model", "7"):
        sub = f"project_path:group/project:ref_type:branch:ref:{branch}"
        assert role("submit").lets_in(provider(OWN), token(OWN, {"sub": sub}, who="submit"))
        merge_request = {"sub": sub, "ref_protected": "false", "pipeline_source": "merge_request_event"}
        assert com_role("submit").lets_in(provider(COM), token(COM, merge_request, who="submit"))


@pytest.mark.parametrize("who", ["release", "deploy"])
def test_release_and_deploy_are_for_the_default_branch_alone(role: GetRole, com_role: GetRole, who: str) -> None:
    for branch in ("main", "trunk-2", "trun", "feature/trunk", "trunk/x", "Trunk", "*", ""):
        sub = f"project_path:group/project:ref_type:branch:ref:{branch}"
        assert not role(who).lets_in(provider(OWN), token(OWN, {"sub": sub}, who=who))
        assert not com_role(who).lets_in(provider(COM), token(COM, {"sub": sub}, who=who))


@pytest.mark.parametrize("who", ["release", "deploy"])
@pytest.mark.parametrize("source", ["push", "parent_pipeline", "web", "schedule", "api", "trigger", "pipeline", "chat"])
def test_release_and_deploy_are_for_the_pipelines_that_have_their_jobs(
    com_role: GetRole, who: str, source: str
) -> None:
    let_in = com_role(who).lets_in(provider(COM), token(COM, {"pipeline_source": source}, who=who))
    assert let_in == (source == SOURCE[who])


@pytest.mark.parametrize("protected", ["false", None])
def test_a_merge_requests_child_pipeline_releases_nothing(com_role: GetRole, protected: str | None) -> None:
    child: Changes = {"pipeline_source": "parent_pipeline", "ref_protected": protected}
    assert not com_role("release").lets_in(provider(COM), token(COM, child, who="release"))
    assert com_role("submit").lets_in(provider(COM), token(COM, child, who="submit"))


@pytest.mark.parametrize("who", CI)
@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_other_token_is_let_in(role: GetRole, com_role: GetRole, who: str, change: Changes) -> None:
    assert not role(who).lets_in(provider(OWN), token(OWN, change, who=who))
    assert not com_role(who).lets_in(provider(COM), token(COM, as_of_com(change), who=who))


def as_of_com(change: Changes) -> Changes:
    def moved(text: str) -> str:
        return text.replace(OWN, COM)

    return {
        claim: moved(value) if isinstance(value, str) else value and [moved(one) for one in value]
        for claim, value in change.items()
    }


@pytest.mark.parametrize("who", CI)
@pytest.mark.parametrize("change", HOSTILE_ON_COM.values(), ids=HOSTILE_ON_COM.keys())
def test_a_path_on_gitlab_com_is_worth_nothing_without_the_projects_number(
    com_role: GetRole, who: str, change: Changes
) -> None:
    assert not com_role(who).lets_in(provider(COM), token(COM, change, who=who))


@pytest.mark.parametrize("who", ["release", "deploy"])
@pytest.mark.parametrize("change", HOSTILE_TO_PROTECTED.values(), ids=HOSTILE_TO_PROTECTED.keys())
def test_an_unprotected_branch_neither_releases_nor_deploys(com_role: GetRole, who: str, change: Changes) -> None:
    assert not com_role(who).lets_in(provider(COM), token(COM, change, who=who))


@pytest.mark.parametrize("who", CI)
def test_a_trust_policy_asks_for_each_claim_to_be_there(role: GetRole, com_role: GetRole, who: str) -> None:
    """``ForAllValues:`` and ``IfExists`` pass where a claim is missing; no claim but a branch may be a pattern."""
    for one in (role(who), com_role(who)):
        (statement,) = one.trust
        assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
        conditions = statement["Condition"]
        assert set(conditions) == ({"StringEquals", "StringLike"} if who == "submit" else {"StringEquals"})
        assert "*" not in str(conditions["StringEquals"])
        for pattern in conditions.get("StringLike", {}).values():
            assert pattern == "project_path:group/project:ref_type:branch:ref:*"


def test_on_its_own_gitlab_no_claim_is_asked_for_that_sts_does_not_read(role: GetRole) -> None:
    """A condition on it would be false for ever."""
    for who in CI:
        keys = {key for one in role(who).trust for claims in one["Condition"].values() for key in claims}
        assert keys == {f"{OWN}:aud", f"{OWN}:sub"}
