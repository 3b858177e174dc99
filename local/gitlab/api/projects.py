"""Projects."""

import re

from local.gitlab.api.answers import Answer, bad_request, created, not_found
from local.gitlab.api.paging import paged
from local.gitlab.api.present import Json
from local.gitlab.api.routing import Call, Routes
from local.gitlab.projects import PATH, create_project
from local.gitlab.records import Namespace, Project, now
from local.gitlab.store import Where

routes = Routes()


@routes("GET", "/projects")
def list_projects(call: Call) -> Answer:
    return paged(call, call.at.store.all(Project, newest=True), lambda project: project_json(call, project))


@routes("POST", "/projects")
def create(call: Call) -> Answer:
    name = call.params.text("name") or call.params.need("path")
    path = call.params.text("path") or re.sub(r"[^a-z0-9_.-]+", "-", name.lower()).strip("-.")
    if not PATH.fullmatch(path) or path.endswith((".git", ".atom")):
        raise bad_request({"path": ["can contain only letters, digits, '_', '-' and '.'"]})
    namespace = _namespace(call)
    if call.at.store.first(Project, path=f"{namespace.path}/{path}"):
        raise bad_request({"path": ["has already been taken"], "name": ["has already been taken"]})
    branch = call.params.text("default_branch") or "main"
    if not re.fullmatch(r"[A-Za-z0-9][\w./-]*", branch) or ".." in branch:
        raise bad_request({"default_branch": ["is invalid"]})
    project = create_project(
        call.at,
        user=call.user,
        namespace=namespace,
        name=name,
        path=path,
        description=call.params.text("description"),
        default_branch=branch,
        visibility=call.params.one_of("visibility", ("private", "internal", "public"), "private") or "private",
        readme=call.params.flag("initialize_with_readme"),
    )
    return created(project_json(call, _set(call, project)))


@routes("GET", "/projects/<part:id>")
def get(call: Call) -> Json:
    return project_json(call, call.project)


@routes("PUT", "/projects/<part:id>")
def update(call: Call) -> Json:
    return project_json(call, _set(call, call.project))


def _namespace(call: Call) -> Namespace:
    id_ = call.params.integer("namespace_id")
    where: Where = {"id": id_} if id_ else {"path": call.user.username}
    found = next(iter(call.at.store.all(Namespace, **where)), None)
    if found is None:
        raise not_found("Namespace")
    return found


def _set(call: Call, project: Project) -> Project:
    """The settings that both create and update take."""
    at, given = call.at, call.params
    changes: dict[str, object] = {"updated_at": now()}
    if given.has("description"):
        changes["description"] = given.text("description")
    if method := given.one_of("merge_method", ("merge", "ff")):
        changes["merge_method"] = method
    if given.has("only_allow_merge_if_pipeline_succeeds"):
        changes["pipelines_must_succeed"] = given.flag("only_allow_merge_if_pipeline_succeeds")
    return at.store.change(project, **changes)


def project_json(call: Call, project: Project) -> Json:
    at = call.at
    namespace = at.store.get(Namespace, project.namespace)
    url, empty = at.project_url(project), not at.repo(project).branch(project.default_branch)
    return {
        "id": project.id,
        "description": project.description,
        "name": project.name,
        "name_with_namespace": f"{namespace.name} / {project.name}",
        "path": project.path.rpartition("/")[2],
        "path_with_namespace": project.path,
        "created_at": project.created_at,
        "default_branch": None if empty else project.default_branch,
        "http_url_to_repo": f"{url}.git",
        "ssh_url_to_repo": None,
        "web_url": url,
        "visibility": project.visibility,
        "last_activity_at": project.updated_at,
        "empty_repo": empty,
        "archived": False,
        "creator_id": project.creator,
        "merge_method": project.merge_method,
        "only_allow_merge_if_pipeline_succeeds": project.pipelines_must_succeed,
        "squash_option": "default_off",
        "namespace": {
            "id": namespace.id,
            "name": namespace.name,
            "path": namespace.path,
            "kind": namespace.kind,
            "full_path": namespace.path,
            "parent_id": None,
            "web_url": f"{at.url}/{namespace.path}",
        },
    }
