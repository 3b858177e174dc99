"""The table of who may use the key for what, `key_matrix.txt`, on the synthesised policies of the key and the roles."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.infra.policies import EVERYONE, Role, Simulator, arn, role_arn
from tests.infra.stacks import ACCOUNT, REGION, Stacks

KEY = arn("kms", "key/11111111-2222-3333-4444-555555555555")
DIRECTLY = "-"


@dataclass(frozen=True)
class Case:
    """A line of the table."""

    who: str
    allowed: bool
    action: str
    through: str
    context: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        how = "".join(f" {key}={value}" for key, value in self.context)
        return f"{self.who} {'may' if self.allowed else 'may not'} {self.action} through {self.through}{how}"


def read_table(text: str) -> Iterator[Case]:
    for line in text.splitlines():
        if line and not line.startswith("#"):
            who, answer, actions, through, *conditions = line.split()
            assert answer in ("yes", "no"), line
            context = tuple((key, value) for key, _, value in (one.partition("=") for one in conditions))
            yield from (Case(who, answer == "yes", action, through, context) for action in actions.split(","))


CASES = list(read_table(Path(__file__).with_name("key_matrix.txt").read_text()))
SERVICES = (DIRECTLY, "dynamodb", "ec2", "s3", "sagemaker", "secretsmanager", "sqs")
ACTIONS = (
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:PutKeyPolicy",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:ScheduleKeyDeletion",
)


@pytest.fixture
def key(stacks: Stacks) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stacks.properties("AWS::KMS::Key")["KeyPolicy"]["Statement"]
    return found


def allows(case: Case, key: list[dict[str, Any]], stacks: Stacks, simulator: Simulator) -> bool:
    context: dict[str, str] = {}
    statements, principal = None, case.who
    if case.who in EVERYONE:
        principal, statements = role_arn(case.who), Role.read(stacks, case.who, simulator).statements
        context = {"kms:CallerAccount": ACCOUNT, "aws:PrincipalArn": principal}
    if case.through != DIRECTLY:
        context["kms:ViaService"] = f"{case.through}.{REGION}.amazonaws.com"
    return simulator.allows(
        principal=principal,
        action=case.action,
        resource=KEY,
        statements=statements,
        key=key,
        context={**context, **dict(case.context)},
        offered={},
    )


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_table_holds(case: Case, key: list[dict[str, Any]], stacks: Stacks, simulator: Simulator) -> None:
    assert allows(case, key, stacks, simulator) == case.allowed


@pytest.mark.parametrize("who", EVERYONE)
def test_what_is_not_in_the_table_is_refused(
    who: str, key: list[dict[str, Any]], stacks: Stacks, simulator: Simulator
) -> None:
    granted = {(case.action, case.through) for case in CASES if case.who == who and case.allowed}
    for action, through in product(ACTIONS, SERVICES):
        grant = (("kms:GrantIsForAWSResource", "true"),) if action == "kms:CreateGrant" else ()
        asked = Case(who, allowed=False, action=action, through=through, context=grant)
        # What may be asked directly may be asked through anything.
        expected = bool({(action, through), (action, DIRECTLY)} & granted)
        assert allows(asked, key, stacks, simulator) == expected, asked


def test_no_role_gets_at_any_key_by_its_own_policy(stacks: Stacks, simulator: Simulator) -> None:
    for who in EVERYONE:
        assert not [one for one in Role.read(stacks, who, simulator).actions if one.startswith("kms:")], who
