"""GitLab's token: in a secret that a person renews, or AWS."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mergemaker.domain.names import Names
from tests.infra.conftest import synthesised
from tests.infra.stacks import ACCOUNT, PROJECT, REGION, SETTINGS, Stacks

SECRET = "AWS::SecretsManager::Secret"
SCHEDULE = "AWS::SecretsManager::RotationSchedule"
ROTATION = Names(PROJECT, ACCOUNT, REGION).role("token-rotation")


@pytest.fixture(scope="module")
def rotating(tmp_path_factory: pytest.TempPathFactory) -> Stacks:
    settings = SETTINGS.replace("[gitlab]", "[gitlab]\nrotate_token = true")
    return synthesised(tmp_path_factory, "rotating", settings, validate=False)


def secret(stacks: Stacks) -> tuple[str, dict[str, Any]]:
    ((name, found),) = stacks.of_type(SECRET).items()
    return name, found["Properties"]


def rotation_role(stacks: Stacks) -> dict[str, Any]:
    return stacks.properties("AWS::IAM::Role", RoleName=ROTATION)


def test_without_rotation_a_person_keeps_a_plain_secret_and_no_role_may_renew_it(stacks: Stacks) -> None:
    assert "Type" not in secret(stacks)[1]
    kinds = {one["Type"] for one in stacks.resources.values()}
    assert SCHEDULE not in kinds
    assert ROTATION not in {one["Properties"].get("RoleName") for one in stacks.of_type("AWS::IAM::Role").values()}


@pytest.mark.parametrize("which", ["stacks", "rotating"])
def test_no_token_is_ever_in_a_template(which: str, request: pytest.FixtureRequest) -> None:
    found = secret(request.getfixturevalue(which))[1]
    assert not {"SecretString", "GenerateSecretString"} & found.keys()


def test_with_rotation_aws_renews_it_in_time_and_not_before_there_is_a_token(rotating: Stacks) -> None:
    name, found = secret(rotating)
    schedule = rotating.properties(SCHEDULE)
    (life,) = schedule["ExternalSecretRotationMetadata"]
    assert found["Type"] == "GitLabAccessToken"
    assert schedule["SecretId"] == {"Ref": name}
    assert schedule["RotateImmediatelyOnUpdate"] is False
    assert rotating.target(schedule["ExternalSecretRotationRoleArn"])["Properties"]["RoleName"] == ROTATION
    assert not {"RotationLambdaARN", "HostedRotationLambda"} & schedule.keys()
    # Where it fails, the daily check has 14 days to tell.
    assert life["Key"] == "daysToExpiry"
    assert int(life["Value"]) - schedule["RotationRules"]["AutomaticallyAfterDays"] > 14


def test_the_role_that_renews_reaches_this_secret_and_nothing_else(rotating: Stacks) -> None:
    name, _ = secret(rotating)
    (policy,) = rotation_role(rotating)["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Resource"] == {"Ref": name}
    assert statement["Effect"] == "Allow"
    assert set(statement["Action"]) == {
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetSecretValue",
        "secretsmanager:PutSecretValue",
        "secretsmanager:UpdateSecretVersionStage",
    }


def test_only_secrets_manager_takes_that_role_and_only_for_this_secret(rotating: Stacks) -> None:
    name, _ = secret(rotating)
    (trust,) = rotation_role(rotating)["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "secretsmanager.amazonaws.com"}
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": {"Ref": name}},
    }


def test_that_role_uses_the_key_through_secrets_manager_alone(rotating: Stacks) -> None:
    (key,) = rotating.of_type("AWS::KMS::Key").values()
    arn = f"arn:aws:iam::{ACCOUNT}:role/{ROTATION}"
    (granted,) = [one for one in key["Properties"]["KeyPolicy"]["Statement"] if arn in str(one)]
    assert set(granted["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey"}
    assert granted["Condition"]["ArnEquals"] == {"aws:PrincipalArn": [arn]}
    assert granted["Condition"]["StringEquals"]["kms:ViaService"] == f"secretsmanager.{REGION}.amazonaws.com"


def test_cfn_lint_knows_all_of_it(rotating: Stacks) -> None:
    template = next(rotating.folder.glob(f"{PROJECT}-data*.template.json"))
    lint = Path(sys.executable).with_name("cfn-lint")
    found = subprocess.run(
        [lint, "--regions", REGION, "--", template], capture_output=True, text=True, check=False, timeout=120
    )
    assert found.returncode == 0, found.stdout
