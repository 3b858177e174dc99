"""The synthesised templates, as the tests read them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT, ACCOUNT, REGION = "demo", "111122223333", "eu-west-1"
SETTINGS = f"""
[project]
name = "{PROJECT}"

[gitlab]
url = "https://gitlab.example.com"
project_id = 42
project = "group/project"
default_branch = "trunk"

[environments.staging]
account = "{ACCOUNT}"
region = "{REGION}"

[environments.production]
account = "{ACCOUNT}"
region = "{REGION}"
"""
STRICT = f"""
[network]
subnets = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
security_groups = ["sg-0123456789abcdef0"]
functions = true

[alarms]
email = "team@example.com"

[maximum_concurrency]
report = 7

[gitlab]
rotate_token = true
{SETTINGS.partition("[gitlab]")[2]}"""
STRICT = SETTINGS.partition("[gitlab]")[0].replace("[project]", "[project]\nkeep_data = false") + STRICT
"""Everything that the settings leave to a team, otherwise than usual."""
Resource = dict[str, Any]


@dataclass(frozen=True)
class Stacks:
    """All resources of all stacks."""

    folder: Path
    """The cloud assembly."""
    resources: dict[str, Resource]
    """By logical id."""

    @classmethod
    def read(cls, folder: Path) -> "Stacks":
        templates = [json.loads(path.read_text()) for path in sorted(folder.glob("*.template.json"))]
        resources = {name: resource for template in templates for name, resource in template["Resources"].items()}
        assert len(resources) == sum(len(template["Resources"]) for template in templates)
        return cls(folder, resources)

    def of_type(self, kind: str) -> dict[str, Resource]:
        found = {name: one for name, one in self.resources.items() if one["Type"] == kind}
        assert found, f"no {kind}"
        return found

    def one(self, kind: str, **properties: object) -> Resource:
        """The only resource of a type with these properties."""
        found = [one for one in self.of_type(kind).values() if properties.items() <= one["Properties"].items()]
        assert len(found) == 1, f"{len(found)} {kind} with {properties}"
        return found[0]

    def properties(self, kind: str, **properties: object) -> dict[str, Any]:
        found: dict[str, Any] = self.one(kind, **properties)["Properties"]
        return found

    def target(self, reference: dict[str, Any]) -> Resource:
        """What ``Fn::GetAtt`` or ``Ref`` refers to."""
        name = reference["Ref"] if "Ref" in reference else reference["Fn::GetAtt"][0]
        return self.resources[name]

    def queue_policies(self, queue_name: str) -> list[dict[str, Any]]:
        """Statements of a queue's policies."""
        policies = [
            policy["Properties"]
            for policy in self.of_type("AWS::SQS::QueuePolicy").values()
            if any(
                self.target(queue)["Properties"]["QueueName"] == queue_name for queue in policy["Properties"]["Queues"]
            )
        ]
        assert policies, f"{queue_name} has no policy"
        return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]
