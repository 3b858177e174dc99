"""Tags of all resources, by ARN."""

from collections.abc import Callable
from typing import Any

from local.aws.errors import AwsError, invalid
from local.aws.listing import window

Record = dict[str, Any]
TAGS_MAX = 50


class Tags:
    """A resource that exists has an entry here, if only an empty one."""

    def __init__(self) -> None:
        self._tags: dict[str, dict[str, str]] = {}

    @property
    def operations(self) -> dict[str, Callable[[Record], Record]]:
        return {"AddTags": self._add, "ListTags": self._list, "DeleteTags": self._delete}

    def of(self, arn: str) -> dict[str, str]:
        return dict(self._tags.get(arn, {}))

    def created(self, arn: str, params: Record) -> None:
        """Keeps the tags of a create call. Raises AwsError for keys that appear twice."""
        tags = params.get("Tags", [])
        if len({t["Key"] for t in tags}) != len(tags):
            raise invalid("Duplicate tag keys are not allowed")
        self._tags[arn] = {t["Key"]: t["Value"] for t in tags}

    def deleted(self, arn: str) -> None:
        self._tags.pop(arn, None)

    def _existing(self, arn: str) -> dict[str, str]:
        if arn not in self._tags:
            raise invalid(f"Could not find resource {arn}")
        return self._tags[arn]

    def _add(self, params: Record) -> Record:
        tags = self._existing(params["ResourceArn"])
        merged = tags | {t["Key"]: t["Value"] for t in params["Tags"]}
        if len(merged) > TAGS_MAX:
            raise AwsError("ResourceLimitExceeded", f"a resource has at most {TAGS_MAX} tags")
        tags.update(merged)
        return {"Tags": _pairs(tags)}

    def _list(self, params: Record) -> Record:
        page, token = window(_pairs(self._existing(params["ResourceArn"])), params, size=50)
        return {"Tags": page, "NextToken": token}

    def _delete(self, params: Record) -> Record:
        tags = self._existing(params["ResourceArn"])
        for key in params["TagKeys"]:
            tags.pop(key, None)
        return {}


def _pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
