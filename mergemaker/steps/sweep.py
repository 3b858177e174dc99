"""Every few minutes: what no event tells of. GitLab tells nobody that a merge request was closed, unless a webhook is
set up, and a function may have died before it stopped what it had to."""

from functools import partial

from mergemaker.domain.names import model_of
from mergemaker.ports import World
from mergemaker.steps.publish import each
from mergemaker.steps.unwanted import Closed, ask, stop_if_unwanted


def sweep(world: World) -> list[str]:
    """Stops the jobs that nobody wants any more. Their names."""
    stopped: list[str] = []
    closed = ask(world.merge_requests)
    each(partial(_look, name, closed, stopped, world) for name in world.jobs.going_on())
    return stopped


def _look(name: str, closed: Closed, stopped: list[str], world: World) -> None:
    """Only at what has a record: the account's other jobs have none, and neither has what nobody is told of."""
    model = model_of(name)
    run = world.runs.get(model, name) if model else None
    if run and stop_if_unwanted(run, world, closed=closed).unwanted:
        stopped.append(name)
