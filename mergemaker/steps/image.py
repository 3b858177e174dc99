"""What the end of an image build means: the runs that waited for it start, or hear why they can't."""

from functools import partial

from mergemaker.domain import about
from mergemaker.domain.errors import RetryableError, ServiceError
from mergemaker.domain.job import JobRequest
from mergemaker.domain.names import waiting_prefix
from mergemaker.domain.run import Run, Status
from mergemaker.ports import Clock, Files, Images, World
from mergemaker.steps.publish import each, publish
from mergemaker.steps.report import keep_unstarted, read_request


def build_ended(tag: str, build: str, *, images: Images, world: World, clock: Clock) -> list[str]:
    """Names of the runs that waited for the image `tag` and don't any more."""
    waiting = _waiting(tag, world.files)
    if not waiting:
        return []
    image = images.find(tag)
    failure = "" if image else _failure(tag, build, images)
    if failure is None:
        return []
    unstarted: list[tuple[str, Run]] = []
    for key, request in waiting.items():
        about.turn_to(request.name, request.lineage.model, request.lineage.origin.merge_request)
        reason = f"the image could not be built: {failure}" if image is None else _start(request, image, world)
        if reason:
            unstarted.append((key, keep_unstarted(request, Status.FAILED, reason, world, clock)))
        else:
            world.files.delete(key)
    # Told last: a job does not wait for GitLab.
    each(partial(_tell, key, run, world) for key, run in unstarted)
    return [request.name for request in waiting.values()]


def _tell(key: str, run: Run, world: World) -> None:
    publish(run, world)
    world.files.delete(key)


def _failure(tag: str, build: str, images: Images) -> str | None:
    """Why there is no image; None if a later build of it is going on, whose end will tell."""
    if images.building(tag):
        return None
    failure = images.failure(build)
    if failure is None:
        raise RetryableError(f"image {tag} was built, but is not in the registry yet")
    return failure


def _start(request: JobRequest, image: str, world: World) -> str:
    """Why SageMaker does not take the job, such as a quota; empty if it does."""
    try:
        world.jobs.start(request, image=image)
    except RetryableError:
        raise
    except ServiceError as error:
        return f"the job could not be started: {error}"
    return ""


def _waiting(tag: str, files: Files) -> dict[str, JobRequest]:
    found = {}
    for stored in files.list(waiting_prefix(tag)):
        request = read_request(stored.key, files)
        if request is not None:
            found[stored.key] = request
    return found
