"""Quick actions: lines of a note that GitLab executes instead of showing.

They are the reason why text from a training job must be made inert, so the stand-in really executes them. It is
stricter than GitLab in one point, on the side of showing an injection: GitLab also spares lines within HTML blocks.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from local.gitlab import merge_requests
from local.gitlab.instance import Instance
from local.gitlab.merging import NotMergeableError, merge
from local.gitlab.records import MergeRequest, User, now
from local.gitlab.system_notes import note_event

_LINE = re.compile(r"/([a-z_]+)(?:[ \t]+(.*))?\s*", re.IGNORECASE)
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


@dataclass(frozen=True)
class Outcome:
    """What was done: GitLab's ``commands_changes`` and ``summary``."""

    changes: dict[str, object]
    summary: list[str]


Action = Callable[[Instance, MergeRequest, User, str], Outcome]


def extract(body: str) -> tuple[str, list[tuple[str, str]]]:
    """The text without its commands, and the commands. Code blocks are left alone."""
    kept: list[str] = []
    commands: list[tuple[str, str]] = []
    fence = ""
    for line in body.split("\n"):
        mark = _FENCE.match(line)
        if fence:
            closes = mark and mark[1].startswith(fence) and not line.strip().strip(fence[0])
            fence = "" if closes else fence
        elif mark:
            fence = mark[1]
        found = None if fence or mark else _LINE.fullmatch(line)
        if found and found[1].lower() in ACTIONS:
            commands.append((found[1].lower(), (found[2] or "").strip()))
        else:
            kept.append(line)
    return ("\n".join(kept).strip() if commands else body), commands


def execute(at: Instance, *, request: MergeRequest, user: User, commands: list[tuple[str, str]]) -> Outcome:
    """In their order, each on what the one before left."""
    changes: dict[str, object] = {}
    summary: list[str] = []
    for name, argument in commands:
        outcome = ACTIONS[name](at, at.store.get(MergeRequest, request.id), user, argument)
        changes |= outcome.changes
        summary += outcome.summary
    return Outcome(changes, summary)


def _merge(at: Instance, request: MergeRequest, user: User, _: str) -> Outcome:
    try:
        merge(at, request=request, user=user)
    except NotMergeableError:
        return Outcome({}, ["Could not apply merge command."])
    return Outcome({"merge": request.head_sha}, ["Merged this merge request."])


def _close(at: Instance, request: MergeRequest, user: User, _: str) -> Outcome:
    merge_requests.close(at, request=request, user=user)
    return Outcome({"state_event": "close"}, ["Closed this merge request."])


def _reopen(at: Instance, request: MergeRequest, user: User, _: str) -> Outcome:
    merge_requests.reopen(at, request=request, user=user)
    return Outcome({"state_event": "reopen"}, ["Reopened this merge request."])


def _assign(at: Instance, request: MergeRequest, user: User, argument: str) -> Outcome:
    names = re.findall(r"@?([\w.-]+)", argument)
    ids = tuple(user.id if name == "me" else at.user_named(name).id for name in names)
    at.store.change(request, assignees=tuple(dict.fromkeys((*request.assignees, *ids))), updated_at=now())
    shown = " ".join(f"@{name}" for name in names)
    note_event(at, request=request, user=user, text=f"assigned to {shown}")
    return Outcome({"assignee_ids": list(ids)}, [f"Assigned {shown}."])


def _unassign(at: Instance, request: MergeRequest, user: User, _: str) -> Outcome:
    at.store.change(request, assignees=(), updated_at=now())
    note_event(at, request=request, user=user, text="removed all assignees")
    return Outcome({"assignee_ids": []}, ["Removed assignees."])


def _label(at: Instance, request: MergeRequest, user: User, argument: str) -> Outcome:
    labels = tuple(quoted or plain for quoted, plain in re.findall(r'~"([^"]+)"|~?([^\s~"]+)', argument))
    at.store.change(request, labels=tuple(dict.fromkeys((*request.labels, *labels))), updated_at=now())
    shown = " ".join(f'~"{label}"' for label in labels)
    note_event(at, request=request, user=user, text=f"added {shown} label{'s' if len(labels) != 1 else ''}")
    return Outcome({"add_label_ids": list(labels)}, [f"Added {shown}."])


def _title(at: Instance, request: MergeRequest, user: User, argument: str) -> Outcome:
    if not argument:
        return Outcome({}, ["Could not apply title command."])
    at.store.change(request, title=argument, updated_at=now())
    note_event(at, request=request, user=user, text="changed title")
    return Outcome({"title": argument}, [f'Changed the title to "{argument}".'])


ACTIONS: dict[str, Action] = {
    "merge": _merge,
    "close": _close,
    "reopen": _reopen,
    "assign": _assign,
    "unassign": _unassign,
    "label": _label,
    "labels": _label,
    "title": _title,
}
