"""Uploaded files."""

from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, send_file

from local.gitlab.instance import Instance
from local.gitlab.projects import find_project
from local.gitlab.records import Upload
from local.gitlab.uploads import IMAGES, path_of


def add(pages: Blueprint, at: Instance) -> None:
    @pages.get("/uploads/<secret>/<name>")
    def upload(secret: str, name: str) -> Response:
        return _send(at, secret, name)

    @pages.get("/-/project/<int:number>/uploads/<secret>/<name>")
    def project_upload(number: int, secret: str, name: str) -> Response:
        return _send(at, secret, name, project=number)

    @pages.get("/<path:path>/uploads/<secret>/<name>")
    def named_upload(path: str, secret: str, name: str) -> Response:
        project = find_project(at, path)
        if project is None:
            abort(404)
        return _send(at, secret, name, project=project.id)


def _send(at: Instance, secret: str, name: str, **where: Any) -> Response:
    """Images in place, and so that an SVG can't run anything; all else as a download."""
    found = next(iter(at.store.all(Upload, secret=secret, filename=name, **where)), None)
    if found is None:
        abort(404)
    kind = IMAGES.get(Path(found.filename).suffix.lower())
    response = send_file(
        path_of(at, found), mimetype=kind or "application/octet-stream", as_attachment=kind is None, max_age=3600
    )
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    return response
