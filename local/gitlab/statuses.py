"""Commit statuses, after GitLab's Ci::CreateCommitStatusService.

A status joins the given pipeline, or the newest of that commit (and ref), or opens an ``external`` one. Only a status
that still runs is updated; a finished one stays, and a new one of the same name takes its place.
"""

from dataclasses import dataclass

from local.gitlab.instance import Instance
from local.gitlab.pipelines import external_pipeline
from local.gitlab.records import Job, Pipeline, Project, User, now
from local.gitlab.store import Where

STATES = ("pending", "running", "success", "failed", "canceled", "skipped")

_EVENTS = {
    "pending": "enqueue",
    "running": "run",
    "success": "success",
    "failed": "drop",
    "canceled": "cancel",
    "skipped": "skip",
}
_FROM = {
    "pending": {"created", "skipped", "manual", "scheduled"},
    "running": {"created", "pending"},
    "success": {"created", "pending", "running"},
    "failed": {"created", "pending", "running"},
    "canceled": {"created", "pending", "running"},
    "skipped": {"created", "pending"},
}


@dataclass(frozen=True)
class Given:
    """What the caller sent."""

    sha: str
    state: str
    name: str
    ref: str | None
    pipeline_id: int | None
    target_url: str | None
    description: str | None
    coverage: float | None


class StatusNotFoundError(Exception):
    """What the status should belong to is not there."""


class TransitionError(Exception):
    """The status can't go from its state to that one."""


def post_status(at: Instance, *, project: Project, user: User, given: Given) -> Job:
    """Raises StatusNotFoundError or TransitionError."""
    sha = at.repo(project).resolve(given.sha)
    if not sha:
        raise StatusNotFoundError("Commit")
    pipeline = _matching(at, project, sha, given)
    ref = given.ref or (pipeline.ref if pipeline else _branch(at, project, sha))
    if not ref:
        raise StatusNotFoundError("References for commit")
    if given.pipeline_id and not pipeline:
        raise StatusNotFoundError("Pipeline for pipeline_id, sha and ref")
    if pipeline is None:
        pipeline = external_pipeline(at, project=project, sha=sha, ref=ref, user=user)
    job = _open_status(at, pipeline, ref, given.name, user) or _new(pipeline, ref, given.name, user)
    return _move(at, job, pipeline, given)


def _matching(at: Instance, project: Project, sha: str, given: Given) -> Pipeline | None:
    where: Where = {"project": project.id, "sha": sha}
    if given.ref:
        where["ref"] = given.ref
    if given.pipeline_id:
        where["id"] = given.pipeline_id
    return at.store.first(Pipeline, newest=True, **where)


def _branch(at: Instance, project: Project, sha: str) -> str | None:
    return next(iter(at.repo(project).branches_with(sha)), None)


def _open_status(at: Instance, pipeline: Pipeline, ref: str, name: str, user: User) -> Job | None:
    found = at.store.all(Job, pipeline=pipeline.id, external=True, ref=ref, name=name, user=user.id)
    return next((job for job in found if job.status in ("pending", "running")), None)


def _new(pipeline: Pipeline, ref: str, name: str, user: User) -> Job:
    return Job(
        id=0,
        project=pipeline.project,
        pipeline=pipeline.id,
        external=True,
        name=name,
        stage="external",
        status="created",
        ref=ref,
        sha=pipeline.sha,
        description=None,
        target_url=None,
        coverage=None,
        allow_failure=False,
        user=user.id,
        log="",
        created_at=now(),
    )


def _move(at: Instance, job: Job, pipeline: Pipeline, given: Given) -> Job:
    if job.status not in _FROM[given.state]:
        event = _EVENTS[given.state]
        raise TransitionError(
            f"Cannot transition status via :{event} from :{job.status} "
            f'(Reason(s): Status cannot transition via "{event}")'
        )
    if job.id == 0:
        job = at.store.add(job)
    optional = {"target_url": given.target_url, "description": given.description, "coverage": given.coverage}
    changes: dict[str, object] = {name: value for name, value in optional.items() if value is not None}
    if given.state == "running":
        changes["started_at"] = now()
    elif given.state != "pending":
        changes["finished_at"] = now()
    at.store.change(pipeline, updated_at=now())
    return at.store.change(job, status=given.state, **changes)
