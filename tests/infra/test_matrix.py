"""The table of who may do what, `matrix.txt`, on the synthesised policies."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mergemaker.domain.names import MODEL_MAX
from tests.infra.policies import BUCKET, EVERYONE, Context, Role, arn
from tests.infra.stacks import ACCOUNT, PROJECT, REGION

GetRole = Callable[[str], Role]
TABLE = Path(__file__).with_name("matrix.txt")
WORDS = {
    "p": PROJECT,
    "m": "diabetes",
    "longest": "m" * MODEL_MAX,
    "d": "0" * 64,
    "bucket": BUCKET.rpartition(":")[2],
}
LAWFUL: Context = {
    "aws:RequestTag/mergemaker:project": PROJECT,
    "aws:ResourceTag/mergemaker:project": PROJECT,
    "iam:PassedToService": "sagemaker.amazonaws.com",
    "sagemaker:TaggingAction": "CreateTrainingJob",
    "sagemaker:ModelApprovalStatus": "Approved",
    "sagemaker:CurrentCustomerMetadataProperties/project": PROJECT,
    "sagemaker:NetworkIsolation": "true",
    "s3:if-none-match": "*",
    "s3:prefix": "diabetes/data/",
    "cloudwatch:AlarmActions": [f"arn:aws:sns:{REGION}:{ACCOUNT}:{PROJECT}-alarms"],
    "codebuild:source.location": f"{WORDS['bucket']}/diabetes/code/tag.zip",
    "codebuild:environment.environmentVariables.name": ["IMAGE_TAG"],
}
"""All conditions are met: what is refused is refused for the action or the resource."""


@dataclass(frozen=True)
class Case:
    """A line of the table; `context` is None where any condition may be met."""

    who: str
    allowed: bool
    action: str
    resource: str
    context: dict[str, str] | None

    def __str__(self) -> str:
        how = "".join(f" {key}={value}" for key, value in (self.context or {}).items())
        return f"{self.who} {'may' if self.allowed else 'may not'} {self.action} {self.resource}{how}"


def read_table(text: str) -> Iterator[Case]:
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        named, answer, actions, resource, *conditions = line.split()
        assert answer in ("yes", "no"), line
        context = (
            None if answer == "no" and not conditions else dict(_condition(one) for one in conditions if one != "-")
        )
        for who in EVERYONE if named == "everyone" else [named]:
            for action in actions.split(","):
                yield Case(who, answer == "yes", action, in_full(resource), context)


def _condition(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    return key, _words(value)


def in_full(resource: str) -> str:
    kind, _, rest = (resource := _words(resource)).partition(":")
    if resource == "*" or resource.startswith("arn:"):
        return resource
    if resource.startswith("bucket"):
        return BUCKET + resource.removeprefix("bucket")
    if kind == "role":
        return f"arn:aws:iam::{ACCOUNT}:role/{rest}"
    return f"arn:aws:{resource}" if rest.startswith(":") else arn(kind, rest)


def _words(text: str) -> str:
    for word, meant in WORDS.items():
        text = text.replace("{" + word + "}", meant)
    return text


CASES = list(read_table(TABLE.read_text()))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_table_holds(role: GetRole, case: Case) -> None:
    one = role(case.who)
    if case.context is None:
        assert not one.may_when(case.action, case.resource, LAWFUL)
    else:
        assert one.may(case.action, case.resource, **case.context) == case.allowed


def test_no_case_is_there_twice() -> None:
    assert len({str(case) for case in CASES}) == len(CASES)


@pytest.mark.parametrize("who", EVERYONE)
def test_the_table_says_of_every_role_what_it_may_and_what_it_may_not(who: str) -> None:
    answers = {
        allowed: sum(1 for case in CASES if case.who == who and case.allowed == allowed) for allowed in (True, False)
    }

    assert answers[True] >= 3
    assert answers[False] >= 15


@pytest.mark.parametrize("who", EVERYONE)
def test_every_action_of_a_role_stands_in_the_table(role: GetRole, who: str) -> None:
    named = {case.action for case in CASES if case.allowed and case.who == who}

    assert role(who).actions - named == set()


def test_what_the_table_is_written_for_is_what_is_synthesised() -> None:
    assert (ACCOUNT, REGION) == ("111122223333", "eu-west-1")
