"""The project's key: what it encrypts, and who may use it through what."""

from typing import Any

import pytest

from tests.infra.policies import role_arn
from tests.infra.stacks import ACCOUNT, PROJECT, REGION, Stacks

FUNCTIONS = {"report-function", "release-function", "image-function"}
TABLE = {"kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"}


def statements(stacks: Stacks) -> list[dict[str, Any]]:
    """Without the first, which leaves the rest to the account's administrators."""
    found: list[dict[str, Any]] = stacks.properties("AWS::KMS::Key")["KeyPolicy"]["Statement"]
    root = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert [one["Action"] for one in found if one["Principal"] == root] == ["kms:*"]
    return [one for one in found if one["Principal"] != root]


def actions(statement: dict[str, Any]) -> set[str]:
    return set(as_list(statement["Action"]))


def as_list(found: str | list[str]) -> list[str]:
    return [found] if isinstance(found, str) else found


def through(stacks: Stacks, service: str) -> dict[str, set[str]]:
    """Role to what it may ask of the key through a service."""
    granted: dict[str, set[str]] = {}
    for one in statements(stacks):
        if "AWS" in one["Principal"]:
            exact, principals = one["Condition"]["StringEquals"], one["Condition"]["ArnEquals"]["aws:PrincipalArn"]
            assert one["Condition"].keys() == {"StringEquals", "ArnEquals"}
            assert exact["kms:CallerAccount"] == ACCOUNT
            if exact["kms:ViaService"] == f"{service}.{REGION}.amazonaws.com":
                for role in as_list(principals):
                    granted.setdefault(role, set()).update(actions(one))
    return granted


def roles(**granted: set[str]) -> dict[str, set[str]]:
    return {role_arn(name.replace("_", "-")): calls for name, calls in granted.items()}


def test_the_key_turns_over_and_is_known_by_the_projects_name(stacks: Stacks) -> None:
    assert stacks.properties("AWS::KMS::Key")["EnableKeyRotation"] is True
    assert stacks.properties("AWS::KMS::Alias")["AliasName"] == f"alias/{PROJECT}"


def test_who_writes_to_the_bucket_may_make_data_keys_and_who_reads_may_not(stacks: Stacks) -> None:
    both, read = {"kms:Decrypt", "kms:GenerateDataKey"}, {"kms:Decrypt"}

    assert through(stacks, "s3") == roles(
        execution=both,
        submit=both,
        report_function=both,
        image_builder=read,
        image_function=read,
        release_function=read,
    )


@pytest.mark.parametrize(
    ("service", "calls"), [("secretsmanager", {"kms:Decrypt"}), ("sqs", {"kms:Decrypt"}), ("dynamodb", TABLE)]
)
def test_token_messages_and_history_are_for_the_functions_only(stacks: Stacks, service: str, calls: set[str]) -> None:
    assert through(stacks, service) == {role_arn(name): calls for name in FUNCTIONS}


def test_the_only_services_that_use_the_key_themselves_are_events_alarms_and_logs_of_this_account(
    stacks: Stacks,
) -> None:
    services = {
        service: one["Condition"]
        for one in statements(stacks)
        if "AWS" not in one["Principal"]
        for service in as_list(one["Principal"]["Service"])
    }
    groups = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:"

    assert services == {
        "cloudwatch.amazonaws.com": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
        "events.amazonaws.com": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
        f"logs.{REGION}.amazonaws.com": {
            "ArnLike": {
                "kms:EncryptionContext:aws:logs:arn": [
                    f"{groups}/aws/lambda/{PROJECT}-*",
                    f"{groups}/aws/codebuild/{PROJECT}-image",
                    f"{groups}/aws/sagemaker/Endpoints/{PROJECT}-*",
                ]
            }
        },
    }


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("AWS::DynamoDB::Table", ["SSESpecification", "KMSMasterKeyId"]),
        ("AWS::ECR::Repository", ["EncryptionConfiguration", "KmsKey"]),
        ("AWS::SecretsManager::Secret", ["KmsKeyId"]),
    ],
)
def test_what_is_kept_is_encrypted_with_the_key(stacks: Stacks, kind: str, path: list[str]) -> None:
    found = stacks.properties(kind)
    for step in path:
        found = found[step]

    assert stacks.target(found)["Type"] == "AWS::KMS::Key"


def test_every_log_group_is_encrypted_with_the_key(stacks: Stacks) -> None:
    keys = [one["Properties"]["KmsKeyId"] for one in stacks.of_type("AWS::Logs::LogGroup").values()]

    assert all(key == {"Fn::ImportValue": f"{PROJECT}-key"} for key in keys)
