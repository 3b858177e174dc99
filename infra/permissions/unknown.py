"""What parliament's copy of AWS's list of actions does not have or reads too strictly, and why it is right."""

from collections.abc import Iterable, Mapping
from typing import Any

_NEWER = (
    "parliament carries a copy of AWS's Service Authorization Reference from before this condition key was added to it."
)
_NEWER_KEYS = (
    "codebuild:environment.environmentVariables.name",
    "codebuild:source.location",
    "sagemaker:CurrentCustomerMetadataProperties/project",
)
_BY_LAMBDA = (
    "Lambda adds this key to whatever a function's own code asks of any service (Lambda Developer Guide, VPC). What "
    "parliament knows are the keys that a service has by itself."
)
_BOTH = (
    "SageMaker asks once for the endpoint and once for its config. parliament wants both in one statement; they are "
    "two, because only the endpoint can be asked for the project's tag."
)
_REFERENCE = (
    "The resource is what CloudFormation puts there when it deploys: the ARN of something in the same stack, in full. "
    "parliament reads plain text only."
)
_TWICE = ("sagemaker:CreateEndpoint", "sagemaker:UpdateEndpoint")


def unknown(statements: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Finding to reason, for the statements of one role."""
    reasons = {}
    for statement in statements:
        actions = statement["Action"]
        if isinstance(statement.get("Resource"), Mapping):
            reasons["parliament INVALID_ARN Does not have 6 parts"] = _REFERENCE
        for action in [actions] if isinstance(actions, str) else actions:
            keys = {key for operator in statement.get("Condition", {}).values() for key in operator}
            for key in sorted(keys & set(_NEWER_KEYS)):  # a set has another order in each process
                reasons[f"parliament UNKNOWN_CONDITION_FOR_ACTION {action} {key}"] = _NEWER
            for key in keys & {"lambda:SourceFunctionArn"}:
                reasons[f"parliament UNKNOWN_CONDITION_FOR_ACTION {action} {key}"] = _BY_LAMBDA
            if action in _TWICE:
                reasons[f"parliament RESOURCE_MISMATCH {action}"] = _BOTH
    return reasons
