"""Smoke runs: how the one that a run has to wait for is found or started, and what its end means.

Its data is a part of the run's, made here and not by who submits: nothing in CI writes what jobs of others train on.
"""

from collections.abc import Mapping
from dataclasses import replace

from mergemaker.domain import about
from mergemaker.domain.errors import RefusedError, RetryableError, ServiceError
from mergemaker.domain.job import JobRequest
from mergemaker.domain.lineage import Lineage
from mergemaker.domain.model import Smoke
from mergemaker.domain.names import job_name
from mergemaker.domain.proof import contradictions
from mergemaker.domain.run import Run, Status, TrainingJob
from mergemaker.domain.smoke import is_smoke, smoke_run
from mergemaker.ports import Clock, World
from mergemaker.steps.attempts import MOST
from mergemaker.steps.begin import leave
from mergemaker.steps.part import keep_part
from mergemaker.steps.report import fits, keep_unstarted
from mergemaker.steps.waiting import refuse_all, settle, start, start_all, waiting_for


def find_smoke(key: str, request: JobRequest, world: World, clock: Clock) -> list[str]:
    """A run was left to wait at `key` for its smoke run: it starts if that has passed, and waits on for the job that is
    that otherwise. Its name."""
    smoke = request.smoke
    if smoke is None:
        return []
    image = request.image or world.images.find(request.lineage.image)
    if image is None:
        return refuse_all({key: request}, "its image is not there any more: submit again", world, clock)
    return settle({key: request}, lambda request: _wait_or_start(request, smoke, image, world, clock), world, clock)


def _wait_or_start(request: JobRequest, smoke: Smoke, image: str, world: World, clock: Clock) -> str | Run:
    try:
        job = _unpassed(request, smoke, image, world)
    except RetryableError:
        raise
    except (RefusedError, ServiceError) as error:
        return f"its smoke run could not be started: {error}"
    if not job:
        return start(_smoked(request), image, world, clock)
    return keep_unstarted(
        leave(replace(request, smoke_job=job), job, world.files), Status.WAITING, world=world, clock=clock
    )


def _unpassed(request: JobRequest, smoke: Smoke, image: str, world: World) -> str:
    """The name of the job that is the run's smoke run, which it starts if need be; empty if that has passed. The next
    one where those before failed, or did something else."""
    data = keep_part(request, smoke.fraction, files=world.files)
    first = smoke_run(request, smoke, image=image, data=data, names=world.names)
    for attempt in range(1, MOST + 1):
        wanted = replace(first, name=job_name(first.lineage.model, first.lineage.run_key, attempt))
        job = world.jobs.find(wanted.name)
        if job is None:
            world.jobs.start(wanted, image=image)
            return wanted.name
        if _does(job, wanted, image, world):
            return "" if job.status is Status.COMPLETED else wanted.name
    raise RefusedError(f"{MOST} of these very files did not pass: only a change makes another attempt")


def _does(job: TrainingJob, wanted: JobRequest, image: str, world: World) -> bool:
    lineage = job.lineage
    if lineage is None or lineage.run_key != wanted.lineage.run_key or job.work.image != image:
        return False
    if job.status in (Status.FAILED, Status.STOPPING, Status.STOPPED):
        return False
    return not contradictions(job, lineage, metric_regexes=wanted.metric_regexes, names=world.names)


def smoke_ended(name: str, world: World, clock: Clock) -> list[str]:
    """Names of the runs that waited for the training job `name` and don't any more; none for a job that goes on, is
    itself a run, or is not this project's."""
    job = world.jobs.find(name)
    lineage = job.lineage if job else None
    if job is None or lineage is None or lineage.project != world.names.project:
        return []
    if not is_smoke(job.work) or not job.status.final:
        return []
    about.turn_to(name, lineage.model, None)
    waiting = {key: _smoked(one) for key, one in waiting_for(lineage.model, name, world.files).items()}
    if reason := _reason(job, lineage, waiting, world):
        return refuse_all(waiting, f"its smoke run failed ({name}): {reason}", world, clock)
    return start_all(waiting, image=job.work.image, world=world, clock=clock)


def _smoked(request: JobRequest) -> JobRequest:
    """It keeps the job's name, for the note."""
    return replace(request, smoke=None)


def _reason(job: TrainingJob, lineage: Lineage, waiting: Mapping[str, JobRequest], world: World) -> str:
    """Why it did not pass; empty if it did."""
    if job.status is not Status.COMPLETED:
        return job.reason or job.status.value
    regexes = next((request.metric_regexes for request in waiting.values()), {})
    lies = contradictions(job, lineage, metric_regexes=regexes, names=world.names)
    if not fits(lineage.image, job.work.image, world):
        lies.append("image")
    return f"its tags do not match what it ran ({', '.join(lies)}); submit again" if lies else ""
