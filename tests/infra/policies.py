"""A small evaluator of the policies that the stacks make: enough of IAM to ask what a role may do.

Knows allow statements on plain ARNs with StringEquals and StringLike, and refuses to judge anything else.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from tests.infra.stacks import ACCOUNT, PROJECT, REGION, Stacks

BUCKET = f"arn:aws:s3:::{PROJECT}-{ACCOUNT}-{REGION}"


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


def role_arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{PROJECT}-{name}"


@dataclass(frozen=True)
class Role:
    """A role: who may assume it, and what it may do."""

    trust: list[dict[str, Any]]
    statements: list[dict[str, Any]]

    @classmethod
    def read(cls, stacks: Stacks, name: str) -> "Role":
        properties = stacks.properties("AWS::IAM::Role", RoleName=f"{PROJECT}-{name}")
        assert "ManagedPolicyArns" not in properties
        policies = [policy["PolicyDocument"]["Statement"] for policy in properties["Policies"]]
        return cls(properties["AssumeRolePolicyDocument"]["Statement"], [one for policy in policies for one in policy])

    def may(self, action: str, resource: str, **context: str) -> bool:
        """`context` has IAM's condition keys, with ``__`` for a colon or a slash."""
        return any(_allows(statement, action, resource, context) for statement in self.statements)

    @property
    def actions(self) -> set[str]:
        return {action for statement in self.statements for action in _list(statement["Action"])}


def trusted(statement: dict[str, Any], claims: dict[str, str]) -> bool:
    """Whether a trust policy's statement lets a token with these claims in."""
    return _conditions(statement.get("Condition", {}), claims)


def _allows(statement: dict[str, Any], action: str, resource: str, context: dict[str, str]) -> bool:
    assert statement["Effect"] == "Allow"
    return (
        any(fnmatchcase(action, pattern) for pattern in _list(statement["Action"]))
        and any(_like(resource, pattern) for pattern in _list(statement["Resource"]))
        and _conditions(statement.get("Condition", {}), {key.lower(): value for key, value in context.items()})
    )


def _conditions(conditions: dict[str, dict[str, Any]], context: dict[str, str]) -> bool:
    assert conditions.keys() <= {"StringEquals", "StringLike"}, f"unknown: {conditions}"
    return all(
        _one(operator, wanted, context.get(key) or context.get(key.lower().replace(":", "__").replace("/", "__")))
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _one(operator: str, wanted: str | list[str], value: str | None) -> bool:
    if value is None:
        return False
    if operator == "StringEquals":
        return value in _list(wanted)
    return any(_like(value, pattern) for pattern in _list(wanted))


def _like(value: str, pattern: str) -> bool:
    """IAM knows `*` and `?` alone: a bracket is a bracket."""
    return fnmatchcase(value, pattern.replace("[", "[[]"))


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
