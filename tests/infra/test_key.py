"""The project's key: what it encrypts. Who may use it for what is in key_matrix.txt."""

from typing import Any

import pytest

from tests.infra.stacks import ACCOUNT, PROJECT, REGION, Stacks


def statements(stacks: Stacks) -> list[dict[str, Any]]:
    """Without the first, which leaves the rest to the account's administrators."""
    found: list[dict[str, Any]] = stacks.properties("AWS::KMS::Key")["KeyPolicy"]["Statement"]
    root = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert [one["Action"] for one in found if one["Principal"] == root] == ["kms:*"]
    return [one for one in found if one["Principal"] != root]


def as_list(found: str | list[str]) -> list[str]:
    return [found] if isinstance(found, str) else found


def test_the_key_turns_over_and_is_known_by_the_projects_name(stacks: Stacks) -> None:
    assert stacks.properties("AWS::KMS::Key")["EnableKeyRotation"] is True
    assert stacks.properties("AWS::KMS::Alias")["AliasName"] == f"alias/{PROJECT}"


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
