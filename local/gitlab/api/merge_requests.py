"""Merge requests."""

from local.gitlab import quick_actions
from local.gitlab.api.answers import Answer, ApiError, created, not_found
from local.gitlab.api.paging import paged
from local.gitlab.api.present import Json, commit, pipeline, pipeline_basic, user_basic
from local.gitlab.api.routing import Call, Routes
from local.gitlab.merge_requests import BranchError, DuplicateError, close, open_merge_request, reopen
from local.gitlab.merging import GIT_REASONS, MERGEABLE, NotMergeableError, merge, merge_status
from local.gitlab.pipelines import head_pipeline, pipelines_of
from local.gitlab.records import DiffVersion, MergeRequest, Note, now
from local.gitlab.store import Where
from local.gitlab.system_notes import note_event

routes = Routes()
_LIST = "/projects/<part:id>/merge_requests"
_ONE = f"{_LIST}/<int:iid>"
_STATES = ("opened", "closed", "locked", "merged", "all")


def find(call: Call, iid: int) -> MergeRequest:
    found = call.at.store.first(MergeRequest, project=call.project.id, iid=iid)
    if found is None:
        raise not_found("Merge Request")
    return found


@routes("GET", _LIST)
def list_(call: Call) -> Answer:
    given = call.params
    where: Where = {"project": call.project.id}
    state = given.one_of("state", _STATES, "all")
    if state != "all":
        where["state"] = state
    for name in ("source_branch", "target_branch"):
        if value := given.text(name):
            where[name] = value
    rows = call.at.store.all(MergeRequest, newest=True, **where)
    if given.has("iids"):
        iids = given.integers("iids")
        rows = [request for request in rows if request.iid in iids]
    if labels := set(given.texts("labels")):
        rows = [request for request in rows if labels <= set(request.labels)]
    if given.one_of("order_by", ("created_at", "updated_at", "title"), "created_at") == "updated_at":
        rows = sorted(rows, key=lambda request: request.updated_at, reverse=True)
    if given.one_of("sort", ("asc", "desc"), "desc") == "asc":
        rows = rows[::-1]
    return paged(call, rows, lambda request: basic_json(call, request))


@routes("POST", _LIST)
def create(call: Call) -> Answer:
    given = call.params
    body, commands = quick_actions.extract(given.text("description") or "")
    try:
        request = open_merge_request(
            call.at,
            project=call.project,
            user=call.user,
            title=given.need("title"),
            source=given.need("source_branch"),
            target=given.need("target_branch"),
            description=body or None,
            labels=given.texts("labels"),
            assignees=_users(call, "assignee_ids"),
            reviewers=_users(call, "reviewer_ids"),
            squash=given.flag("squash"),
            remove_source_branch=given.flag("remove_source_branch"),
        )
    except BranchError as error:
        raise ApiError(422, message=[str(error)]) from None
    except DuplicateError as error:
        raise ApiError(409, message=[str(error)]) from None
    quick_actions.execute(call.at, request=request, user=call.user, commands=commands)
    return created(full_json(call, find(call, request.iid)))


@routes("GET", _ONE)
def get(call: Call, iid: int) -> Json:
    return full_json(call, find(call, iid))


@routes("PUT", _ONE)
def update(call: Call, iid: int) -> Json:
    request, given = find(call, iid), call.params
    changes: dict[str, object] = {}
    for name in ("title", "description", "target_branch"):
        if given.has(name):
            changes[name] = given.text(name)
    if given.has("squash"):
        changes["squash"] = given.flag("squash")
    if given.has("remove_source_branch"):
        changes["remove_source_branch"] = given.flag("remove_source_branch")
    for name, field in (("assignee_ids", "assignees"), ("reviewer_ids", "reviewers")):
        if given.has(name):
            changes[field] = _users(call, name)
    if given.has("labels") or given.has("add_labels") or given.has("remove_labels"):
        changes["labels"] = _labels(call, request)
    if "title" in changes and not changes["title"]:
        raise ApiError(400, message={"title": ["can't be blank"]})
    if changes.get("title", request.title) != request.title:
        text = f"changed title from **{request.title}** to **{changes['title']}**"
        note_event(call.at, request=request, user=call.user, text=text)
    if changes:
        request = call.at.store.change(request, **changes, updated_at=now())
    return full_json(call, _state_event(call, request))


@routes("PUT", f"{_ONE}/merge")
def accept(call: Call, iid: int) -> Json:
    """405 where a rule forbids it, 409 for another head, 422 where git can't (doc/api/merge_requests.md)."""
    request, given = find(call, iid), call.params
    expected = given.text("sha")
    if expected and expected != request.head_sha:
        raise ApiError(409, message=f"SHA does not match HEAD of source branch: {request.head_sha}")
    try:
        merged = merge(
            call.at,
            request=request,
            user=call.user,
            message=given.text("merge_commit_message"),
            squash_message=given.text("squash_commit_message"),
            squash=given.flag("squash"),
            remove_source_branch=given.flag("should_remove_source_branch"),
        )
    except NotMergeableError as error:
        if error.reason in GIT_REASONS:
            raise ApiError(422, message="Branch cannot be merged") from None
        raise ApiError(405, message="405 Method Not Allowed") from None
    return full_json(call, merged)


@routes("GET", f"{_ONE}/commits")
def commits(call: Call, iid: int) -> Answer:
    request = find(call, iid)
    until = [f"^{request.base_sha}"] if request.base_sha else []
    rows = call.at.repo(call.project).log(request.head_sha, *until, limit=1000)
    return paged(call, rows, lambda one: commit(call.at, call.project, one))


