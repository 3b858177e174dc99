"""Pipelines: when one is made, and what its state is."""

from local.gitlab.instance import Instance
from local.gitlab.records import Job, MergeRequest, Pipeline, Project, User, now
from local.gitlab.repo import NOTHING

CONFIG = ".gitlab-ci.yml"
FINISHED = frozenset({"success", "failed", "canceled", "skipped"})


def merge_request_ref(request: MergeRequest) -> str:
    return f"refs/merge-requests/{request.iid}/head"


def branch_pipeline(
    at: Instance, *, project: Project, branch: str, sha: str, before: str, user: User
) -> Pipeline | None:
    """For a push to a branch; None where the commit carries no CI configuration."""
    if not at.repo(project).has_file(sha, CONFIG):
        return None
    return _create(at, project=project, sha=sha, ref=branch, source="push", before=before, user=user)


def merge_request_pipeline(at: Instance, *, request: MergeRequest, user: User) -> Pipeline | None:
    """For the head of a merge request; None where it carries no CI configuration."""
    project = at.project_of(request)
    if not at.repo(project).has_file(request.head_sha, CONFIG):
        return None
    return _create(
        at,
        project=project,
        sha=request.head_sha,
        ref=merge_request_ref(request),
        source="merge_request_event",
        before=NOTHING,
        user=user,
        merge_request=request.id,
    )


def api_pipeline(at: Instance, *, project: Project, branch: str, sha: str, user: User) -> Pipeline | None:
    """That somebody asked for; None where the commit carries no CI configuration."""
    if not at.repo(project).has_file(sha, CONFIG):
        return None
    return _create(at, project=project, sha=sha, ref=branch, source="api", before=NOTHING, user=user)


def external_pipeline(at: Instance, *, project: Project, sha: str, ref: str, user: User) -> Pipeline:
    """For a commit status that finds no pipeline to join."""
    return _create(at, project=project, sha=sha, ref=ref, source="external", before=NOTHING, user=user)


def _create(  # noqa: PLR0913 - the parts of a pipeline
    at: Instance,
    *,
    project: Project,
    sha: str,
    ref: str,
    source: str,
    before: str,
    user: User,
    merge_request: int | None = None,
) -> Pipeline:
    return at.store.add(
        Pipeline(
            id=0,
            project=project.id,
            iid=at.store.next_iid(Pipeline, project.id),
            sha=sha,
            ref=ref,
            source=source,
            before_sha=before,
            runner_status=None if source == "external" else "created",
            user=user.id,
            merge_request=merge_request,
            created_at=now(),
            updated_at=now(),
        )
    )


def jobs_of(at: Instance, pipeline: Pipeline) -> list[Job]:
    """The latest job of each name, commit statuses among them."""
    latest = {job.name: job for job in at.store.all(Job, pipeline=pipeline.id)}
    return sorted(latest.values(), key=lambda job: job.id)


def status_of(at: Instance, pipeline: Pipeline) -> str:
    """The runner's word and the commit statuses as one state."""
    own = [pipeline.runner_status] if pipeline.runner_status else []
    external = [job for job in jobs_of(at, pipeline) if job.external]
    return composite(own + ["success" if j.allow_failure and j.status == "failed" else j.status for j in external])


def composite(states: list[str]) -> str:
    """GitLab's rule for the state of many (Gitlab::Ci::Status::Composite), in its order."""
    seen = set(states)
    only = (
        ("skipped",),
        ("success", "skipped"),
        ("created",),
        ("canceled", "success", "skipped"),
        ("pending", "created", "skipped"),
    )
    for allowed in only:
        if seen <= set(allowed):
            return allowed[0]
    if seen & {"running", "pending"}:
        return "running"
    for state in ("manual", "scheduled"):
        if state in seen:
            return state
    return "running" if "created" in seen else "failed"


def pipelines_of(at: Instance, request: MergeRequest) -> list[Pipeline]:
    """The merge request's own pipelines, newest first, then those of its branch (as GitLab's finder sorts them)."""
    own = at.store.all(Pipeline, newest=True, merge_request=request.id)
    branch = at.store.all(Pipeline, newest=True, project=request.project, ref=request.source_branch)
    return own + branch


def head_pipeline(at: Instance, request: MergeRequest) -> Pipeline | None:
    """The one that counts for "Pipelines must succeed"."""
    return next((p for p in pipelines_of(at, request) if p.sha == request.head_sha), None)
