"""Prints parliament's findings on the policies of all roles, as JSON: logical id to ids of findings.

A process of its own: on import parliament leaves files open and warns. Called with the cloud assembly's folder.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from parliament import analyze_policy_string


def main(folder: str) -> None:
    found = {}
    for template in sorted(Path(folder).glob("*.template.json")):
        for name, resource in json.loads(template.read_text())["Resources"].items():
            if resource["Type"] == "AWS::IAM::Role":
                policies = [json.dumps(one["PolicyDocument"]) for one in resource["Properties"]["Policies"]]
                findings = [one for policy in policies for one in analyze_policy_string(policy).findings]
                found[name] = sorted({text for one in findings for text in _ids(one.issue, one.detail)})
    print(json.dumps(found))


def _ids(issue: str, detail: Any) -> Iterator[str]:
    """One for each action where parliament names several."""
    if issue == "RESOURCE_MISMATCH":
        yield from (f"parliament {issue} {one['action']}" for one in detail)
    elif issue == "UNKNOWN_CONDITION_FOR_ACTION":
        words = str(detail).split()
        yield f"parliament {issue} {words[-1]} {words[2]}"
    else:
        yield f"parliament {issue} {detail}"


if __name__ == "__main__":
    main(sys.argv[1])
