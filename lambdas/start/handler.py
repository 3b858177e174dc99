"""An image build has ended: see `mergemaker.steps.image`."""

from functools import cache
from typing import Any

from lambdas.queue import Answer, Function, each, now
from mergemaker.domain.errors import RefusedError
from mergemaker.domain.events import BuildEnded, Event
from mergemaker.steps.image import build_ended

function = cache(Function)


def handler(batch: dict[str, Any], _context: object) -> Answer:
    it = function()

    def handle(event: Event) -> object:
        if not isinstance(event, BuildEnded):
            raise RefusedError(f"not for this function: {event}")
        return build_ended(event.tag, event.build, images=it.aws.images, world=it.world, clock=now)

    return each(batch, it, handle)
