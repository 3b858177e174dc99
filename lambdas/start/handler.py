"""What a run waits for may be there: its image (`mergemaker.steps.image`), its data (`mergemaker.steps.prepare`) or its
smoke run (`mergemaker.steps.smoke`)."""

from functools import cache
from typing import Any

from lambdas.queue import Answer, Function, each, now
from mergemaker.domain.errors import RefusedError
from mergemaker.domain.events import BuildEnded, Event, JobChanged, PreparationChanged, RunWaits
from mergemaker.steps.image import build_ended
from mergemaker.steps.prepare import preparation_ended, run_waits
from mergemaker.steps.smoke import smoke_ended

function = cache(Function)


def handler(batch: dict[str, Any], _context: object) -> Answer:
    it = function()

    def handle(event: Event) -> object:
        match event:
            case BuildEnded(tag, build):
                return build_ended(tag, build, world=it.world, clock=now)
            case PreparationChanged(job):
                return preparation_ended(job, it.world, now)
            case JobChanged(job):
                return smoke_ended(job, it.world, now)
            case RunWaits(key):
                return run_waits(key, it.world, now)
        raise RefusedError(f"not for this function: {event}")

    return each(batch, it, handle)
