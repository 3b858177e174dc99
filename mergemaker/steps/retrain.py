"""New data trains the models that ask for it (``data.retrain`` in model.toml), by one pipeline for all that came.

An upload is an event for each of its files. Of these it is only kept when the last one came; a look every few minutes
finds the inputs that have been quiet since, and has GitLab make a pipeline of the default branch. That one submits all
models that ask for it, and finds again what trained on this very data: so one too many costs a minute of CI.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from mergemaker.domain.errors import RefusedError
from mergemaker.domain.triggers import retrains_on_change
from mergemaker.ports import HEARS_SECONDS, World
from mergemaker.steps.issue import open_once

QUIET = timedelta(minutes=2)
PATIENCE = timedelta(minutes=30)
"""How long one input that is complete waits for another to be: a pipeline submits both."""
MOST = 50
"""Models that one look asks GitLab about: those that wait longest. The next look takes the others."""
_HEARS = timedelta(seconds=HEARS_SECONDS)


def retrain(world: World, *, now: datetime) -> list[str]:
    """The models that a pipeline is made for, if any. One at a time: SQS delivers twice."""
    if not _quiet(world.inputs.heard(), now):
        return []
    with world.runs.note("#input", 0):  # no model's name begins with a hash
        heard = world.inputs.heard()
        all_quiet = _quiet(heard, now)
        quiet = dict(list(all_quiet.items())[:MOST])
        wanted = [model for model in quiet if _asks(model, world)]
        waits = wanted and min(quiet.values()) + PATIENCE > now
        if waits and any(_asks(model, world) for model in list(heard.keys() - all_quiet.keys())[:MOST]):
            return []
        if wanted:
            _make_pipeline(max(quiet[model] for model in wanted), world)
        for model, at in quiet.items():
            world.inputs.seen_to(model, at)
    return wanted


def _quiet(heard: Mapping[str, datetime], now: datetime) -> dict[str, datetime]:
    """Inputs that no file came to for a while, and when the last did, the oldest first. Not each word of one is kept at
    once."""
    quiet = sorted((at, model) for model, at in heard.items() if at + _HEARS + QUIET <= now)
    return {model: at for at, model in quiet}


def _asks(model: str, world: World) -> bool:
    """By what the default branch says now: that is no part of a run, so a run's own settings may be older."""
    return retrains_on_change(world.default_branch.settings(model))


def _make_pipeline(last: datetime, world: World) -> None:
    """Unless there is one that began after the `last` word: its answer may have been lost, or somebody else was faster.

    A pipeline reads the input as it is then, whoever made it. What GitLab refuses would be refused each time.
    """
    if world.default_branch.has_pipeline_since(last + _HEARS):
        return
    try:
        world.default_branch.make_pipeline()
    except RefusedError as error:
        text = f"There is new data, and `data.retrain` asks for a pipeline of the default branch. {error}"
        open_once("new-data", title="New data trains nothing: GitLab makes no pipeline", text=text, world=world)
