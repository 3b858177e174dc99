"""The Flask app: SageMaker's two routes, and errors as JSON."""

import logging
import time
from http import HTTPStatus
from pathlib import Path

from flask import Flask, Response, g, request
from werkzeug import Response as AnyResponse
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from serving.encode import json_bytes
from serving.errors import NotLoaded, ServingError, one_line
from serving.media import JSON
from serving.model import Model, load_model

BODY_LIMIT = 6 * 1024 * 1024
"""Bytes of a request: SageMaker's own limit for real-time endpoints."""

_log = logging.getLogger("serving")


def create_app(model_dir: Path) -> Flask:
    """An app that serves the model in `model_dir`; where that cannot be loaded, /ping says why."""
    app = Flask("serving", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT + 1
    model = _load(model_dir)

    @app.get("/ping")
    def ping() -> AnyResponse:
        _loaded(model)
        return _json({"status": "ok"}, HTTPStatus.OK)

    @app.post("/invocations")
    def invocations() -> AnyResponse:
        return _loaded(model).answer(
            _body(),
            # AWS's containers take a request without a type as JSON
            content_type=request.headers.get("Content-Type") or JSON,
            accept=request.headers.get("Accept", ""),
        )

    app.register_error_handler(ServingError, _serving_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unforeseen)
    app.before_request(_start_clock)
    app.after_request(_log_request)
    return app


def _body() -> bytes:
    """Raises RequestEntityTooLarge. Flask refuses a stated length over its limit, but cuts a body that states none: one
    byte more than we take is let through to tell."""
    body = request.get_data(cache=False)
    if len(body) > BODY_LIMIT:
        raise RequestEntityTooLarge
    return body


def _load(model_dir: Path) -> Model | NotLoaded:
    start = time.perf_counter()
    try:
        model = load_model(model_dir)
    except (Exception, SystemExit) as error:
        _log.exception("the model could not be loaded", extra={"fields": {"model_dir": str(model_dir)}})
        return NotLoaded(f"the model could not be loaded: {one_line(error)}", "a model: see the log for the traceback")
    _log.info("model loaded", extra={"fields": {"seconds": round(time.perf_counter() - start, 3)}})
    return model


def _loaded(model: Model | NotLoaded) -> Model:
    if isinstance(model, NotLoaded):
        raise NotLoaded(model.error, model.expected)
    return model


def _serving_error(error: ServingError) -> AnyResponse:
    if error.__cause__:
        _log.error(error.error, exc_info=error.__cause__)
    return _json({"error": error.error, "expected": error.expected}, error.status)


def _http_error(error: HTTPException) -> AnyResponse:
    status = HTTPStatus(error.code or 500)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        reason, expected = "the body is too large", f"at most {BODY_LIMIT} bytes"
    else:
        reason, expected = status.phrase.lower(), "GET /ping or POST /invocations"
    response = _json({"error": reason, "expected": expected}, status)
    response.headers.extend((name, value) for name, value in error.get_headers() if name == "Allow")
    return response


def _unforeseen(error: Exception) -> AnyResponse:
    _log.error("a request failed in serving itself", exc_info=error)
    return _json({"error": "the server failed", "expected": "an answer: see the log for the traceback"}, 500)


def _json(content: object, status: int) -> AnyResponse:
    return Response(json_bytes(content), status, content_type=JSON)


def _start_clock() -> None:
    g.start = time.perf_counter()


def _log_request(response: AnyResponse) -> AnyResponse:
    # SageMaker pings every few seconds for the endpoint's whole life: only a ping that fails is news
    if request.path != "/ping" or response.status_code != HTTPStatus.OK:
        fields = {
            "method": request.method,
            "path": request.path[:200],
            "status": response.status_code,
            "latency_ms": round((time.perf_counter() - g.start) * 1000, 3),
            "content_type": request.headers.get("Content-Type", "")[:100],
            "bytes_in": request.content_length,
            "bytes_out": response.content_length,
        }
        _log.info("request", extra={"fields": fields})
    return response
