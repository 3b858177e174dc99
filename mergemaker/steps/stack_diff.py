"""What a merge request would change of the stacks: its pipeline leaves word, the report function shows it in a note."""

import hashlib

from mergemaker.domain.errors import RefusedError
from mergemaker.domain.names import STACKS, STACKS_MARKER
from mergemaker.domain.stack_diff import LARGEST, Job, StackDiff, from_json, newer, to_json
from mergemaker.domain.stack_note import render
from mergemaker.ports import Files, NoteRecord, World


def leave_word(job: Job, diff: StackDiff, files: Files) -> None:
    """An event tells the report function."""
    files.write(job.key, to_json(job, diff), replacing=None)


def show_stack_diff(key: str, world: World, *, pipelines: str) -> str | None:
    """Writes what lies at `key` into the merge request's note, unless that shows what a newer job found. The note's
    text; None where nothing is to be shown. `pipelines` as for `render`."""
    found = world.files.read(key, longest=LARGEST)
    if found is None:
        return None
    job, diff = from_json(found[0])
    if key != job.key:
        raise RefusedError(f"{key} is not where this belongs")
    with world.runs.note(STACKS, job.merge_request) as note:
        if note.job == job.order or newer(job.order, note.job):
            return _write(render(job, diff, pipelines=pipelines), job, note, world)
    return None


def _write(body: str, job: Job, note: NoteRecord, world: World) -> str:
    digest = hashlib.sha256(body.encode()).hexdigest()
    if note.note is None:
        # An earlier try may have posted it and died before it could write that down.
        note.note = world.merge_requests.find_note(job.merge_request, STACKS_MARKER)
    elif note.body == digest:
        return body
    if note.note is None or not world.merge_requests.edit_note(job.merge_request, note.note, body):
        note.note = world.merge_requests.create_note(job.merge_request, body)
    note.job, note.body = job.order, digest
    return body
