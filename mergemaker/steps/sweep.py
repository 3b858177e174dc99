"""Every few minutes: what no event tells of. GitLab tells nobody that a merge request was closed, unless a webhook is
set up, and a function may have died before it stopped what it had to.

Its next round makes good what GitLab or AWS kept it from.
"""

import logging
from functools import cache, partial

from mergemaker.domain.errors import RetryableError
from mergemaker.domain.names import model_of
from mergemaker.ports import World
from mergemaker.steps.publish import each
from mergemaker.steps.unwanted import Closed, stop_if_unwanted, was_closed

log = logging.getLogger("mergemaker")


def sweep(world: World) -> list[str]:
    """Stops the jobs that nobody wants any more. Their names.

    Raises what is refused for good, after a look at all; what passes ends this round, and no message comes again.
    """
    stopped: list[str] = []
    closed = cache(partial(was_closed, merge_requests=world.merge_requests))
    try:
        each(partial(_look, name, closed, stopped, world) for name in world.jobs.going_on())
    except RetryableError as error:
        log.warning("left to the next round", extra={"reason": str(error)})
    return stopped


def _look(name: str, closed: Closed, stopped: list[str], world: World) -> None:
    """Only at what has a record: the account's other jobs have none, and neither has what nobody is told of."""
    model = model_of(name)
    run = world.runs.get(model, name) if model else None
    if run and stop_if_unwanted(run, world, closed=closed).unwanted:
        stopped.append(name)
