"""From an HTTP request to a view and back: who asks, about which project, in one transaction."""

import logging
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from flask import Blueprint, Response, jsonify, request
from werkzeug.routing import BaseConverter

from local.gitlab.api.answers import Answer, ApiError, not_found
from local.gitlab.api.params import Params
from local.gitlab.instance import Instance
from local.gitlab.projects import find_project
from local.gitlab.records import Project, User
from local.gitlab.secrets_match import same
from local.gitlab.store import Where

PREFIX = "/api/v4"
_SLASH = "\x1f"
"""Stands for a slash that came in as %2F: such a slash does not part two segments."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Call:
    """One request, as a view sees it."""

    at: Instance
    user: User
    params: Params
    found: Project | None

    @property
    def project(self) -> Project:
        if self.found is None:
            raise not_found("Project")
        return self.found


View = Callable[..., Any]


class Routes:
    """The views of one topic."""

    def __init__(self) -> None:
        self.views: list[tuple[str, str, View]] = []

    def __call__(self, method: str, rule: str) -> Callable[[View], View]:
        def keep(view: View) -> View:
            self.views.append((method, rule, view))
            return view

        return keep


class Part(BaseConverter):
    """One segment of a path; may hold encoded slashes."""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        return value.replace(_SLASH, "/")


def keep_encoded_slashes(environ: dict[str, Any]) -> None:
    """Makes PATH_INFO of an API request anew from what was really sent; WSGI has decoded it too early."""
    raw = str(environ.get("RAW_URI") or environ.get("REQUEST_URI") or "").partition("?")[0]
    if raw.startswith(f"{PREFIX}/"):
        parts = (unquote(part, errors="replace").replace("/", _SLASH) for part in raw.split("/"))
        environ["PATH_INFO"] = "/".join(parts).encode().decode("latin-1")


def blueprint(at: Instance, topics: tuple[Routes, ...]) -> Blueprint:
    api = Blueprint("api", __name__, url_prefix=PREFIX)
    for topic in topics:
        for method, rule, view in topic.views:
            name = f"{view.__module__.rpartition('.')[2]}_{view.__name__}"
            api.add_url_rule(rule, name, _endpoint(at, view), methods=[method])

    @api.before_request
    def check_token() -> Response | None:
        return None if authorized(at) else refuse(401, message="401 Unauthorized")

    @api.errorhandler(ApiError)
    def tell(error: ApiError) -> Response:
        return refuse(error.status, **error.body)

    @api.route("/", defaults={"rest": ""}, methods=["GET", "POST", "PUT", "DELETE", "PATCH"])
    @api.route("/<path:rest>", methods=["GET", "POST", "PUT", "DELETE", "PATCH"])
    def unknown(rest: str) -> Response:
        log.warning("refused: %s /api/v4/%s is not part of the stand-in", request.method, rest.replace(_SLASH, "%2F"))
        return refuse(404, error="404 Not Found")

    return api


def authorized(at: Instance) -> bool:
    bearer = request.headers.get("Authorization", "")
    given = request.headers.get("PRIVATE-TOKEN") or bearer.removeprefix("Bearer ").strip()
    return same(given, at.token)


def refuse(status: int, **body: object) -> Response:
    answer = jsonify(body)
    answer.status_code = status
    return answer


def _endpoint(at: Instance, view: View) -> Callable[..., Response]:
    def run(id: str | None = None, **kwargs: object) -> Response:
        with nullcontext() if request.method == "GET" else at.store.transaction():
            project = find_project(at, id) if id else None
            if id and project is None:
                raise not_found("Project")
            call = Call(at=at, user=_user(at), params=Params.of(request), found=project)
            return _respond(view(call, **kwargs))

    return run


def _user(at: Instance) -> User:
    """The token's, or the one that ``Sudo`` names: the token is an administrator's, too."""
    name = request.headers.get("Sudo") or request.args.get("sudo")
    if not name:
        return at.bot()
    where: Where = {"id": int(name)} if name.isdecimal() else {"username": name}
    found = next(iter(at.store.all(User, **where)), None)
    if found is None:
        raise not_found(f"User with ID or username '{name}'")
    return found


def _respond(result: Any) -> Response:
    answer = result if isinstance(result, Answer) else Answer(result, 201 if request.method == "POST" else 200)
    if answer.status == 204:
        return Response(status=204)
    text = isinstance(answer.data, str)  # a file, or a job's log
    response = Response(answer.data, mimetype="text/plain") if text else jsonify(answer.data)
    response.status_code = answer.status
    response.headers.update(answer.headers)
    return response
