"""GitLab's predefined CI/CD variables of a pipeline (doc/ci/variables/predefined_variables.md).

What depends on a job (``CI_JOB_*``, ``CI_PROJECT_DIR``, ``CI_RUNNER_*``) is the runner's to add.
"""

import re
from urllib.parse import urlsplit

from local.gitlab.instance import Instance, person
from local.gitlab.pipelines import merge_request_ref
from local.gitlab.records import MergeRequest, Namespace, Pipeline, Project, Variable
from local.gitlab.repo import NOTHING

VERSION = "18.5.0"
"""Whose API the stand-in follows."""

_LONGEST_DESCRIPTION = 2700


def source_ref(at: Instance, pipeline: Pipeline) -> str:
    """The branch: of a merge request pipeline the source branch, although the pipeline's own ref is another."""
    if pipeline.merge_request is None:
        return pipeline.ref
    return at.store.get(MergeRequest, pipeline.merge_request).source_branch


def protected(project: Project, branch: str) -> bool:
    """Only the default branch is."""
    return branch == project.default_branch


def pipeline_variables(at: Instance, pipeline: Pipeline) -> dict[str, str]:
    """All that is known before a job runs. A variable that GitLab does not set is not there, either."""
    project = at.store.get(Project, pipeline.project)
    found = _server(at) | _project(at, project) | _commit(at, pipeline, project) | _pipeline(at, pipeline, project)
    if pipeline.merge_request is None:
        return found | {"CI_COMMIT_BRANCH": pipeline.ref}
    return found | _merge_request(at, at.store.get(MergeRequest, pipeline.merge_request), project)


def project_variables(at: Instance, pipeline: Pipeline) -> list[Variable]:
    """The project's own that this pipeline may see: protected ones on protected refs only."""
    project = at.store.get(Project, pipeline.project)
    safe = pipeline.merge_request is None and protected(project, pipeline.ref)
    return [v for v in at.store.all(Variable, project=project.id) if safe or not v.protected]


def slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "-", text.lower())[:63].strip("-")


def _server(at: Instance) -> dict[str, str]:
    parts = urlsplit(at.url)
    major, minor, patch = VERSION.split(".")
    return {
        "CI": "true",
        "GITLAB_CI": "true",
        "CI_SERVER_URL": at.url,
        "CI_SERVER_HOST": parts.hostname or "",
        "CI_SERVER_PORT": str(parts.port or 443),
        "CI_SERVER_FQDN": parts.netloc,
        "CI_SERVER_PROTOCOL": parts.scheme,
        "CI_SERVER_NAME": "GitLab",
        "CI_SERVER_VERSION": VERSION,
        "CI_SERVER_VERSION_MAJOR": major,
        "CI_SERVER_VERSION_MINOR": minor,
        "CI_SERVER_VERSION_PATCH": patch,
        "CI_API_V4_URL": f"{at.url}/api/v4",
    }


def _project(at: Instance, project: Project) -> dict[str, str]:
    namespace = at.store.get(Namespace, project.namespace)
    return {
        "CI_PROJECT_ID": str(project.id),
        "CI_PROJECT_NAME": project.path.rpartition("/")[2],
        "CI_PROJECT_TITLE": project.name,
        "CI_PROJECT_DESCRIPTION": project.description or "",
        "CI_PROJECT_PATH": project.path,
        "CI_PROJECT_PATH_SLUG": slug(project.path),
        "CI_PROJECT_NAMESPACE": namespace.path,
        "CI_PROJECT_NAMESPACE_ID": str(namespace.id),
        "CI_PROJECT_ROOT_NAMESPACE": namespace.path.split("/")[0],
        "CI_PROJECT_URL": at.project_url(project),
        "CI_PROJECT_VISIBILITY": project.visibility,
        "CI_DEFAULT_BRANCH": project.default_branch,
        "CI_CONFIG_PATH": ".gitlab-ci.yml",
    }


