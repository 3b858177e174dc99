"""From a batch of SQS messages to one call an event, and back to what SQS must deliver again."""

import json
import logging
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypedDict

from mergemaker.adapters.messages import postpone
from mergemaker.bootstrap import Aws, world
from mergemaker.domain.errors import MergemakerError, RefusedError
from mergemaker.domain.events import Event, parse_event
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
        _log_as_json()
        self.settings: Settings = read_environment(os.environ)
        self.aws = Aws(self.settings.names, self.settings.network)
        self.world: World = world(self.settings, self.aws)


def now() -> datetime:
    return datetime.now(UTC)


def each(batch: dict[str, Any], it: Function, handle: Callable[[Event], object]) -> Answer:
    """Calls `handle` for each message's event. One that fails does not take its batch mates with it.

    An event that is none of our business is done with; what can't be read, or fails, comes again until SQS moves it to
    the dead-letter queue.
    """
    failures: list[Failure] = []
    for message in batch["Records"]:
        try:
            _handle_one(message["body"], it.settings, handle)
        except MergemakerError as error:
            log.error("failed", extra={"said": {"reason": str(error), "retryable": error.retryable}})  # noqa: TRY400
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
        log.warning("not ours", extra={"said": {"reason": str(error)}})
        return
    log.info("event", extra={"said": {"event": repr(event)}})
    result = handle(event)
    log.info("done", extra={"said": {"event": repr(event), "result": str(result)[:500]}})


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        said = {"level": record.levelname, "logger": record.name, "message": record.getMessage()}
        said |= getattr(record, "said", {})
        if record.exc_info:
            said["traceback"] = self.formatException(record.exc_info)
        return json.dumps(said)


def _log_as_json() -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Json())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)  # libraries
    log.setLevel(logging.INFO)
