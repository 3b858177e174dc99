"""Branches and commits."""

from local.gitlab.api.answers import Answer, not_found
from local.gitlab.api.merge_requests import basic_json
from local.gitlab.api.paging import paged
from local.gitlab.api.present import Json, commit, commit_status, pipeline_basic
from local.gitlab.api.routing import Call, Routes
from local.gitlab.merging import requests_with
from local.gitlab.predefined import protected
from local.gitlab.records import Job, Pipeline, Release
from local.gitlab.repo import Commit
from local.gitlab.store import Where

routes = Routes()
_COMMIT = "/projects/<part:id>/repository/commits"


@routes("GET", "/projects/<part:id>/repository/branches")
def list_branches(call: Call) -> Answer:
    refs = call.at.repo(call.project).refs("refs/heads/")
    names = sorted(ref.removeprefix("refs/heads/") for ref in refs)
    wanted = (call.params.text("search") or "").lower()
    return paged(call, [name for name in names if wanted in name.lower()], lambda name: _branch(call, name))


@routes("GET", "/projects/<part:id>/repository/branches/<part:branch>")
def get_branch(call: Call, branch: str) -> Json:
    return _branch(call, branch)


@routes("GET", "/projects/<part:id>/repository/tags/<part:tag>")
def get_tag(call: Call, tag: str) -> Json:
    repo, project = call.at.repo(call.project), call.project
    sha = repo.resolve(f"refs/tags/{tag}")
    tip = repo.commit(sha) if sha else None
    if tip is None:
        raise not_found("Tag")
    release = call.at.store.first(Release, project=project.id, tag_name=tag)
    return {
        "name": tag,
        "message": "",
        "target": sha,
        "commit": commit(call.at, project, tip),
        "release": {"tag_name": tag, "description": release.description} if release else None,
        "protected": False,
        "created_at": None,
    }


@routes("GET", "/projects/<part:id>/repository/files/<part:path>/raw")
def raw_file(call: Call, path: str) -> str:
    """Text only."""
    repo = call.at.repo(call.project)
    sha = repo.resolve(call.params.text("ref") or call.project.default_branch)
    if sha is None:
        raise not_found("Commit")
    if not repo.has_file(sha, path):
        raise not_found("File")
    return repo.run("cat-file", "blob", f"{sha}:{path}")


@routes("GET", _COMMIT)
def list_commits(call: Call) -> Answer:
    repo = call.at.repo(call.project)
    sha = repo.resolve(call.params.text("ref_name") or call.project.default_branch)
    found = repo.log(sha, limit=1000) if sha else []
    return paged(call, found, lambda one: commit(call.at, call.project, one))


@routes("GET", f"{_COMMIT}/<part:sha>")
def get_commit(call: Call, sha: str) -> Json:
    found = _commit(call, sha)
    newest = call.at.store.first(Pipeline, newest=True, project=call.project.id, sha=found.sha)
    last = pipeline_basic(call.at, newest) if newest else None
    return commit(call.at, call.project, found) | {
        "status": last["status"] if last else None,
        "project_id": call.project.id,
        "last_pipeline": last,
    }


@routes("GET", f"{_COMMIT}/<part:sha>/merge_requests")
def commit_merge_requests(call: Call, sha: str) -> Answer:
    found = requests_with(call.at, project_id=call.project.id, sha=_commit(call, sha).sha)
    state = call.params.text("state")
    rows = [request for request in found if state in (None, "all", request.state)]
    return paged(call, rows, lambda request: basic_json(call, request))


@routes("GET", f"{_COMMIT}/<part:sha>/statuses")
def commit_statuses(call: Call, sha: str) -> Answer:
    """Jobs of pipelines are statuses, too. Without ``all`` the latest of each name and pipeline."""
    where: Where = {"project": call.project.id, "sha": _commit(call, sha).sha}
    for name, column in (("ref", "ref"), ("name", "name"), ("stage", "stage"), ("pipeline_id", "pipeline")):
        value = call.params.integer(name) if name == "pipeline_id" else call.params.text(name)
        if value:
            where[column] = value
    rows = call.at.store.all(Job, **where)
    if not call.params.flag("all"):
        rows = list({(job.pipeline, job.name): job for job in rows}.values())
    if call.params.one_of("sort", ("asc", "desc"), "asc") == "desc":
        rows = rows[::-1]
    return paged(call, rows, lambda job: commit_status(call.at, job))


def _commit(call: Call, sha: str) -> Commit:
    found = call.at.repo(call.project).commit(sha)
    if found is None:
        raise not_found("Commit")
    return found


def _branch(call: Call, name: str) -> Json:
    repo, project = call.at.repo(call.project), call.project
    sha = repo.branch(name)
    tip = repo.commit(sha) if sha else None
    if tip is None:
        raise not_found("Branch")
    default = protected(project, name)
    return {
        "name": name,
        "commit": commit(call.at, project, tip),
        "merged": name != project.default_branch and _merged(call, tip.sha),
        "protected": default,
        "developers_can_push": False,
        "developers_can_merge": False,
        "can_push": True,
        "default": default,
        "web_url": f"{call.at.project_url(project)}/-/tree/{name}",
    }


def _merged(call: Call, sha: str) -> bool:
    repo = call.at.repo(call.project)
    default = repo.branch(call.project.default_branch)
    return bool(default) and repo.is_ancestor(sha, default or "")
