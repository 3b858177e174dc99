"""Filters, order and pages, which all of SageMaker's List calls have in common."""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local.aws.errors import invalid

Record = dict[str, Any]


@dataclass(frozen=True)
class Listing:
    """How one List call reads its records."""

    name: str
    """The member that ``NameContains`` and ``SortBy=Name`` look at."""
    status: str | None = None
    """The member that ``StatusEquals`` and ``SortBy=Status`` look at."""
    order: str = "Ascending"
    """SageMaker's default, which differs from call to call."""

    def page(self, records: Iterable[Record], params: Record) -> tuple[list[Record], str | None]:
        """The records of one page, and the token of the next. Raises AwsError for a bad token."""
        found = [r for r in records if self._wanted(r, params)]
        found.sort(key=lambda r: self._key(r, params.get("SortBy", "CreationTime")))
        if params.get("SortOrder", self.order) == "Descending":
            found.reverse()
        return window(found, params, size=10)

    def _wanted(self, record: Record, params: Record) -> bool:
        part = params.get("NameContains", "").lower()
        if part not in str(record.get(self.name, "")).lower():
            return False
        if self.status and params.get("StatusEquals") not in (None, record[self.status]):
            return False
        return all(
            _between(record.get(member), params.get(f"{member}After"), params.get(f"{member}Before"))
            for member in ("CreationTime", "LastModifiedTime")
        )

    def _key(self, record: Record, by: str) -> Any:
        if by == "Name":
            return record[self.name]
        if by == "Status" and self.status:
            return record[self.status]
        return record.get(by, record["CreationTime"])


def window(found: list[Record], params: Record, *, size: int) -> tuple[list[Record], str | None]:
    """`size` is the length of a page where the caller names none."""
    start = _position(params.get("NextToken"))
    end = start + params.get("MaxResults", size)
    token = base64.urlsafe_b64encode(f"at:{end}".encode()).decode() if end < len(found) else None
    return found[start:end], token


def _position(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token).decode().removeprefix("at:"))
    except (binascii.Error, ValueError):
        raise invalid("Invalid NextToken") from None


def _between(time: datetime | None, after: datetime | None, before: datetime | None) -> bool:
    if time is None:
        return True
    return (after is None or time > after) and (before is None or time < before)
