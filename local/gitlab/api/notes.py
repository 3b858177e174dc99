"""Notes and discussions of merge requests."""

from typing import Any

from local.gitlab.api.answers import Answer, bad_parameter, bad_request, created, gone, not_found
from local.gitlab.api.merge_requests import find
from local.gitlab.api.paging import paged
from local.gitlab.api.present import Json, user_basic
from local.gitlab.api.routing import Call, Routes
from local.gitlab.notes import NoteError, Written, edit_note, write_note
from local.gitlab.records import MergeRequest, Note

routes = Routes()
_NOTES = "/projects/<part:id>/merge_requests/<int:iid>/notes"
_DISCUSSIONS = "/projects/<part:id>/merge_requests/<int:iid>/discussions"


@routes("GET", _NOTES)
def list_notes(call: Call, iid: int) -> Answer:
    request, given = find(call, iid), call.params
    order = given.one_of("order_by", ("created_at", "updated_at"), "created_at") or "created_at"
    newest = given.one_of("sort", ("asc", "desc"), "desc") == "desc"
    wanted = given.one_of("activity_filter", ("all_notes", "only_comments", "only_activity"), "all_notes")
    rows = call.at.store.all(Note, merge_request=request.id)
    if wanted != "all_notes":
        rows = [note for note in rows if note.system == (wanted == "only_activity")]
    rows = sorted(rows, key=lambda note: (getattr(note, order), note.id), reverse=newest)
    return paged(call, rows, lambda note: note_json(call, note))


@routes("POST", _NOTES)
def create_note(call: Call, iid: int) -> Answer:
    return _written(call, _write(call, find(call, iid)))


@routes("GET", f"{_NOTES}/<int:note_id>")
def get_note(call: Call, iid: int, note_id: int) -> Json:
    return note_json(call, _note(call, find(call, iid), note_id))


@routes("PUT", f"{_NOTES}/<int:note_id>")
def update_note(call: Call, iid: int, note_id: int) -> Answer:
    request = find(call, iid)
    note = _note(call, request, note_id)
    body = call.params.text("body")
    if body is None:
        return Answer(note_json(call, note))
    if not body.strip():
        raise bad_parameter("body is empty")
    try:
        written = edit_note(call.at, request=request, note=note, user=call.user, body=body)
    except NoteError as error:
        raise bad_request(f"400 Bad request - Note {error}") from None
    answer = _written(call, written)
    return Answer(answer.data, 200 if written.note else answer.status)


@routes("DELETE", f"{_NOTES}/<int:note_id>")
def delete_note(call: Call, iid: int, note_id: int) -> Answer:
    call.at.store.remove(_note(call, find(call, iid), note_id))
    return gone()


@routes("GET", _DISCUSSIONS)
def list_discussions(call: Call, iid: int) -> Answer:
    groups: dict[str, list[Note]] = {}
    for note in call.at.store.all(Note, merge_request=find(call, iid).id):
        groups.setdefault(note.discussion, []).append(note)
    return paged(call, list(groups.values()), lambda notes: _discussion(call, notes))


@routes("POST", _DISCUSSIONS)
def create_discussion(call: Call, iid: int) -> Answer:
    written = _write(call, find(call, iid), individual=False)
    return created(_discussion(call, [written.note])) if written.note else _written(call, written)


@routes("GET", f"{_DISCUSSIONS}/<part:discussion>")
def get_discussion(call: Call, iid: int, discussion: str) -> Json:
    return _discussion(call, _thread(call, find(call, iid), discussion))


@routes("POST", f"{_DISCUSSIONS}/<part:discussion>/notes")
def reply(call: Call, iid: int, discussion: str) -> Answer:
    """A single note that is answered becomes a thread."""
    request = find(call, iid)
    thread = _thread(call, request, discussion)
    written = _write(call, request, individual=False, discussion=discussion)
    if thread[0].individual and written.note:
        call.at.store.change(thread[0], individual=False)
    return _written(call, written)


def _write(call: Call, request: MergeRequest, *, individual: bool = True, discussion: str | None = None) -> Written:
    try:
        return write_note(
            call.at,
            request=request,
            user=call.user,
            body=call.params.need("body"),
            discussion=discussion,
            individual=individual,
            internal=call.params.flag("internal"),
            created_at=call.params.time("created_at"),
        )
    except NoteError as error:
        raise bad_request(f"400 Bad request - Note {error}") from None


def _written(call: Call, written: Written) -> Answer:
    """202 for a note of nothing but quick actions: there is no note then."""
    if written.note is None:
        actions = written.actions
        return Answer({"commands_changes": actions.changes, "summary": actions.summary}, 202)
    return created(note_json(call, written.note, written.actions.changes))


def _note(call: Call, request: MergeRequest, id_: int) -> Note:
    found = call.at.store.first(Note, id=id_, merge_request=request.id)
    if found is None:
        raise not_found("Note")
    return found


def _thread(call: Call, request: MergeRequest, discussion: str) -> list[Note]:
    found = call.at.store.all(Note, merge_request=request.id, discussion=discussion)
    if not found:
        raise not_found("Discussion")
    return found


def _discussion(call: Call, notes: list[Note]) -> Json:
    return {
        "id": notes[0].discussion,
        "individual_note": notes[0].individual,
        "notes": [note_json(call, note) for note in notes],
    }


def note_json(call: Call, note: Note, changes: dict[str, Any] | None = None) -> Json:
    request = call.at.store.get(MergeRequest, note.merge_request)
    return {
        "id": note.id,
        "type": None if note.individual else "DiscussionNote",
        "body": note.body,
        "author": user_basic(call.at, note.author),
        "created_at": note.created_at,
        "updated_at": note.updated_at,
        "system": note.system,
        "noteable_id": request.id,
        "noteable_type": "MergeRequest",
        "noteable_iid": request.iid,
        "project_id": note.project,
        "commit_id": None,
        "resolvable": not note.individual,
        "resolved": False,
        "resolved_by": None,
        "resolved_at": None,
        "suggestions": [],
        "confidential": note.internal,
        "internal": note.internal,
        "imported": False,
        "imported_from": "none",
        "commands_changes": changes or {},
    }
