"""Every few minutes: what no event tells of. GitLab tells nobody, unless a webhook is set up, that a merge request was
closed or that a push submits a model no more. And a function may have died before it stopped what it had to."""

from datetime import datetime
from functools import partial

from mergemaker.domain.names import model_of
from mergemaker.ports import World
from mergemaker.steps.publish import each
from mergemaker.steps.unwanted import Left, ask, stop_if_unwanted


def sweep(world: World, *, now: datetime) -> list[str]:
    """Stops the jobs that nobody wants any more. Their names."""
    stopped: list[str] = []
    left = ask(world.merge_requests, now)
    each(partial(_look, name, left, stopped, world) for name in world.jobs.going_on())
    return stopped


def _look(name: str, left: Left, stopped: list[str], world: World) -> None:
    """Only at what has a record: the account's other jobs have none, and neither has what nobody is told of."""
    model = model_of(name)
    run = world.runs.get(model, name) if model else None
    if run and stop_if_unwanted(run, world, left=left).unwanted:
        stopped.append(name)
