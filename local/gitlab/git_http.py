"""Clone and push: git's own ``http-backend`` on the bare repositories."""

import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from typing import IO

from flask import Blueprint, Response, abort, request

from local.gitlab.instance import BOT, Instance
from local.gitlab.projects import PATH, find_project
from local.gitlab.pushes import after_push
from local.gitlab.records import Project, User
from local.gitlab.repo import environment
from local.gitlab.secrets_match import same

_CHUNK = 64 * 1024
_PUSH = "git-receive-pack"


def git_blueprint(at: Instance) -> Blueprint:
    git = Blueprint("git", __name__)
    pushing = threading.Lock()

    @git.route(
        "/<path:path>.git/<any('info/refs', 'git-upload-pack', 'git-receive-pack'):service>", methods=["GET", "POST"]
    )
    def serve(path: str, service: str) -> Response:
        project = find_project(at, path)
        if project is None or path.isdigit():
            abort(404)
        push = _PUSH in (service, request.args.get("service"))
        user = _pusher(at)
        if push and user is None:
            return Response("HTTP Basic: Access denied.\n", 401, {"WWW-Authenticate": 'Basic realm="GitLab"'})
        if service != _PUSH or user is None:
            return _answer(*_backend(at, project, service))
        with pushing:
            before = at.repo(project).refs()
            answer = _answer(*_backend(at, project, service))
            answer.get_data()  # git is done only when its answer is read
            with at.store.transaction():
                after_push(at, project=project, user=user, before=before, after=at.repo(project).refs())
            return answer

    return git


def _pusher(at: Instance) -> User | None:
    """Any name will do, the password is the token. A name that could be a person's makes that person the pusher."""
    given = request.authorization
    if given is None or given.type != "basic" or not same(given.password or "", at.token):
        return None
    name = given.username or ""
    known = name in ("", "git", "oauth2", "gitlab-ci-token", BOT) or not PATH.fullmatch(name) or len(name) > 60
    return at.bot() if known else at.user_named(name)


def _backend(at: Instance, project: Project, service: str) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
    """Runs the CGI program; the body goes through a file, so that neither side waits for the other."""
    body = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the answer
    while chunk := request.stream.read(_CHUNK):
        body.write(chunk)
    size = body.tell()
    body.seek(0)
    env = environment() | {
        "GIT_PROJECT_ROOT": os.fspath(at.repo(project).path.parent),
        "PATH_INFO": f"/{project.id}.git/{service}",
        "GIT_HTTP_EXPORT_ALL": "1",
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": request.query_string.decode("ascii", "replace"),
        "CONTENT_TYPE": request.content_type or "",
        "CONTENT_LENGTH": str(size),
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        "REMOTE_USER": "git",
        "REMOTE_ADDR": "127.0.0.1",
    }
    process = subprocess.Popen(
        ["git", "http-backend"], env=env, stdin=body, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    return process, body


def _answer(process: subprocess.Popen[bytes], body: IO[bytes]) -> Response:
    """CGI's headers and body as an HTTP answer."""
    out = process.stdout
    if out is None:
        raise RuntimeError("git http-backend has no output")
    status, headers = 200, {}
    while line := out.readline().strip():
        name, _, value = line.decode("latin-1").partition(":")
        if name.lower() == "status" and (code := re.match(r"\s*(\d{3})", value)):
            status = int(code[1])
        else:
            headers[name] = value.strip()

    def stream() -> Iterator[bytes]:
        with body, process:
            while chunk := out.read(_CHUNK):
                yield chunk

    return Response(stream(), status, headers)
