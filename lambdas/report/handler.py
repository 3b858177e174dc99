"""A training job's status has changed, or somebody asked for a run that is there: see `mergemaker.steps.report`."""

from functools import cache
from typing import Any

from lambdas.queue import Answer, Function, each, now
from mergemaker.domain.errors import RefusedError
from mergemaker.domain.events import Event, JobChanged, Submitted
from mergemaker.steps.report import report, submitted

function = cache(Function)


def handler(batch: dict[str, Any], _context: object) -> Answer:
    it = function()

    def handle(event: Event) -> object:
        match event:
            case JobChanged(job):
                return report(job, it.world)
            case Submitted(key):
                return submitted(key, it.world, now)
        raise RefusedError(f"not for this function: {event}")

    return each(batch, it, handle)
