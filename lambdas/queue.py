"""From a batch of SQS messages to one call an event, and back to what SQS must deliver again."""

import logging
import os
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any, TypedDict

from lambdas import log as lines
from lambdas.counting import CountedRuns
from mergemaker.adapters.messages import postpone
from mergemaker.bootstrap import Aws, world
from mergemaker.domain import about
from mergemaker.domain.errors import MergemakerError, RefusedError
from mergemaker.domain.events import (
    Event,
    InputChanged,
    JobChanged,
    PreparationChanged,
    RunWaits,
    StacksDiffer,
    Submitted,
    parse_event,
)
from mergemaker.domain.settings import Settings
from mergemaker.ports import World
from mergemaker.variables import read_environment

log = logging.getLogger("mergemaker")


class Failure(TypedDict):
    """A message that SQS delivers again."""

    itemIdentifier: str


class Answer(TypedDict):
    """A partial batch response: what is not named here is done."""

    batchItemFailures: list[Failure]


class Function:
    """What a handler keeps between calls: settings and clients. Made at the first call, not at import."""

    def __init__(self) -> None:
        lines.set_up()
        self.settings: Settings = read_environment(os.environ)
        self.aws = _Aws(self.settings.names, self.settings.network)
        self.world: World = watched(world(self.settings, self.aws))


class _Aws(Aws):
    def token(self) -> str:
        return lines.hide(super().token())


def watched(world: World) -> World:
    """`world`, whose changes of runs are counted."""
    return replace(world, runs=CountedRuns(world.runs, world.names.project))


def now() -> datetime:
    return datetime.now(UTC)


def each(batch: dict[str, Any], it: Function, handle: Callable[[Event], object]) -> Answer:
    """Calls `handle` for each message's event. One that fails does not take its batch mates with it.

    An event that is none of our business is done with; what can't be read, or fails, comes again until SQS moves it to
    the dead-letter queue.
    """
    failures: list[Failure] = []
    for message in batch["Records"]:
        about.start()
        try:
            _handle_one(message["body"], it.settings, handle)
        except MergemakerError as error:
            log.error("failed", extra={"reason": str(error), "retryable": error.retryable})  # noqa: TRY400
            if error.retryable:
                postpone(message, it.aws.clients)
            failures.append({"itemIdentifier": message["messageId"]})
        except Exception:
            log.exception("failed")
            failures.append({"itemIdentifier": message["messageId"]})
    return {"batchItemFailures": failures}


def _handle_one(body: str, settings: Settings, handle: Callable[[Event], object]) -> None:
    try:
        event = parse_event(body, settings.names)
    except RefusedError as error:
        log.warning("not ours", extra={"reason": str(error)})
        return
    about.start(_known(event))
    log.info("event", extra={"event": repr(event)})
    result = handle(event)
    log.info("done", extra={"event": repr(event), "result": str(result)[:500]})


def _known(event: Event) -> about.Fields:
    """What an event itself says that it is about."""
    match event:
        case JobChanged(job):
            return {"run": job}
        case PreparationChanged(job):
            return {"preparation": job}
        case RunWaits(key):
            return {"run": key.rpartition("/")[2].removesuffix(".json")}
        case Submitted(key):
            return {"run": key.split("/")[-2]}
        case StacksDiffer(key):
            return {"merge_request": int(key.split("/")[-2])}
    return {"model": event.model} if isinstance(event, InputChanged) else asdict(event)
