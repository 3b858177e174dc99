"""Runs that wait, for their image, their data or their smoke run: how they are found, started, or told why they can't
start."""

from collections.abc import Callable, Mapping
from functools import partial

from mergemaker.domain import about
from mergemaker.domain.errors import RefusedError, RetryableError, ServiceError
from mergemaker.domain.job import JobRequest
from mergemaker.domain.names import waiting_prefix
from mergemaker.domain.run import Run, Status
from mergemaker.domain.smoke import is_smoke
from mergemaker.ports import Clock, Files, World
from mergemaker.steps.begin import WAITS, How, begin
from mergemaker.steps.publish import each, publish
from mergemaker.steps.report import keep_unstarted, read_request
from mergemaker.steps.unwanted import Left, ask, stays_unstarted


def waiting_for(model: str, awaited: str, files: Files) -> dict[str, JobRequest]:
    """By key."""
    found = {}
    for stored in files.list(waiting_prefix(model, awaited)):
        request = read_request(stored.key, files)
        if request is not None:
            found[stored.key] = request
    return found


def start_all(waiting: Mapping[str, JobRequest], *, image: str, world: World, clock: Clock) -> list[str]:
    """Starts what waited, or leaves it to wait for the next thing. Names of all."""
    return settle(waiting, lambda request: start(request, image, world, clock), world, clock)


def refuse_all(waiting: Mapping[str, JobRequest], reason: str, world: World, clock: Clock) -> list[str]:
    """Tells what waited that it can't start. Names of all."""
    return settle(waiting, lambda _: reason, world, clock)


def settle(
    waiting: Mapping[str, JobRequest], act: Callable[[JobRequest], str | Run], world: World, clock: Clock
) -> list[str]:
    """`act` says why a run could not start, or gives the record of one that waits on; empty for one that started. What
    nobody wants any more is left. Names of all."""
    told: list[tuple[str, Run]] = []
    left = ask(world.merge_requests, clock())
    for key, request in waiting.items():
        about.turn_to(request.name, request.lineage.model, request.lineage.origin.merge_request)
        outcome = _given_up(request, left, world) or act(request)
        if isinstance(outcome, str) and outcome:
            outcome = keep_unstarted(request, Status.FAILED, reason=outcome, world=world, clock=clock)
        if isinstance(outcome, Run):
            told.append((key, outcome))
        if not outcome or outcome.status is Status.WAITING:
            # It started, or waits elsewhere by now. Were the key to stay because GitLab is away, a later submit could
            # not leave the run here again, and no event would tell of it.
            world.files.delete(key)
    # Told last: a job does not wait for GitLab.
    each(partial(_tell, key, run, world) for key, run in told)
    return [request.name for request in waiting.values()]


def _given_up(request: JobRequest, left: Left, world: World) -> Run | None:
    """The record of a run that nobody wants any more."""
    run = world.runs.get(request.lineage.model, request.name)
    return stays_unstarted(run, world, left) if run else None


def _tell(key: str, run: Run, world: World) -> None:
    publish(run, world)
    world.files.delete(key)


def start(request: JobRequest, image: str, world: World, clock: Clock) -> str | Run:
    """As `settle` wants it. Why SageMaker does not take a job, such as a quota, in words."""
    try:
        how, request = begin(
            request, image=image, names=world.names, files=world.files, jobs=world.jobs, preparations=world.preparations
        )
    except RetryableError:
        raise
    except (RefusedError, ServiceError) as error:
        return f"the job could not be started: {error}"
    if how in WAITS:
        return keep_unstarted(request, Status.WAITING, world=world, clock=clock)
    if how is How.FOUND and _taken(request, world):
        return f"somebody has started a job {request.name} that is another; submit again"
    return ""


def _taken(request: JobRequest, world: World) -> bool:
    """Whether the job of the run's name is none that is reported as this run, be it as a false one: then nobody would
    hear of this one any more."""
    job, wanted = world.jobs.find(request.name), request.lineage
    if job is None:
        return False
    said = job.lineage
    ours = said and (said.project, said.model, said.run_key) == (wanted.project, wanted.model, wanted.run_key)
    return not ours or is_smoke(job.work)
