"""Pipelines and their jobs."""

from local.gitlab.api.answers import Answer, bad_request, created, not_found
from local.gitlab.api.paging import paged
from local.gitlab.api.present import Json, pipeline, pipeline_basic, user_basic
from local.gitlab.api.routing import Call, Routes
from local.gitlab.pipelines import api_pipeline, jobs_of, status_of
from local.gitlab.records import Job, Pipeline
from local.gitlab.store import Where

routes = Routes()
_LIST = "/projects/<part:id>/pipelines"


@routes("GET", _LIST)
def list_pipelines(call: Call) -> Answer:
    where: Where = {"project": call.project.id}
    for name in ("ref", "sha", "source"):
        if value := call.params.text(name):
            where[name] = value
    rows = call.at.store.all(Pipeline, newest=True, **where)
    if state := call.params.text("status"):
        rows = [one for one in rows if status_of(call.at, one) == state]
    if call.params.one_of("sort", ("asc", "desc"), "desc") == "asc":
        rows = rows[::-1]
    return paged(call, rows, lambda one: pipeline_basic(call.at, one))


@routes("POST", "/projects/<part:id>/pipeline")
def create_pipeline(call: Call) -> Answer:
    branch = call.params.need("ref")
    sha = call.at.repo(call.project).branch(branch)
    if sha is None:
        raise bad_request({"base": ["Reference not found"]})
    made = api_pipeline(call.at, project=call.project, branch=branch, sha=sha, user=call.user)
    if made is None:
        raise bad_request({"base": ["Missing CI config file"]})
    return created(pipeline(call.at, made))


@routes("GET", f"{_LIST}/<int:number>")
def get_pipeline(call: Call, number: int) -> Json:
    return pipeline(call.at, _find(call, number))


@routes("GET", f"{_LIST}/<int:number>/jobs")
def list_jobs(call: Call, number: int) -> Answer:
    """Jobs only: GitLab lists no commit statuses here."""
    found = _find(call, number)
    rows = [job for job in reversed(jobs_of(call.at, found)) if not job.external]
    return paged(call, rows, lambda job: _job(call, job, found))


@routes("GET", "/projects/<part:id>/jobs/<int:number>/trace")
def trace(call: Call, number: int) -> str:
    job = call.at.store.first(Job, id=number, project=call.project.id, external=False)
    if job is None:
        raise not_found("Job")
    return job.log


def _find(call: Call, number: int) -> Pipeline:
    found = call.at.store.first(Pipeline, id=number, project=call.project.id)
    if found is None:
        raise not_found("Pipeline")
    return found


def _job(call: Call, job: Job, of: Pipeline) -> Json:
    return {
        "id": job.id,
        "status": job.status,
        "stage": job.stage,
        "name": job.name,
        "ref": job.ref,
        "tag": False,
        "coverage": job.coverage,
        "allow_failure": job.allow_failure,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "erased_at": None,
        "duration": None,
        "queued_duration": None,
        "user": user_basic(call.at, job.user),
        "pipeline": pipeline_basic(call.at, of),
        "failure_reason": "script_failure" if job.status == "failed" else None,
        "web_url": f"{call.at.project_url(call.project)}/-/pipelines/{of.id}#job-{job.id}",
        "artifacts": [],
        "tag_list": [],
    }
