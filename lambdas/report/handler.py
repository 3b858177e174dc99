"""A training job's status has changed, or somebody asked for a run that is there: see `mergemaker.steps.report`. Or a
pipeline says what its merge request would change of the stacks: see `mergemaker.steps.stack_diff`.

Once a day it also looks at the token that it reports with: see `mergemaker.steps.token_check`. And every few minutes it
stops what nobody wants any more, and has models retrained whose input has changed: see `mergemaker.steps.sweep` and
`mergemaker.steps.retrain`.
"""

from functools import cache
from typing import Any

from lambdas.queue import Answer, Function, each, now
from mergemaker.domain.errors import RefusedError
from mergemaker.domain.events import DayPassed, Event, InputChanged, JobChanged, StacksDiffer, Submitted, SweepDue
from mergemaker.steps.report import report, submitted
from mergemaker.steps.retrain import retrain
from mergemaker.steps.stack_diff import show_stack_diff
from mergemaker.steps.sweep import sweep
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
            case StacksDiffer(key):
                gitlab = it.settings.gitlab
                return show_stack_diff(key, it.world, pipelines=f"{gitlab.url}/{gitlab.project}/-/pipelines")
            case DayPassed():
                return check_token(it.world, today=now().date())
            case InputChanged(model, at):
                it.world.inputs.hear(model, at=at, now=now())
                return None
            case SweepDue():
                try:
                    stopped = sweep(it.world, now=now())
                finally:
                    retrained = retrain(it.world, now=now())
                return [*stopped, *retrained]
        raise RefusedError(f"not for this function: {event}")

    return each(batch, it, handle)