def _commit(at: Instance, pipeline: Pipeline, project: Project) -> dict[str, str]:
    commit = at.repo(project).commit(pipeline.sha)
    if commit is None:
        raise LookupError(f"commit {pipeline.sha} is gone")
    branch = source_ref(at, pipeline)
    title, _, rest = commit.message.partition("\n")
    return {
        "CI_COMMIT_SHA": commit.sha,
        "CI_COMMIT_SHORT_SHA": commit.sha[:8],
        "CI_COMMIT_BEFORE_SHA": NOTHING if pipeline.merge_request else pipeline.before_sha,
        "CI_COMMIT_MESSAGE": commit.message,
        "CI_COMMIT_TITLE": title,
        "CI_COMMIT_DESCRIPTION": rest.lstrip("\n") if len(title) < 100 else commit.message,
        "CI_COMMIT_AUTHOR": f"{commit.author_name} <{commit.author_email}>",
        "CI_COMMIT_TIMESTAMP": commit.committed,
        "CI_COMMIT_REF_NAME": branch,
        "CI_COMMIT_REF_SLUG": slug(branch),
        "CI_COMMIT_REF_PROTECTED": _flag(pipeline.merge_request is None and protected(project, branch)),
    }


def _pipeline(at: Instance, pipeline: Pipeline, project: Project) -> dict[str, str]:
    user = at.user(pipeline.user)
    return {
        "CI_PIPELINE_ID": str(pipeline.id),
        "CI_PIPELINE_IID": str(pipeline.iid),
        "CI_PIPELINE_SOURCE": pipeline.source,
        "CI_PIPELINE_URL": f"{at.project_url(project)}/-/pipelines/{pipeline.id}",
        "CI_PIPELINE_CREATED_AT": pipeline.created_at,
        "GITLAB_USER_ID": str(user.id),
        "GITLAB_USER_LOGIN": user.username,
        "GITLAB_USER_NAME": user.name,
        "GITLAB_USER_EMAIL": person(user).email,
    }


def _merge_request(at: Instance, request: MergeRequest, project: Project) -> dict[str, str]:
    description = request.description or ""
    found = {
        "CI_MERGE_REQUEST_ID": str(request.id),
        "CI_MERGE_REQUEST_IID": str(request.iid),
        "CI_MERGE_REQUEST_REF_PATH": merge_request_ref(request),
        "CI_MERGE_REQUEST_PROJECT_ID": str(project.id),
        "CI_MERGE_REQUEST_PROJECT_PATH": project.path,
        "CI_MERGE_REQUEST_PROJECT_URL": at.project_url(project),
        "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": str(project.id),
        "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": project.path,
        "CI_MERGE_REQUEST_SOURCE_PROJECT_URL": at.project_url(project),
        "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": request.source_branch,
        "CI_MERGE_REQUEST_SOURCE_BRANCH_PROTECTED": _flag(protected(project, request.source_branch)),
        "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": "",
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": request.target_branch,
        "CI_MERGE_REQUEST_TARGET_BRANCH_PROTECTED": _flag(protected(project, request.target_branch)),
        "CI_MERGE_REQUEST_TARGET_BRANCH_SHA": "",
        "CI_MERGE_REQUEST_TITLE": request.title,
        "CI_MERGE_REQUEST_DESCRIPTION": description[:_LONGEST_DESCRIPTION],
        "CI_MERGE_REQUEST_DESCRIPTION_IS_TRUNCATED": _flag(len(description) > _LONGEST_DESCRIPTION),
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": request.base_sha or "",
        "CI_MERGE_REQUEST_EVENT_TYPE": "detached",
        "CI_MERGE_REQUEST_SQUASH_ON_MERGE": _flag(request.squash),
        "CI_OPEN_MERGE_REQUESTS": f"{project.path}!{request.iid}",
    }
    if request.labels:
        found["CI_MERGE_REQUEST_LABELS"] = ",".join(request.labels)
    if request.assignees:
        found["CI_MERGE_REQUEST_ASSIGNEES"] = ", ".join(at.user(id_).username for id_ in request.assignees)
    return found


def _flag(value: bool) -> str:
    return "true" if value else "false"
