"""Joins the faces of the stand-in into one Flask app."""

import logging
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from flask import Flask, Response, jsonify, request

from local.gitlab import api
from local.gitlab.api.routing import Part, keep_encoded_slashes, refuse
from local.gitlab.git_http import git_blueprint
from local.gitlab.instance import Instance
from local.gitlab.pages import pages_blueprint
from local.gitlab.runner import runner_blueprint
from local.gitlab.store import Store

log = logging.getLogger(__name__)


def create_app(state: Path, token: str, base_url: str) -> Flask:
    """`state` is made if it is missing; `base_url` is what people and clients see."""
    for folder in (state, state / "repositories", state / "uploads"):
        folder.mkdir(parents=True, exist_ok=True)
    at = Instance(store=Store(state / "gitlab.db"), state=state, token=token, url=base_url.rstrip("/"))
    at.bot()
    app = Flask(__name__, static_folder=None)
    app.extensions["gitlab"] = at
    app.url_map.converters["part"] = Part
    # A slash too many is GitLab's 404, not a redirect.
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.register_blueprint(api.create(at))
    app.register_blueprint(runner_blueprint(at))
    app.register_blueprint(git_blueprint(at))
    app.register_blueprint(pages_blueprint(at))
    _common(app)
    return app


def _common(app: Flask) -> None:
    inner: Any = app.wsgi_app

    def raw_paths(environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        keep_encoded_slashes(environ)
        return inner(environ, start_response)

    app.wsgi_app = raw_paths  # type: ignore[method-assign] # Flask's documented way to put a layer around
    app.json.sort_keys = False  # type: ignore[attr-defined] # the default provider's switch

    @app.get("/-/health")
    def health() -> Response:
        return jsonify({"status": "ok"})

    @app.after_request
    def record(response: Response) -> Response:
        log.info("%s %s %s", request.method, request.full_path.rstrip("?"), response.status_code)
        return response

    @app.errorhandler(500)
    def broken(error: Exception) -> Response:
        log.error("%s %s failed: %s", request.method, request.path, error)
        return refuse(500, message="500 Internal Server Error")
