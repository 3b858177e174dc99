"""A training job's status has changed, or somebody asked for a run that is there: see `mergemaker.steps.report`.

Once a day it also looks at the token that it reports with: see `mergemaker.steps.token_check`.
"""

from functools import cache
from typing import Any

from lambdas.queue import Answer, Function, each, now
from mergemaker.domain.errors import RefusedError
from mergemaker.domain.events import DayPassed, Event, JobChanged, Submitted
from mergemaker.steps.report import report, submitted
from mergemaker.steps.token_check import check_token

function = cache(Function)


def handler(batch: dict[str, Any], _context: object) -> Answer:
    it = function()

    def handle(event: Event) -> object:
        match event:
            case JobChanged(job):
                return report(job, it.world)
            case Submitted(key):
                return submitted(key, it.world, now)
            case DayPassed():
                return check_token(it.world, today=now().date())
        raise RefusedError(f"not for this function: {event}")

    return each(batch, it, handle)
