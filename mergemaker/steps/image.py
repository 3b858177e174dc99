"""What the end of an image build means: the runs that waited for it start, or hear why they can't."""

from datetime import datetime

from mergemaker.domain.errors import RetryableError
from mergemaker.domain.job import JobRequest, from_json
from mergemaker.domain.names import waiting_prefix
from mergemaker.domain.run import Run, Status
from mergemaker.ports import Clock, Files, Images
from mergemaker.steps.report import World, publish


def build_ended(tag: str, build: str, *, images: Images, world: World, clock: Clock) -> list[str]:
    """Names of the runs that waited for the image `tag` and don't any more."""
    waiting = _waiting(tag, world.files)
    if not waiting:
        return []
    image = images.find(tag)
    failure = None if image else images.failure(build)
    if image is None and failure is None:
        raise RetryableError(f"image {tag} was built, but is not in the registry yet")
    for key, request in waiting.items():
        if image is not None:
            world.jobs.start(request, image=image)
        else:
            _report_failure(request, f"the image could not be built: {failure}", world, clock())
        world.files.delete(key)
    return [request.name for request in waiting.values()]


def _waiting(tag: str, files: Files) -> dict[str, JobRequest]:
    found = {}
    for stored in files.list(waiting_prefix(tag)):
        content = files.read(stored.key, longest=1_000_000)
        if content is not None:
            found[stored.key] = from_json(content[0].decode(errors="replace"))
    return found


def _report_failure(request: JobRequest, reason: str, world: World, now: datetime) -> None:
    """A failed run that SageMaker never knew; the next submit tries again under the same name."""
    run = Run(
        job=request.name,
        lineage=request.lineage,
        status=Status.FAILED,
        phase="",
        reason=reason,
        created=now,
        ended=now,
        billed_seconds=None,
        instance="",
        image="",
        artifact="",
        hyperparameters={k: v for k, v in request.hyperparameters.items() if not k.startswith("sagemaker_")},
        metrics={},
    )
    publish(world.runs.change(run.model, run.job, lambda before: before if before and before.image else run), world)
