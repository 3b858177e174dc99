"""Starts a run whose image is there: its job, or first the one that prepares its data; or leaves it to wait for its
smoke run."""

from dataclasses import replace
from enum import StrEnum

from mergemaker.domain.errors import RefusedError
from mergemaker.domain.job import JobRequest, to_json
from mergemaker.domain.names import SMOKE, Names, preparation_name, prepared_key, waiting_key
from mergemaker.domain.preparation import Preparation, PreparationJob, contradictions
from mergemaker.domain.run import Status
from mergemaker.ports import Files, Jobs, Preparations
from mergemaker.steps.attempts import MOST


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

    A preparation that ended before the run was left here tells of itself once more: the bucket's event does that, and
    it has the smoke run looked for.
    """
    wanted = request.preparation
    if wanted and not files.etag(prepared_key(request.lineage.model, request.lineage.data)):
        name = _preparing(wanted.preparation, image=image, names=names, preparations=preparations)
        wanted = replace(wanted, name=name)
        preparations.start(wanted, image=image)
        return How.WAITS_FOR_DATA, leave(replace(request, preparation=wanted), wanted.name, files)
    if request.smoke:
        return How.WAITS_FOR_SMOKE, leave(request, SMOKE, files)
    return (How.STARTED if jobs.start(request, image=image) else How.FOUND), request


def leave(request: JobRequest, awaited: str, files: Files) -> JobRequest:
    """Where the end of what it waits for finds it. `request`, which now waits."""
    key = waiting_key(request.lineage.model, awaited, request.name)
    files.write(key, to_json(request).encode(), replacing=None)
    return request


def _preparing(preparation: Preparation, *, image: str, names: Names, preparations: Preparations) -> str:
    """The name of the job that prepares, or will: the next one where those before failed, or did something else."""
    for attempt in range(1, MOST + 1):
        name = preparation_name(preparation.model, preparation.key, attempt)
        job = preparations.find(name)
        if job is None or _does(job, preparation, image, names):
            return name
    raise RefusedError(f"{MOST} times this very data could not be prepared: only a change makes another attempt")


def _does(job: PreparationJob, preparation: Preparation, image: str, names: Names) -> bool:
    if job.status in (Status.FAILED, Status.STOPPED) or job.preparation != preparation or job.work.image != image:
        return False
    return not contradictions(job, preparation, names=names)
