"""GitLab's token: in a secret that a person renews, or AWS."""

from typing import Any

import pytest

from mergemaker.domain.names import Names
from mergemaker.domain.token_secret import EVERY_DAYS, LIFE_DAYS
from mergemaker.steps.fitness import WARN_DAYS
from tests.infra.stacks import ACCOUNT, PROJECT, REGION, Stacks

SECRET = "AWS::SecretsManager::Secret"
SCHEDULE = "AWS::SecretsManager::RotationSchedule"
ROTATION = Names(PROJECT, ACCOUNT, REGION).role("token-rotation")


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


@pytest.mark.parametrize("which", ["stacks", "strict_stacks"])
def test_no_token_is_ever_in_a_template(which: str, request: pytest.FixtureRequest) -> None:
    found = secret(request.getfixturevalue(which))[1]
    assert not {"SecretString", "GenerateSecretString"} & found.keys()


def test_with_rotation_it_is_of_the_type_that_aws_renews_and_no_schedule_runs_before_there_is_a_token(
    strict_stacks: Stacks,
) -> None:
    assert secret(strict_stacks)[1]["Type"] == "GitLabAccessToken"
    assert SCHEDULE not in {one["Type"] for one in strict_stacks.resources.values()}
    # Where it fails, the daily check has 14 days to tell.
    assert LIFE_DAYS - EVERY_DAYS > WARN_DAYS


def test_the_role_that_renews_reaches_this_secret_and_nothing_else(strict_stacks: Stacks) -> None:
    name, _ = secret(strict_stacks)
    (policy,) = rotation_role(strict_stacks)["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Resource"] == {"Ref": name}
    assert statement["Effect"] == "Allow"
    assert set(statement["Action"]) == {
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetSecretValue",
        "secretsmanager:PutSecretValue",
        "secretsmanager:UpdateSecretVersionStage",
    }


def test_only_secrets_manager_takes_that_role_and_only_for_this_secret(strict_stacks: Stacks) -> None:
    name, _ = secret(strict_stacks)
    (trust,) = rotation_role(strict_stacks)["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "secretsmanager.amazonaws.com"}
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": {"Ref": name}},
    }


def test_that_role_uses_the_key_through_secrets_manager_alone(strict_stacks: Stacks) -> None:
    (key,) = strict_stacks.of_type("AWS::KMS::Key").values()
    arn = f"arn:aws:iam::{ACCOUNT}:role/{ROTATION}"
    (granted,) = [one for one in key["Properties"]["KeyPolicy"]["Statement"] if arn in str(one)]
    assert set(granted["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey"}
    assert granted["Condition"]["ArnEquals"] == {"aws:PrincipalArn": [arn]}
    assert granted["Condition"]["StringEquals"]["kms:ViaService"] == f"secretsmanager.{REGION}.amazonaws.com"
