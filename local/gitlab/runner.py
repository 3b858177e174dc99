"""/-/runner: what the laptop's CI runner takes, and where it says what came of it. Not part of GitLab's API."""

import threading
from typing import Any

from flask import Blueprint, Response, jsonify, request

from local.gitlab.api.answers import ApiError, bad_parameter, not_found
from local.gitlab.api.params import Params
from local.gitlab.api.routing import authorized, refuse
from local.gitlab.id_tokens import Key, discovery, id_token, load_key, public_keys
from local.gitlab.instance import Instance
from local.gitlab.pipelines import FINISHED
from local.gitlab.predefined import pipeline_variables, project_variables, source_ref
from local.gitlab.records import Job, Pipeline, Project, now

STATES = ("created", "pending", "running", "success", "failed", "canceled", "skipped", "manual")


def runner_blueprint(at: Instance) -> Blueprint:
    runner = Blueprint("runner", __name__)
    key = _LazyKey(at)

    @runner.before_request
    def check_token() -> Response | None:
        public = request.endpoint in ("runner.configuration", "runner.keys")
        return None if public or authorized(at) else refuse(401, message="401 Unauthorized")

    @runner.errorhandler(ApiError)
    def tell(error: ApiError) -> Response:
        return refuse(error.status, **error.body)

    @runner.get("/-/runner/pipelines")
    def pipelines() -> Response:
        status = Params.of(request).one_of("status", STATES, "created")
        return jsonify([_job_input(at, one) for one in at.store.all(Pipeline, runner_status=status)])

    @runner.put("/-/runner/pipelines/<int:number>")
    def report(number: int) -> Response:
        with at.store.transaction():
            return jsonify(_report(at, _find(at, number), Params.of(request)))

    @runner.post("/-/runner/id_token")
    def token() -> Response:
        given = Params.of(request)
        number = given.integer("pipeline_id")
        if number is None:
            raise bad_parameter("pipeline_id is missing")
        made = id_token(at, pipeline=_find(at, number), audience=given.need("aud"), key=key.get())
        return jsonify({"id_token": made})

    @runner.get("/.well-known/openid-configuration")
    def configuration() -> Response:
        return jsonify(discovery(at.url))

    @runner.get("/oauth/discovery/keys")
    def keys() -> Response:
        return jsonify(public_keys(key.get()))

    return runner


class _LazyKey:
    """Made at first use: most starts need none, and making one takes a second."""

    def __init__(self, at: Instance) -> None:
        self._file = at.state / "id-token-key.json"
        self._lock = threading.Lock()
        self._key: Key | None = None

    def get(self) -> Key:
        with self._lock:
            self._key = self._key or load_key(self._file)
            return self._key


def _find(at: Instance, number: int) -> Pipeline:
    found = at.store.first(Pipeline, id=number)
    if found is None or found.runner_status is None:
        raise not_found("Pipeline")
    return found


def _job_input(at: Instance, pipeline: Pipeline) -> dict[str, Any]:
    project = at.store.get(Project, pipeline.project)
    return {
        "id": pipeline.id,
        "iid": pipeline.iid,
        "project_id": pipeline.project,
        "project": project.path,
        "repository_url": f"{at.project_url(project)}.git",
        "sha": pipeline.sha,
        "ref": pipeline.ref,
        "branch": source_ref(at, pipeline),
        "source": pipeline.source,
        "status": pipeline.runner_status,
        "variables": pipeline_variables(at, pipeline),
        "project_variables": [
            {
                "key": variable.key,
                "value": variable.value,
                "variable_type": variable.variable_type,
                "masked": variable.masked,
                "raw": variable.raw,
                "environment_scope": variable.environment_scope,
            }
            for variable in project_variables(at, pipeline)
        ],
    }


def _report(at: Instance, pipeline: Pipeline, given: Params) -> dict[str, Any]:
    """The runner sends all jobs each time, or none to say only the pipeline's state."""
    given.require("status")
    status = given.one_of("status", STATES) or "running"
    jobs = given.values.get("jobs") or []
    if not isinstance(jobs, list) or not all(isinstance(job, dict) for job in jobs):
        raise bad_parameter("jobs is invalid")
    for job in jobs:
        _keep_job(at, pipeline, Params(job))
    started = pipeline.started_at or (now() if status != "created" else None)
    finished = now() if status in FINISHED else None
    changed = at.store.change(
        pipeline, runner_status=status, started_at=started, finished_at=finished, updated_at=now()
    )
    return {"id": changed.id, "status": changed.runner_status, "jobs": [job.name for job in _jobs(at, changed)]}


def _jobs(at: Instance, pipeline: Pipeline) -> list[Job]:
    return at.store.all(Job, pipeline=pipeline.id, external=False)


def _keep_job(at: Instance, pipeline: Pipeline, given: Params) -> None:
    name = given.need("name")
    job = at.store.first(Job, newest=True, pipeline=pipeline.id, external=False, name=name) or at.store.add(
        Job(
            id=0,
            project=pipeline.project,
            pipeline=pipeline.id,
            external=False,
            name=name,
            stage=given.text("stage") or "test",
            status="created",
            ref=pipeline.ref,
            sha=pipeline.sha,
            description=None,
            target_url=None,
            coverage=None,
            allow_failure=given.flag("allow_failure"),
            user=pipeline.user,
            log="",
            created_at=now(),
        )
    )
    given.require("status")
    status = given.one_of("status", STATES) or "created"
    log = given.text("log")
    at.store.change(
        job,
        status=status,
        log=job.log if log is None else log,
        started_at=job.started_at or (now() if status not in ("created", "pending", "manual") else None),
        finished_at=job.finished_at or (now() if status in FINISHED else None),
    )
