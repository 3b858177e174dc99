"""Small things that the templates call."""

import re
import zlib
from datetime import UTC, datetime

from flask import Blueprint
from markupsafe import Markup

from local.gitlab.enrich import Links
from local.gitlab.instance import Instance
from local.gitlab.markdown import render
from local.gitlab.records import Project, User

_STEPS = ((60, "second"), (60, "minute"), (24, "hour"), (30, "day"), (12, "month"))
_COLOURS = 8
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|[\x00-\x08\x0b-\x1f\x7f]")

_STATE_WORDS = {
    "success": "passed",
    "created": "created",
    "pending": "pending",
    "running": "running",
    "failed": "failed",
    "canceled": "canceled",
    "skipped": "skipped",
    "manual": "manual",
}

_BLOCKED = {
    "draft_status": ("Merge blocked: this is a draft", "Take “Draft:” off the title to make it ready."),
    "ci_must_pass": ("Merge blocked: pipeline must succeed", "Push a commit that fixes it."),
    "ci_still_running": ("Merge blocked: pipeline is still running", "It can be merged once every check has passed."),
    "conflict": ("Merge blocked: there are conflicts", "Merge the target branch into the source branch first."),
    "need_rebase": ("Merge blocked: the target branch has moved", "Rebase the source branch first."),
    "broken_status": ("Merge blocked: a branch is missing", "Push it again, or close the merge request."),
}


def add_helpers(pages: Blueprint, at: Instance) -> None:
    @pages.app_template_global()
    def markdown(text: str | None, project: Project | None = None) -> Markup:
        links = Links(project_path=project.path, project_id=project.id) if project else Links()
        return Markup(render(text or "", links))  # noqa: S704 - sanitised by render

    @pages.app_template_global()
    def user(id_: int) -> User:
        return at.user(id_)

    pages.app_template_filter("ago")(ago)
    pages.app_template_filter("full_time")(full_time)
    pages.app_template_filter("colour")(colour)
    pages.app_template_filter("initials")(initials)
    pages.app_template_filter("word")(lambda state: _STATE_WORDS.get(state, state))
    pages.app_template_filter("blocked")(lambda reason: _BLOCKED.get(reason, ("Merge blocked", reason)))
    pages.app_template_filter("plain_log")(lambda log: _ANSI.sub("", log.replace("\r\n", "\n")))


def ago(time: str) -> str:
    """In words, roughly."""
    amount = max(0.0, (datetime.now(UTC) - datetime.fromisoformat(time)).total_seconds())
    if amount < 10:
        return "just now"
    for size, name in _STEPS:
        if amount < size:
            return _words(int(amount), name)
        amount /= size
    return _words(int(amount), "year")


def full_time(time: str) -> str:
    return datetime.fromisoformat(time).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def colour(name: str) -> int:
    """The same name gets the same colour."""
    return zlib.crc32(name.encode()) % _COLOURS


def initials(name: str) -> str:
    return "".join(word[0] for word in name.split()[:2]).upper() or "?"


def _words(amount: int, name: str) -> str:
    return f"{amount} {name}{'s' if amount != 1 else ''} ago"
