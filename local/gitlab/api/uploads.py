"""Uploads for Markdown."""

from flask import request

from local.gitlab.api.answers import Answer, ApiError, bad_parameter, created
from local.gitlab.api.routing import Call, Routes
from local.gitlab.uploads import alt_of, keep_upload, markdown_of

routes = Routes()
_LARGEST = 100 * 1024 * 1024


@routes("POST", "/projects/<part:id>/uploads")
def upload(call: Call) -> Answer:
    file = request.files.get("file")
    if file is None:
        raise bad_parameter("file is missing")
    content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ApiError(413, message="413 Request Entity Too Large")
    kept = keep_upload(call.at, project=call.project, name=file.filename or "file", content=content)
    url = f"/uploads/{kept.secret}/{kept.filename}"
    return created(
        {
            "id": kept.id,
            "alt": alt_of(kept),
            "url": url,
            "full_path": f"/-/project/{call.project.id}{url}",
            "markdown": markdown_of(kept),
        }
    )
