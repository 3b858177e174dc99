"""New data trains the models that ask for it (``data.retrain`` in model.toml), by one pipeline for all that came.

An upload is an event for each of its files. Of these it is only kept when the last one came; a look every few minutes
finds the inputs that have been quiet since, and has GitLab make a pipeline of the default branch. That one submits all
models that ask for it, and finds again what trained on this very data: so one too many costs a minute of CI.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from mergemaker.domain.errors import RefusedError
from mergemaker.domain.triggers import retrains_on_change
from mergemaker.ports import HEARS_SECONDS, World
from mergemaker.steps.issue import open_once

QUIET = timedelta(minutes=2)
PATIENCE = timedelta(minutes=30)
"""How long one input that is complete waits for another to be: a pipeline submits both."""
MOST = 30
"""Models that one look asks GitLab about, in a row: those that wait longest. The next look takes the others."""
_HEARS = timedelta(seconds=HEARS_SECONDS)


def retrain(world: World, *, now: datetime) -> list[str]:
    """The models whose new data a pipeline takes in, if one is made. One at a time: SQS delivers twice.

    One that asks is enough to know: the pipeline submits all that do.
    """
    if not _quiet(world.inputs.heard(), now):
        return []
    with world.runs.note("#input", 0):  # no model's name begins with a hash
        heard = world.inputs.heard()
        quiet = _quiet(heard, now)
        looked_at = list(quiet)[:MOST]
        asking = _first_that_asks(looked_at, world)
        if asking and quiet[asking] + PATIENCE > now and _first_that_asks(list(heard.keys() - quiet.keys()), world):
            return []
        seen = list(quiet) if asking else looked_at
        if asking:
            _make_pipeline(max(quiet.values()), world)
        for model in seen:
            world.inputs.seen_to(model, quiet[model])
    return seen if asking else []


def _quiet(heard: Mapping[str, datetime], now: datetime) -> dict[str, datetime]:
    """Inputs that no file came to for a while, and when the last did, the oldest first. Not each word of one is kept at
    once."""
    quiet = sorted((at, model) for model, at in heard.items() if at + _HEARS + QUIET <= now)
    return {model: at for at, model in quiet}


def _first_that_asks(models: Sequence[str], world: World) -> str | None:
    """By what the default branch says now: that is no part of a run, so a run's own settings may be older."""
    return next((one for one in models[:MOST] if retrains_on_change(world.default_branch.settings(one))), None)


def _make_pipeline(last: datetime, world: World) -> None:
    """Unless there is one that began after the `last` word: its answer may have been lost, or somebody else was faster.

    A pipeline reads the input as it is then, whoever made it. What GitLab refuses would be refused each time.
    """
    if world.default_branch.has_pipeline_since(last + _HEARS):
        return
    try:
        world.default_branch.make_pipeline()
    except RefusedError as error:
        text = (
            f"There is new data, and `data.retrain` asks for a pipeline of the default branch. {error}\n\n"
            "This data is not tried again by itself. When the cause is mended, run a schedule of the default branch "
            "(Build > Pipeline schedules): it trains on what is there. Data that comes later is trained on by itself."
        )
        open_once("new-data", title="New data trains nothing: GitLab makes no pipeline", text=text, world=world)
