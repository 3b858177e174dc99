"""A training job's status has changed: see `mergemaker.steps.report`."""

from functools import cache
from typing import Any

from lambdas.queue import Answer, Function, each
from mergemaker.domain.errors import RefusedError
from mergemaker.domain.events import Event, JobChanged
from mergemaker.steps.report import report

function = cache(Function)


def handler(batch: dict[str, Any], _context: object) -> Answer:
    it = function()

    def handle(event: Event) -> object:
        if not isinstance(event, JobChanged):
            raise RefusedError(f"not for this function: {event}")
        return report(event.job, it.world)

    return each(batch, it.settings, handle)
