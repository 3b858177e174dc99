"""Issues, thinly: open, find, close."""

from collections.abc import Callable

from local.gitlab.api.answers import Answer, bad_parameter, created, not_found
from local.gitlab.api.paging import paged
from local.gitlab.api.params import Params
from local.gitlab.api.present import Json, user_basic
from local.gitlab.api.routing import Call, Routes
from local.gitlab.records import Issue, now
from local.gitlab.store import Where

routes = Routes()
_LIST = "/projects/<part:id>/issues"


@routes("GET", _LIST)
def list_issues(call: Call) -> Answer:
    given = call.params
    where: Where = {"project": call.project.id}
    state = given.one_of("state", ("opened", "closed", "all"), "all")
    if state != "all":
        where["state"] = state
    author, labels = given.integer("author_id"), set(given.texts("labels"))
    if author is not None:
        where["author"] = author
    order = given.one_of("order_by", ("created_at", "updated_at"), "created_at") or "created_at"
    newest = given.one_of("sort", ("asc", "desc"), "desc") == "desc"
    searched = _searched(given)
    rows = [issue for issue in call.at.store.all(Issue, **where) if searched(issue) and labels <= set(issue.labels)]
    rows.sort(key=lambda issue: (getattr(issue, order), issue.id), reverse=newest)
    return paged(call, rows, lambda issue: _issue(call, issue))


def _searched(given: Params) -> Callable[[Issue], bool]:
    """``search`` looks ``in`` title and description, or in one of them."""
    wanted, fields = (given.text("search") or "").lower(), given.texts("in") or ("title", "description")
    if not {*fields} <= {"title", "description"}:
        raise bad_parameter("in does not have a valid value")
    return lambda issue: any(wanted in str(getattr(issue, field) or "").lower() for field in fields)


@routes("POST", _LIST)
def create_issue(call: Call) -> Answer:
    issue = Issue(
        id=0,
        project=call.project.id,
        iid=call.at.store.next_iid(Issue, call.project.id),
        title=call.params.need("title"),
        description=call.params.text("description"),
        state="opened",
        author=call.user.id,
        labels=call.params.texts("labels"),
        created_at=now(),
        updated_at=now(),
    )
    return created(_issue(call, call.at.store.add(issue)))


@routes("GET", f"{_LIST}/<int:iid>")
def get_issue(call: Call, iid: int) -> Json:
    return _issue(call, _find(call, iid))


@routes("PUT", f"{_LIST}/<int:iid>")
def update_issue(call: Call, iid: int) -> Json:
    issue, given = _find(call, iid), call.params
    changes: dict[str, object] = {"updated_at": now()}
    for name in ("title", "description"):
        if given.has(name):
            changes[name] = given.text(name)
    if given.has("labels"):
        changes["labels"] = given.texts("labels")
    event = given.one_of("state_event", ("close", "reopen"))
    if event == "close":
        changes |= {"state": "closed", "closed_at": now(), "closed_by": call.user.id}
    elif event == "reopen":
        changes |= {"state": "opened", "closed_at": None, "closed_by": None}
    return _issue(call, call.at.store.change(issue, **changes))


def _find(call: Call, iid: int) -> Issue:
    found = call.at.store.first(Issue, project=call.project.id, iid=iid)
    if found is None:
        raise not_found("Issue")
    return found


def _issue(call: Call, issue: Issue) -> Json:
    return {
        "id": issue.id,
        "iid": issue.iid,
        "project_id": issue.project,
        "title": issue.title,
        "description": issue.description,
        "state": issue.state,
        "type": "ISSUE",
        "issue_type": "issue",
        "author": user_basic(call.at, issue.author),
        "labels": list(issue.labels),
        "created_at": issue.created_at,
        "updated_at": issue.updated_at,
        "closed_at": issue.closed_at,
        "closed_by": user_basic(call.at, issue.closed_by),
        "web_url": f"{call.at.project_url(call.project)}/-/issues/{issue.iid}",
    }
