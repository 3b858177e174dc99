"""Writing notes, with what GitLab does to them on the way: limits, quick actions, threads."""

import secrets
from dataclasses import dataclass

from local.gitlab import quick_actions
from local.gitlab.instance import Instance
from local.gitlab.records import MergeRequest, Note, User, now

LONGEST = 1_000_000
"""Characters of a note (Gitlab::Database::MAX_TEXT_SIZE_LIMIT)."""


class NoteError(Exception):
    """GitLab would not keep such a note."""


@dataclass(frozen=True)
class Written:
    """A note, or None where there was nothing in it but quick actions."""

    note: Note | None
    actions: quick_actions.Outcome


def write_note(  # noqa: PLR0913 - the parts of a note
    at: Instance,
    *,
    request: MergeRequest,
    user: User,
    body: str,
    discussion: str | None = None,
    individual: bool = True,
    internal: bool = False,
    created_at: str | None = None,
) -> Written:
    """Raises NoteError. `discussion` is the thread that it answers."""
    _check(body)
    text, commands = quick_actions.extract(body)
    note, time = None, created_at or now()
    if text.strip():
        note = at.store.add(
            Note(
                id=0,
                project=request.project,
                merge_request=request.id,
                discussion=discussion or secrets.token_hex(20),
                individual=individual,
                author=user.id,
                body=text,
                system=False,
                internal=internal,
                created_at=time,
                updated_at=time,
            )
        )
        at.store.change(at.store.get(MergeRequest, request.id), updated_at=now())
    return Written(note, quick_actions.execute(at, request=request, user=user, commands=commands))


def edit_note(at: Instance, *, request: MergeRequest, note: Note, user: User, body: str) -> Written:
    """An edit is executed like a new note. One that leaves only commands deletes the note, as GitLab does."""
    _check(body)
    text, commands = quick_actions.extract(body)
    kept = None
    if text.strip():
        kept = at.store.change(note, body=text, updated_at=now()) if text != note.body else note
    else:
        at.store.remove(note)
    return Written(kept, quick_actions.execute(at, request=request, user=user, commands=commands))


def _check(body: str) -> None:
    if not body.strip():
        raise NoteError('{:note=>["can\'t be blank"]}')
    if len(body) > LONGEST:
        raise NoteError(f'{{:note=>["is too long (maximum is {LONGEST} characters)"]}}')
