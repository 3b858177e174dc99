"""What people see of a run: a note on each merge request that asked for it, a status on each pipeline that did.

Everything is written from the run table, so it can be written again at any time: a note only if its text has changed, a
status only if the pipeline does not have it yet.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from mergemaker.domain import about
from mergemaker.domain.errors import MergemakerError, RefusedError, RetryableError
from mergemaker.domain.lineage import Lineage, Origin
from mergemaker.domain.model import ModelSpec
from mergemaker.domain.model_toml import parse_model
from mergemaker.domain.names import commit_status, note_marker, spec_key
from mergemaker.domain.release import Endpoint
from mergemaker.domain.report import Report, render, summary
from mergemaker.domain.run import Run, Status
from mergemaker.ports import Files, MergeRequests, NoteRecord, World
from mergemaker.steps.note import write_note
from mergemaker.steps.unwanted import stop_if_unwanted

STATES = {
    Status.WAITING: "pending",
    Status.IN_PROGRESS: "running",
    Status.STOPPING: "running",
    Status.COMPLETED: "success",
    Status.FAILED: "failed",
    Status.STOPPED: "canceled",
}
"""A run's status in GitLab's words."""


def publish(run: Run, world: World) -> None:
    """Tells everyone who asked for `run`. Raises what GitLab raises; the next try tells the rest."""
    about.turn_to(run.job, run.model, run.lineage.origin.merge_request)
    spec = spec_of(run.job, run.lineage, world.files)
    merge_requests = sorted({o.merge_request for o in run.asked_by if o.merge_request is not None})
    notes = [partial(_tell_merge_request, run, iid, spec, world) for iid in merge_requests]
    each([*notes, *(partial(_tell_pipeline, run, origin, spec, world) for origin in run.asked_by if origin.told)])


def each(calls: Iterable[Callable[[], object]]) -> None:
    """Makes all calls. What is refused for good, such as a note on a merge request that was deleted, does not silence
    the others, and is raised in the end; what passes is raised at once, for GitLab is away for the others, too."""
    refused: MergemakerError | None = None
    for call in calls:
        try:
            call()
        except RetryableError:
            raise
        except MergemakerError as error:
            refused = refused or error
    if refused:
        raise refused


def _tell_merge_request(run: Run, merge_request: int, spec: ModelSpec, world: World) -> None:
    about.turn_to(run.job, run.model, merge_request)
    with world.runs.note(run.model, merge_request) as note:
        # Read again under the lock, so that the last to write is not the one that knows least.
        run = world.runs.get(run.model, run.job) or run
        shown = world.runs.get(run.model, note.job) if note.job else None
        origin = run.asked_in(merge_request)
        newest = shown is None or shown.order_in(merge_request) <= run.order_in(merge_request)
        if origin and newest:
            # In this order: who is interrupted finds the note as it was, and comes by again.
            before = [partial(_supersede, shown, run, world)] if shown and shown.job != run.job else []
            report = report_of(run, origin, spec, world)
            each([*before, partial(_write_note, report, merge_request, note, world.merge_requests)])
    if not newest:
        stop_if_unwanted(run, world)


def _supersede(run: Run, newer: Run, world: World) -> None:
    """Stops `run`, unless somebody else wants it. Its job's end tells people; of one that had none, this does."""
    after = stop_if_unwanted(run, world, newer=newer)
    if after.status is Status.STOPPED and not after.image:
        spec = spec_of(after.job, after.lineage, world.files)
        each(partial(_tell_pipeline, after, origin, spec, world) for origin in after.asked_by if origin.told)


def _tell_pipeline(run: Run, origin: Origin, spec: ModelSpec, world: World) -> None:
    """By what is known now, and once more if it became known meanwhile that the run has moved on."""
    about.turn_to(run.job, run.model, origin.merge_request)
    now = world.runs.get(run.model, run.job) or run
    for _ in range(2):
        now = _set_status(now, origin, spec, world)


def spec_of(job: str, lineage: Lineage, files: Files) -> ModelSpec:
    """The model's settings as they were at submit. Raises RefusedError if they are gone, or are others: who uploads a
    file chooses its name."""
    key = spec_key(lineage.model, lineage.spec)
    found = files.read(key, longest=1_000_000)
    if found is None or hashlib.sha256(found[0]).hexdigest() != lineage.spec:
        raise RefusedError(f"{job}: its settings {key} are not in the bucket")
    return parse_model(lineage.model, found[0].decode(errors="replace"))


def report_of(run: Run, origin: Origin, spec: ModelSpec, world: World) -> Report:
    endpoint = world.endpoints.find(world.names.endpoint(run.model, world.environment))
    return Report(
        run=run,
        origin=origin,
        metrics=spec.metrics,
        baseline=_baseline(run, endpoint, world),
        endpoint=endpoint,
        environment=world.environment,
        names=world.names,
    )


def _baseline(run: Run, endpoint: Endpoint | None, world: World) -> Run | None:
    """The run that is live in the first environment, unless it is this one."""
    if endpoint is None or endpoint.version is None or endpoint.version == run.version:
        return None
    package = world.registry.of_version(world.names.package_group(run.model), endpoint.version)
    return world.runs.get(run.model, package.job) if package and package.job else None


def _write_note(report: Report, merge_request: int, note: NoteRecord, gitlab: MergeRequests) -> None:
    about.turn_to(report.run.job, report.run.model, merge_request)
    marker = note_marker(report.run.model)
    body, job = render(report), report.run.job
    write_note(body, note, merge_request=merge_request, marker=marker, shows=job, gitlab=gitlab)


def _set_status(run: Run, origin: Origin, spec: ModelSpec, world: World) -> Run:
    """On the pipeline of `origin`, unless it has this status already. The run, which remembers it."""
    state, pipeline = STATES[run.status], str(origin.pipeline)
    if run.status.final and run.told.get(pipeline) == state:
        # What it is compared with changes when something else is released; a status that is final stays as it was.
        return run
    description = summary(report_of(run, origin, spec, world))
    digest = state if run.status.final else _digest(f"{state} {description}")
    if run.told.get(pipeline) == digest:
        return run
    world.merge_requests.set_status(
        commit=origin.pipeline_commit,
        ref=origin.ref,
        pipeline=origin.pipeline,
        name=commit_status(run.model),
        state=state,
        description=description,
    )

    def remember(before: Run | None) -> Run:
        now = before or run
        kept = {str(one.pipeline) for one in now.asked_by}
        return replace(now, told={k: v for k, v in {**now.told, pipeline: digest}.items() if k in kept})

    return world.runs.change(run.model, run.job, remember)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
