"""What the end of an image build means: the runs that waited for it start, or hear why they can't."""

from mergemaker.domain.errors import RetryableError
from mergemaker.domain.names import image_model
from mergemaker.ports import Clock, Images, World
from mergemaker.steps.waiting import refuse_all, start_all, waiting_for


def build_ended(tag: str, build: str, *, world: World, clock: Clock) -> list[str]:
    """Names of the runs that waited for the image `tag` and don't any more."""
    waiting = waiting_for(image_model(tag), tag, world.files)
    if not waiting:
        return []
    if image := world.images.find(tag):
        return start_all(waiting, image=image, world=world, clock=clock)
    failure = _failure(tag, build, world.images)
    if failure is None:
        return []
    return refuse_all(waiting, f"the image could not be built: {failure}", world, clock)


def _failure(tag: str, build: str, images: Images) -> str | None:
    """Why there is no image; None if a later build of it is going on, whose end will tell."""
    if images.building(tag):
        return None
    failure = images.failure(build)
    if failure is None:
        raise RetryableError(f"image {tag} was built, but is not in the registry yet")
    return failure
