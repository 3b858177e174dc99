"""Offset paging, with GitLab's headers."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import request

from local.gitlab.api.answers import Answer, bad_parameter
from local.gitlab.api.routing import Call

T = TypeVar("T")
_MOST = 100
_USUAL = 20


def paged(call: Call, rows: Sequence[T], present: Callable[[T], Any]) -> Answer:
    """One page of `rows`; only what is on the page is presented."""
    page, size = call.params.integer("page") or 1, call.params.integer("per_page") or _USUAL
    if page < 1:
        raise bad_parameter("page does not have a valid value")
    if size < 1:
        raise bad_parameter("per_page does not have a valid value")
    size = min(size, _MOST)
    pages = max(1, -(-len(rows) // size))
    shown = rows[(page - 1) * size : page * size]
    headers = {
        "X-Page": str(page),
        "X-Per-Page": str(size),
        "X-Total": str(len(rows)),
        "X-Total-Pages": str(pages),
        "X-Next-Page": str(page + 1) if page < pages else "",
        "X-Prev-Page": str(page - 1) if page > 1 else "",
        "Link": ", ".join(_links(call, page=page, pages=pages, size=size)),
    }
    return Answer([present(row) for row in shown], headers=headers)


def _links(call: Call, *, page: int, pages: int, size: int) -> list[str]:
    wanted = {"prev": page - 1, "next": page + 1, "first": 1, "last": pages}
    path = str(request.environ.get("RAW_URI") or request.path).partition("?")[0]
    given = {name: value for name, value in request.args.items() if name not in ("page", "per_page")}

    def link(number: int, name: str) -> str:
        query = urlencode({**given, "page": number, "per_page": size})
        return f'<{call.at.url}{path}?{query}>; rel="{name}"'

    return [link(number, name) for name, number in wanted.items() if 1 <= number <= pages]
