"""Starts a run whose image is there: its job, or first the one that prepares its data, or its smoke run."""

from dataclasses import replace
from enum import StrEnum

from mergemaker.domain import proof
from mergemaker.domain.errors import RefusedError
from mergemaker.domain.job import JobRequest, to_json
from mergemaker.domain.model import Smoke
from mergemaker.domain.names import Names, job_name, preparation_name, prepared_key, waiting_key
from mergemaker.domain.preparation import Preparation, PreparationJob, contradictions
from mergemaker.domain.run import Status, TrainingJob
from mergemaker.domain.smoke import smoke_run
from mergemaker.ports import Files, Jobs, Preparations
from mergemaker.steps.attempts import MOST
from mergemaker.steps.part import keep_part


class How(StrEnum):
    """What became of a run that was asked for."""

    STARTED = "started"
    WAITS_FOR_IMAGE = "waits for its image"
    WAITS_FOR_DATA = "waits for its data"
    WAITS_FOR_SMOKE = "waits for its smoke run"
    FOUND = "found"


WAITS = (How.WAITS_FOR_IMAGE, How.WAITS_FOR_DATA, How.WAITS_FOR_SMOKE)


def begin(
    request: JobRequest, *, image: str, names: Names, files: Files, jobs: Jobs, preparations: Preparations
) -> tuple[How, JobRequest]:
    """Starts what can start by now, once: somebody who starts the same at the same moment is no fault. With the
    request as it was left to wait, if it was.

    What ended before the run was left to wait for it tells of itself once more: the bucket's event does that.
    """
    wanted = request.preparation
    if wanted and not files.etag(prepared_key(request.lineage.model, request.lineage.data)):
        wanted = replace(wanted, name=_preparing(wanted.preparation, names=names, preparations=preparations))
        preparations.start(wanted, image=image)
        return How.WAITS_FOR_DATA, _left(replace(request, preparation=wanted), wanted.name, files)
    if request.smoke and (job := _smoking(request, request.smoke, image=image, names=names, files=files, jobs=jobs)):
        return How.WAITS_FOR_SMOKE, _left(replace(request, smoke_job=job), job, files)
    return (How.STARTED if jobs.start(request, image=image) else How.FOUND), request


def _left(request: JobRequest, awaited: str, files: Files) -> JobRequest:
    """`request`, which now waits."""
    key = waiting_key(request.lineage.model, awaited, request.name)
    files.write(key, to_json(request).encode(), replacing=None)
    return request


def _smoking(request: JobRequest, smoke: Smoke, *, image: str, names: Names, files: Files, jobs: Jobs) -> str:
    """The name of the job that is the run's smoke run, which it starts if need be; empty once that has passed. The next
    one where those before failed, or did something else."""
    data = keep_part(request, smoke.fraction, files=files)
    first = smoke_run(request, smoke, image=image, data=data, names=names)
    for attempt in range(1, MOST + 1):
        wanted = replace(first, name=job_name(first.lineage.model, first.lineage.run_key, attempt))
        job = jobs.find(wanted.name)
        if job is None:
            jobs.start(wanted, image=image)
            return wanted.name
        if _is(job, wanted, image=image, names=names):
            return "" if job.status is Status.COMPLETED else wanted.name
    raise RefusedError(f"{MOST} smoke runs of these very files did not pass: only a change makes another attempt")


def _is(job: TrainingJob, wanted: JobRequest, *, image: str, names: Names) -> bool:
    if job.status in (Status.FAILED, Status.STOPPING, Status.STOPPED):
        return False
    lineage = job.lineage
    if lineage is None or lineage.run_key != wanted.lineage.run_key or job.work.image != image:
        return False
    return not proof.contradictions(job, lineage, metric_regexes=wanted.metric_regexes, names=names)


def _preparing(preparation: Preparation, *, names: Names, preparations: Preparations) -> str:
    """The name of the job that prepares, or will: the next one where those before failed, or did something else."""
    for attempt in range(1, MOST + 1):
        name = preparation_name(preparation.model, preparation.key, attempt)
        job = preparations.find(name)
        if job is None or _does(job, preparation, names):
            return name
    raise RefusedError(f"{MOST} times this very data could not be prepared: only a change makes another attempt")


def _does(job: PreparationJob, preparation: Preparation, names: Names) -> bool:
    if job.status in (Status.FAILED, Status.STOPPED) or job.preparation != preparation:
        return False
    return not contradictions(job, preparation, names=names)
