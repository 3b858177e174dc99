"""Records as GitLab's JSON, where more than one topic shows them. Each function is named after GitLab's entity."""

from typing import Any

from local.gitlab.instance import Instance
from local.gitlab.pipelines import status_of
from local.gitlab.records import Job, Pipeline, Project, User
from local.gitlab.repo import Commit

Json = dict[str, Any]


def user_basic(at: Instance, id_: int | None) -> Json | None:
    return None if id_ is None else user_json(at, at.user(id_))


def user_json(at: Instance, user: User) -> Json:
    return {
        "id": user.id,
        "username": user.username,
        "public_email": None,
        "name": user.name,
        "state": "active",
        "locked": False,
        "avatar_url": None,
        "web_url": f"{at.url}/{user.username}",
    }


def commit(at: Instance, project: Project, found: Commit) -> Json:
    return {
        "id": found.sha,
        "short_id": found.sha[:8],
        "created_at": found.committed,
        "parent_ids": list(found.parents),
        "title": found.title,
        "message": found.message,
        "author_name": found.author_name,
        "author_email": found.author_email,
        "authored_date": found.authored,
        "committer_name": found.committer_name,
        "committer_email": found.committer_email,
        "committed_date": found.committed,
        "trailers": {},
        "extended_trailers": {},
        "web_url": f"{at.project_url(project)}/-/commit/{found.sha}",
    }


def pipeline_basic(at: Instance, pipeline: Pipeline) -> Json:
    project = at.store.get(Project, pipeline.project)
    return {
        "id": pipeline.id,
        "iid": pipeline.iid,
        "project_id": pipeline.project,
        "sha": pipeline.sha,
        "ref": pipeline.ref,
        "status": status_of(at, pipeline),
        "source": pipeline.source,
        "created_at": pipeline.created_at,
        "updated_at": pipeline.updated_at,
        "web_url": f"{at.project_url(project)}/-/pipelines/{pipeline.id}",
    }


def pipeline(at: Instance, found: Pipeline) -> Json:
    basic = pipeline_basic(at, found)
    state = basic["status"]
    return basic | {
        "before_sha": found.before_sha,
        "tag": False,
        "yaml_errors": None,
        "user": user_basic(at, found.user),
        "started_at": found.started_at,
        "finished_at": found.finished_at,
        "committed_at": None,
        "duration": None,
        "queued_duration": None,
        "coverage": None,
        "archived": False,
        "detailed_status": {
            "icon": f"status_{state}",
            "text": state.capitalize(),
            "label": "passed" if state == "success" else state,
            "group": state,
            "tooltip": state,
            "has_details": True,
            "details_path": f"/{at.store.get(Project, found.project).path}/-/pipelines/{found.id}",
            "illustration": None,
            "favicon": None,
        },
    }


def commit_status(at: Instance, job: Job) -> Json:
    return {
        "id": job.id,
        "sha": job.sha,
        "ref": job.ref,
        "status": job.status,
        "name": job.name,
        "target_url": job.target_url,
        "description": job.description,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "allow_failure": job.allow_failure,
        "coverage": job.coverage,
        "pipeline_id": job.pipeline,
        "author": user_basic(at, job.user),
    }
