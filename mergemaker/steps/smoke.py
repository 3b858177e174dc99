"""What the end of a smoke run means: the runs that waited for it start, or hear why they can't."""

from mergemaker.domain import about
from mergemaker.domain.lineage import Lineage
from mergemaker.domain.run import Status, TrainingJob
from mergemaker.domain.smoke import is_smoke
from mergemaker.ports import Clock, World
from mergemaker.steps.report import fits
from mergemaker.steps.waiting import refuse_all, start_all, waiting_for


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
    waiting = waiting_for(lineage.model, name, world.files)
    if not waiting:
        return []
    if reason := _reason(job, lineage, world):
        return refuse_all(waiting, f"its smoke run failed ({name}): {reason}", world, clock)
    return start_all(waiting, image=job.work.image, world=world, clock=clock)


def _reason(job: TrainingJob, lineage: Lineage, world: World) -> str:
    """Why it did not pass; empty if it did. That it did what its tags say, `begin` asks."""
    if job.status is not Status.COMPLETED:
        return job.reason or job.status.value
    return "" if fits(lineage.image, job.work.image, world) else "it ran another image; submit again"