@routes("GET", f"{_ONE}/pipelines")
def pipelines(call: Call, iid: int) -> Answer:
    rows = pipelines_of(call.at, find(call, iid))
    return paged(call, rows, lambda one: pipeline_basic(call.at, one))


@routes("GET", f"{_ONE}/versions")
def versions(call: Call, iid: int) -> Answer:
    rows = call.at.store.all(DiffVersion, newest=True, merge_request=find(call, iid).id)
    return paged(call, rows, _version_json)


def _version_json(one: DiffVersion) -> Json:
    return {
        "id": one.id,
        "head_commit_sha": one.head_sha,
        "base_commit_sha": one.base_sha,
        "start_commit_sha": one.base_sha,
        "created_at": one.created_at,
        "merge_request_id": one.merge_request,
        "state": "collected",
        "real_size": "1",
        "patch_id_sha": None,
    }


def _users(call: Call, name: str) -> tuple[int, ...]:
    """Ids of users that exist; GitLab, too, passes over the others. 0 means nobody."""
    known = []
    for id_ in call.params.integers(name):
        try:
            known.append(call.at.user(id_).id)
        except LookupError:
            continue
    return tuple(known)


def _labels(call: Call, request: MergeRequest) -> tuple[str, ...]:
    given = call.params
    start = given.texts("labels") if given.has("labels") else request.labels
    dropped = given.texts("remove_labels")
    wanted = dict.fromkeys((*start, *given.texts("add_labels")))
    return tuple(label for label in wanted if label not in dropped)


def _state_event(call: Call, request: MergeRequest) -> MergeRequest:
    event = call.params.one_of("state_event", ("close", "reopen"))
    if event == "close":
        return close(call.at, request=request, user=call.user)
    return reopen(call.at, request=request, user=call.user) if event else request


def basic_json(call: Call, request: MergeRequest) -> Json:
    at = call.at
    project = at.project_of(request)
    status = merge_status(at, request)
    count = sum(not note.system for note in at.store.all(Note, merge_request=request.id))
    return {
        "id": request.id,
        "iid": request.iid,
        "project_id": project.id,
        "title": request.title,
        "description": request.description,
        "state": request.state,
        "created_at": request.created_at,
        "updated_at": request.updated_at,
        "merged_by": user_basic(at, request.merged_by),
        "merge_user": user_basic(at, request.merged_by),
        "merged_at": request.merged_at,
        "closed_by": user_basic(at, request.closed_by),
        "closed_at": request.closed_at,
        "target_branch": request.target_branch,
        "source_branch": request.source_branch,
        "user_notes_count": count,
        "upvotes": 0,
        "downvotes": 0,
        "author": user_basic(at, request.author),
        "assignees": [user_basic(at, id_) for id_ in request.assignees],
        "assignee": user_basic(at, request.assignees[0] if request.assignees else None),
        "reviewers": [user_basic(at, id_) for id_ in request.reviewers],
        "source_project_id": project.id,
        "target_project_id": project.id,
        "labels": list(request.labels),
        "draft": request.draft,
        "work_in_progress": request.draft,
        "imported": False,
        "imported_from": "none",
        "milestone": None,
        "merge_when_pipeline_succeeds": False,
        "merge_status": "can_be_merged" if status == MERGEABLE or status not in GIT_REASONS else "cannot_be_merged",
        "detailed_merge_status": status,
        "merge_after": None,
        "sha": request.head_sha,
        "merge_commit_sha": request.merge_commit_sha,
        "squash_commit_sha": request.squash_commit_sha,
        "discussion_locked": None,
        "should_remove_source_branch": None,
        "force_remove_source_branch": request.remove_source_branch,
        "prepared_at": request.created_at,
        "reference": f"!{request.iid}",
        "references": {
            "short": f"!{request.iid}",
            "relative": f"!{request.iid}",
            "full": f"{project.path}!{request.iid}",
        },
        "web_url": at.merge_request_url(request),
        "time_stats": {
            "time_estimate": 0,
            "total_time_spent": 0,
            "human_time_estimate": None,
            "human_total_time_spent": None,
        },
        "squash": request.squash,
        "squash_on_merge": request.squash,
        "task_completion_status": {"count": 0, "completed_count": 0},
        "has_conflicts": status == "conflict",
        "blocking_discussions_resolved": True,
    }


def full_json(call: Call, request: MergeRequest) -> Json:
    at = call.at
    newest = head_pipeline(at, request)
    return basic_json(call, request) | {
        "subscribed": False,
        "changes_count": _changes(call, request),
        "latest_build_started_at": newest.started_at if newest else None,
        "latest_build_finished_at": newest.finished_at if newest else None,
        "first_deployed_to_production_at": None,
        "pipeline": pipeline_basic(at, newest) if newest else None,
        "head_pipeline": pipeline(at, newest) if newest else None,
        "diff_refs": {"base_sha": request.base_sha, "head_sha": request.head_sha, "start_sha": request.base_sha},
        "merge_error": None,
        "rebase_in_progress": False,
        "first_contribution": False,
        "user": {"can_merge": True},
    }


def _changes(call: Call, request: MergeRequest) -> str | None:
    """A string: beyond a limit GitLab writes ``1000+``."""
    if not request.base_sha:
        return None
    repo = call.at.repo(call.project)
    return str(len(repo.run("diff", "--name-only", request.base_sha, request.head_sha, "--").splitlines()))
