"""The doctor looks for what the stacks make, by the names that they give, and forgets no function and no role of CI."""

from typing import Any

from mergemaker.adapters.account import read_trust
from mergemaker.domain.names import Names
from mergemaker.domain.settings import parse_settings
from mergemaker.ports import Kind, Trust
from mergemaker.steps.aws_checks import CI_ROLES, FUNCTIONS, resources
from mergemaker.steps.stacks import kept_kinds, stack_names
from tests.infra.stacks import ACCOUNT, PROJECT, REGION, SETTINGS, Stacks

NAMES = Names(PROJECT, ACCOUNT, REGION)
TYPES: dict[Kind, tuple[str, str]] = {
    "bucket": ("AWS::S3::Bucket", "BucketName"),
    "table": ("AWS::DynamoDB::Table", "TableName"),
    "repository": ("AWS::ECR::Repository", "RepositoryName"),
    "secret": ("AWS::SecretsManager::Secret", "Name"),
    "queue": ("AWS::SQS::Queue", "QueueName"),
    "function": ("AWS::Lambda::Function", "FunctionName"),
    "image builder": ("AWS::CodeBuild::Project", "Name"),
    "role": ("AWS::IAM::Role", "RoleName"),
}


def made(stacks: Stacks, kind: Kind) -> set[str]:
    type_, key = TYPES[kind]
    return {str(one["Properties"].get(key)) for one in stacks.of_type(type_).values()}


def test_all_that_the_doctor_looks_for_is_made_by_the_stacks(stacks: Stacks) -> None:
    assert [(kind, name) for kind, name in resources(NAMES) if name not in made(stacks, kind)] == []


def test_the_stacks_have_the_names_that_the_doctor_knows(stacks: Stacks) -> None:
    made = {path.name.removesuffix(".template.json") for path in stacks.folder.glob("*.template.json")}
    assert made == set(stack_names(NAMES))


def test_what_the_doctor_says_was_kept_is_what_outlives_the_stacks(stacks: Stacks) -> None:
    retained = {
        kind
        for kind, (type_, _) in TYPES.items()
        for one in stacks.of_type(type_).values()
        if one.get("DeletionPolicy", "").startswith("Retain")
    }
    assert retained == {kind for kind, _ in kept_kinds(NAMES)}


def test_no_function_that_works_off_a_queue_is_forgotten(stacks: Stacks) -> None:
    sources = stacks.of_type("AWS::Lambda::EventSourceMapping").values()
    fed = {stacks.target(one["Properties"]["FunctionName"])["Properties"]["FunctionName"] for one in sources}
    assert fed == {NAMES.function(function) for function in FUNCTIONS}


def test_each_role_of_ci_trusts_what_the_doctor_says_it_should(stacks: Stacks) -> None:
    gitlab = parse_settings(SETTINGS).gitlab
    trusts = {role: trust for role, trust in _trusts(stacks).items() if trust.providers}
    assert set(trusts) == {NAMES.role(purpose) for purpose in CI_ROLES}
    for trust in trusts.values():
        assert trust.providers == (f"arn:aws:iam::{ACCOUNT}:oidc-provider/gitlab.example.com",)
        assert trust.audiences == (gitlab.url,)
        assert all(subject.startswith(f"project_path:{gitlab.project}:") for subject in trust.subjects)


def _trusts(stacks: Stacks) -> dict[str, Trust]:
    roles: list[dict[str, Any]] = [one["Properties"] for one in stacks.of_type("AWS::IAM::Role").values()]
    return {str(role.get("RoleName")): read_trust(role["AssumeRolePolicyDocument"]) for role in roles}
