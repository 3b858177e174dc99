"""A small evaluator of the policies that the stacks make: enough of IAM to ask what a role may do.

Knows statements on plain ARNs with the operators that they use, and refuses to judge anything else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from tests.infra.stacks import ACCOUNT, PROJECT, REGION, Stacks

Context = Mapping[str, str | list[str]]
"""IAM's condition keys, with ``__`` for a colon or a slash where that is easier to write."""

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

    def may(self, action: str, resource: str, **context: str | list[str]) -> bool:
        fitting = [one["Effect"] for one in self.statements if _fits(one, action, resource, context)]
        return bool(fitting) and set(fitting) == {"Allow"}

    @property
    def actions(self) -> set[str]:
        """All that it may do in some way."""
        allowed = [one for one in self.statements if one["Effect"] == "Allow"]
        return {action for statement in allowed for action in _list(statement["Action"])}


def trusted(statement: dict[str, Any], claims: Mapping[str, str]) -> bool:
    """Whether a trust policy's statement lets a token with these claims in."""
    return _conditions(statement.get("Condition", {}), claims)


def _fits(statement: dict[str, Any], action: str, resource: str, context: Context) -> bool:
    return (
        any(fnmatchcase(action, pattern) for pattern in _list(statement["Action"]))
        and any(_like(resource, pattern) for pattern in _list(statement["Resource"]))
        and _conditions(statement.get("Condition", {}), context)
    )


def _conditions(conditions: dict[str, dict[str, Any]], context: Context) -> bool:
    given = {_plain(key): _list(value) for key, value in context.items()}
    return all(
        _one(operator, _list(wanted), given.get(_plain(key)))
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _plain(key: str) -> str:
    """IAM does not care for the case of a key's letters."""
    return key.lower().replace(":", "__").replace("/", "__")


def _one(operator: str, wanted: list[str], values: list[str] | None) -> bool:
    if operator == "Null":
        return wanted == [str(values is None).lower()]
    if operator == "ForAllValues:StringEquals":
        return set(values or []) <= set(wanted)
    if operator not in ("StringEquals", "StringLike", "Bool"):
        raise AssertionError(f"cannot judge {operator}")
    if values is None:
        return False
    (value,) = values
    return any(_like(value, pattern) if operator == "StringLike" else value == pattern for pattern in wanted)


def _like(value: str, pattern: str) -> bool:
    """IAM knows `*` and `?` alone: a bracket is a bracket."""
    return fnmatchcase(value, pattern.replace("[", "[[]"))


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
