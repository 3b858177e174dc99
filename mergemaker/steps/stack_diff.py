"""What a merge request would change of the stacks: its pipeline leaves word, the report function shows it in a note."""

from mergemaker.domain.errors import RefusedError
from mergemaker.domain.names import STACKS, STACKS_MARKER
from mergemaker.domain.stack_diff import LARGEST, Job, StackDiff, from_json, newer, to_json
from mergemaker.domain.stack_note import render
from mergemaker.ports import Files, World
from mergemaker.steps.note import write_note


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
            body, gitlab = render(job, diff, pipelines=pipelines), world.merge_requests
            write_note(
                body, note, merge_request=job.merge_request, marker=STACKS_MARKER, shows=job.order, gitlab=gitlab
            )
            return body
    return None
