"""One note on a merge request, edited in place; what is known of it is in the run table."""

import hashlib

from mergemaker.ports import MergeRequests, NoteRecord


def write_note(
    body: str, note: NoteRecord, *, merge_request: int, marker: str, shows: str, gitlab: MergeRequests
) -> None:
    """Unless it says so already. It begins with `marker`; `shows` is the job that it is of."""
    digest = hashlib.sha256(body.encode()).hexdigest()
    if note.note is not None and note.body == digest:
        return
    if note.note is None:
        # An earlier try may have posted it and died before it could write that down.
        note.note = gitlab.find_note(merge_request, marker)
    if note.note is None or not gitlab.edit_note(merge_request, note.note, body):
        note.note = gitlab.create_note(merge_request, body)
    note.job, note.body = shows, digest
