"""The roles that the stacks make, judged by `@cloud-copilot/iam-simulate` as AWS would judge them.

It knows AWS's actions, resource types and condition keys, so a question that makes no sense fails instead of passing
as "refused". It is a development tool under the AGPL: nothing of it is shipped.
"""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.infra.stacks import ACCOUNT, PROJECT, REGION, Stacks

Context = Mapping[str, str | list[str]]
"""IAM's condition keys, with ``__`` for a colon where that is easier to write."""
Statement = dict[str, Any]

EVERYONE = (
    "execution",
    "submit",
    "release",
    "deploy",
    "image-builder",
    "report-function",
    "release-function",
    "start-function",
)
"""All roles, without the project's name."""
BUCKET = f"arn:aws:s3:::{PROJECT}-{ACCOUNT}-{REGION}"


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


def role_arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{PROJECT}-{name}"


class Simulator:
    """One Node process that answers all questions of a test session."""

    def __init__(self, node: Path) -> None:
        script = Path(__file__).with_name("iam_simulate.mjs")
        self._process = subprocess.Popen(
            [str(node), str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def allows(self, **question: object) -> bool:
        """Fails for a question that the simulator cannot judge as asked, such as one with a key of other actions."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"account": ACCOUNT, **question}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the simulator has ended: is node_modules there? run `make setup`"
        answer = json.loads(line)
        assert "error" not in answer, f"{answer['error']}: {question['action']} on {question['resource']}"
        assert answer["ignored"] == [], f"not keys of {question['action']}: {answer['ignored']}"
        return bool(answer["result"] == "Allowed")

    def close(self) -> None:
        self._process.communicate(timeout=30)


@dataclass(frozen=True)
class Role:
    """A role: who may assume it, and what it may do."""

    name: str
    """Without the project's."""
    trust: list[Statement]
    statements: list[Statement]
    simulator: Simulator

    @classmethod
    def read(cls, stacks: Stacks, name: str, simulator: Simulator) -> "Role":
        properties = stacks.properties("AWS::IAM::Role", RoleName=f"{PROJECT}-{name}")
        assert "ManagedPolicyArns" not in properties
        policies = [policy["PolicyDocument"]["Statement"] for policy in properties["Policies"]]
        trust = properties["AssumeRolePolicyDocument"]["Statement"]
        return cls(name, trust, [one for policy in policies for one in policy], simulator)

    def may(self, action: str, resource: str, **context: str | list[str]) -> bool:
        """In exactly this context."""
        return self._may(action, resource, context, {})

    def may_when(self, action: str, resource: str, offered: Context) -> bool:
        """With whatever of `offered` a request of this kind can have."""
        return self._may(action, resource, {}, offered)

    def _may(self, action: str, resource: str, context: Context, offered: Context) -> bool:
        return self.simulator.allows(
            principal=role_arn(self.name),
            action=action,
            resource=resource,
            statements=self.statements,
            context={key.replace("__", ":"): value for key, value in context.items()},
            offered=offered,
        )

    def lets_in(self, provider: str, claims: Context) -> bool:
        """Whether a web identity of this provider, with these claims as condition keys, gets the role."""
        return self.simulator.allows(
            principal=provider,
            action="sts:AssumeRoleWithWebIdentity",
            resource=role_arn(self.name),
            trust=self.trust,
            context=claims,
        )

    @property
    def actions(self) -> set[str]:
        """All that it may do in some way."""
        allowed = [one for one in self.statements if one["Effect"] == "Allow"]
        return {action for statement in allowed for action in as_list(statement["Action"])}


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
