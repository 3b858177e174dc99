"""``mergemaker image build``: a model's image, before anybody trains on it."""

from enum import StrEnum

from mergemaker.domain.names import image_context_key, is_address
from mergemaker.ports import Files, Images
from mergemaker.steps.submit import Folder


class Built(StrEnum):
    """What became of it."""

    THERE = "is there already"
    STARTED = "is being built"
    NOT_OURS = "is somebody else's: there is nothing to build"


def build(folder: Folder, *, files: Files, images: Images) -> Built:
    """Starts the build as `submit` does. No run waits for it; one that is submitted meanwhile joins it."""
    tag = folder.image_tag
    if is_address(tag):
        return Built.NOT_OURS
    if images.find(tag):
        return Built.THERE
    context = image_context_key(folder.spec.name, tag)
    files.write(context, folder.image_context(), replacing=None)
    images.build(tag, context=context)
    return Built.STARTED
