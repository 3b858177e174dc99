"""The seam to MiniStack: with `iam_seam` the only module that touches its internals, for the version that is pinned.

MiniStack keeps its services in a dict, finds the service of a request in another, and lets only callers inside its
process send events as ``aws.*``. Import this module after `prepare`: MiniStack reads its settings at import.
"""

import asyncio
import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.aws.answer import Answer, Request

Handle = Callable[[Request], Answer]


def prepare(*, port: int, region: str, account: str, state: Path) -> None:
    """Sets MiniStack's settings: loopback only, one port, IAM enforced, and every file of its own below `state`."""
    temporary = state / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    os.environ.update(
        GATEWAY_PORT=str(port),
        BIND_HOST="127.0.0.1",
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        PERSIST_STATE="0",
        S3_PERSIST="0",
        MINISTACK_REGION=region,
        MINISTACK_ACCOUNT_ID=account,
        AUTH="true",
        STATE_DIR=str(state / "ministack"),
        S3_DATA_DIR=str(state / "s3"),
        TMPDIR=str(temporary),
    )


def add_service(name: str, target_prefix: str, handle: Handle) -> None:
    """Adds a service, or replaces MiniStack's. Requests come by target prefix, or by what their signature names."""
    from ministack import app
    from ministack.core import router

    patterns: dict[str, Any] = router.SERVICE_PATTERNS
    patterns.setdefault(name, {"target_prefixes": [target_prefix], "host_patterns": [rf"{name}\."]})
    app.SERVICE_HANDLERS[name] = _asgi(handle)


def request_region() -> str:
    from ministack.core.responses import get_region

    return str(get_region())


def request_account() -> str:
    from ministack.core.responses import get_account_id

    return str(get_account_id())


def ministack_codebuild(request: Request) -> Answer:
    """MiniStack's own CodeBuild: projects, and reading builds."""
    from ministack.services import codebuild

    status, headers, body = codebuild._handle_request_sync(
        request.method, request.path, request.headers, request.body, {}
    )
    return Answer(status, dict(headers), body if isinstance(body, bytes) else str(body).encode())


def new_build(project: str) -> dict[str, Any] | None:
    """A record that BatchGetBuilds shows from now on, for its maker to write to; None without such a project.

    Only while a request is handled: MiniStack keeps builds by the request's account and region.
    """
    from ministack.services import codebuild

    found = codebuild._projects.get(project)
    if found is None:
        return None
    record: dict[str, Any] = codebuild._make_build_record(found, codebuild._build_id(project))
    record["serviceRole"] = found.get("serviceRole", "")
    codebuild._builds[record["id"]] = record
    return record


class EventSender:
    """Puts events on the default bus, in order, from a thread of its own: no caller waits for targets."""

    def __init__(self, *, region: str, account: str) -> None:
        self._region, self._account = region, account
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._run, daemon=True, name="events").start()

    def send(self, source: str, detail_type: str, resources: list[str], detail: dict[str, Any]) -> None:
        import json

        entry = {"Source": source, "DetailType": detail_type, "Resources": resources, "Detail": json.dumps(detail)}
        self._events.put(entry)

    def _run(self) -> None:
        from ministack.core.responses import request_scope
        from ministack.services import eventbridge

        while True:
            entry = self._events.get()
            try:
                with request_scope(self._account, self._region):
                    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
            except Exception:
                _logger().exception("event not sent: %s", entry)


async def serve(port: int, stop: asyncio.Event) -> None:
    """Answers until `stop` is set."""
    from hypercorn.asyncio import serve as hypercorn_serve
    from hypercorn.config import Config
    from ministack import app

    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 0.5
    config.shutdown_timeout = 2
    config.loglevel = "WARNING"
    application: Any = app.app
    await hypercorn_serve(application, config, shutdown_trigger=stop.wait)


def _asgi(handle: Handle) -> Callable[..., Any]:
    async def handler(method: str, path: str, headers: dict[str, str], body: bytes, _query: object) -> Any:
        from ministack.core.concurrency import run_reentrant

        # A thread of its own for each call: handlers call back into this server.
        answer = await run_reentrant(handle, Request(method, path, headers, body), thread_name="local-aws")
        return answer.status, dict(answer.headers), answer.body

    return handler


def _logger() -> Any:
    import logging

    return logging.getLogger("local.aws")
