"""What people see. Each page is plain HTML with one stylesheet of its own: no script, nothing from elsewhere."""

from pathlib import Path

from flask import Blueprint, Response

from local.gitlab.instance import Instance
from local.gitlab.pages import files, views
from local.gitlab.pages.helpers import add_helpers

# Notes come from outside: even if something got through the sanitiser, it could not run, load or submit anything.
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data: http://127.0.0.1:* http://localhost:*; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def pages_blueprint(at: Instance) -> Blueprint:
    here = Path(__file__).parent
    pages = Blueprint(
        "pages",
        __name__,
        template_folder=str(here / "templates"),
        static_folder=str(here / "static"),
        static_url_path="/-/static",
    )
    add_helpers(pages, at)
    files.add(pages, at)
    views.add(pages, at)

    @pages.after_request
    def protect(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", _POLICY)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    return pages
