"""What a call of our own services needs permission for: actions on resources, with condition keys.

MiniStack's evaluator judges them by the caller's policies, as it judges calls of its own services.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from local.aws import iam_seam
from local.aws.answer import Request
from local.aws.errors import AwsError

Keys = Mapping[str, str | list[str]]


@dataclass(frozen=True)
class Check:
    """One permission; `keys` holds what the request says, by condition key. An absent key is absent, never empty."""

    action: str
    resource: str
    keys: Keys = field(default_factory=dict)


def require(request: Request, checks: Iterable[Check]) -> None:
    """Raises AwsError with AWS's words unless the caller may do all of it."""
    for check in checks:
        refusal = iam_seam.refusal(request, check.action, resource=check.resource, keys=dict(check.keys))
        if refusal is not None:
            raise AwsError("AccessDeniedException", refusal)


def request_tags(tags: Mapping[str, str]) -> dict[str, str | list[str]]:
    """The keys of tags that a request sets."""
    keys: dict[str, str | list[str]] = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    return keys | ({"aws:TagKeys": list(tags)} if tags else {})


def resource_tags(tags: Mapping[str, str]) -> dict[str, str | list[str]]:
    """The keys of tags that a resource has."""
    return {f"aws:ResourceTag/{key}": value for key, value in tags.items()}


def given(keys: Mapping[str, object]) -> dict[str, str | list[str]]:
    """Of a table of keys, those that the request gives, in the spelling of policies."""
    return {key: _spelt(value) for key, value in keys.items() if value is not None and value != []}


def _spelt(value: object) -> str | list[str]:
    if isinstance(value, list):
        return [str(one) for one in value]
    return str(value).lower() if isinstance(value, bool) else str(value)
