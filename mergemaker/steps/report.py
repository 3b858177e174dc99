"""What a training job's change means: the record, the history, the registry, then the note and the commit status.

Each part is an upsert that can be repeated at any time, and each reads what SageMaker says now, not what the event
said. So events may come twice, late or in any order, and a function that died half way is made good by the next try.
"""

import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, replace

from mergemaker.domain.errors import RefusedError, RetryableError
from mergemaker.domain.history import Row, with_row
from mergemaker.domain.metrics import Metrics, merged, parse_metrics
from mergemaker.domain.model import ModelSpec, parse_model
from mergemaker.domain.names import Names, commit_status, note_marker, output_key, reports_key, spec_key
from mergemaker.domain.release import Endpoint, NewPackage
from mergemaker.domain.report import Report, render, summary
from mergemaker.domain.run import TAG_PREFIX, Run, Status, TrainingJob
from mergemaker.ports import Endpoints, Files, Jobs, MergeRequests, NoteRecord, Registry, Runs

LARGEST_OUTPUT = 100_000_000
"""Bytes of output.tar.gz that are looked into; what is larger holds data, not a report."""
LARGEST_METRICS = 1_000_000
LARGEST_UNPACKED = 400_000_000
MOST_FILES = 10_000
"""In output.tar.gz: a million empty ones fit into two megabytes, and take a minute to walk through."""
LARGEST_HISTORY = 50_000_000
STATES = {
    Status.WAITING: "pending",
    Status.IN_PROGRESS: "running",
    Status.STOPPING: "running",
    Status.COMPLETED: "success",
    Status.FAILED: "failed",
    Status.STOPPED: "canceled",
}
"""A run's status in GitLab's words."""


@dataclass(frozen=True)
class World:
    """The ports that reporting takes."""

    names: Names
    environment: str
    """The first environment: what is live there is the baseline."""
    files: Files
    jobs: Jobs
    runs: Runs
    registry: Registry
    endpoints: Endpoints
    merge_requests: MergeRequests


def report(job_name: str, world: World) -> Run | None:
    """Brings everything up to date with the training job. None if it is not one of this project's."""
    job = world.jobs.find(job_name)
    if job is None or job.lineage is None or job.lineage.project != world.names.project:
        return None
    run = record(job, world)
    if run.status is Status.COMPLETED:
        run = _keep(run, world)
    publish(run, world)
    return run


def record(job: TrainingJob, world: World) -> Run:
    """The run table's record, brought up to what SageMaker says. It never goes back from an end.

    Unless the job was created after that end: then an image could not be built, and now it could.
    """
    lineage = job.lineage
    if lineage is None:
        raise RefusedError(f"{job.name} is not a run of this project")
    found = _output_metrics(job, world) if job.status is Status.COMPLETED else Metrics({})
    fresh = Run(
        job=job.name,
        lineage=lineage,
        status=job.status,
        phase=job.phase,
        reason=job.reason,
        created=job.created,
        ended=job.ended,
        billed_seconds=job.billed_seconds,
        instance=job.instance,
        image=job.image,
        artifact=job.artifact,
        hyperparameters=job.hyperparameters,
        metrics=merged(job.metrics, found.values),
        remarks=found.remarks,
    )

    def change(before: Run | None) -> Run:
        if before is None:
            return fresh
        if before.status.final and not fresh.status.final and before.created >= fresh.created:
            return before
        return replace(fresh, version=before.version, releases=before.releases)

    return world.runs.change(lineage.model, job.name, change)


def _keep(run: Run, world: World) -> Run:
    """The completed run's row in the history and its package in the registry."""
    _add_row(run, world.files)
    if run.version is not None:
        return run
    version = world.registry.register(_package(run, world))
    return set_version(run, version, world)


def set_version(run: Run, version: int, world: World) -> Run:
    def change(before: Run | None) -> Run:
        return replace(before or run, version=version)

    return world.runs.change(run.model, run.job, change)


def _add_row(run: Run, files: Files) -> None:
    """Under a condition on the file's ETag: two runs that end at the same moment both get their row."""
    key = reports_key(run.model)
    row = Row(
        at=run.ended or run.created,
        job=run.job,
        commit=run.lineage.origin.commit,
        hyperparameters=run.hyperparameters,
        metrics=run.metrics,
    )
    for _ in range(50):
        found = files.read(key, longest=LARGEST_HISTORY)
        content, etag = found if found else (b"", None)
        text = with_row(content.decode(errors="replace"), row)
        if text.encode() == content or files.write(key, text.encode(), replacing=etag):
            return
    raise RetryableError(f"{key} is written too often at once")


def _package(run: Run, world: World) -> NewPackage:
    origin = run.lineage.origin
    key = output_key(run.model, run.job, "model.tar.gz")
    etag = world.files.etag(key)
    if etag is None:
        raise RetryableError(f"s3://{world.names.bucket}/{key} is not there (yet)")
    merge_request = f" for merge request !{origin.merge_request}" if origin.merge_request else ""
    return NewPackage(
        group=world.names.package_group(run.model),
        job=run.job,
        run_key=run.lineage.run_key,
        source=run.lineage.source,
        commit=origin.commit,
        merge_request=origin.merge_request,
        description=f"Run {run.job} of commit {origin.commit[:8]}{merge_request}",
        image=run.image,
        artifact=run.artifact,
        artifact_etag=etag,
        content_type=spec_of(run, world.files).content_type,
        tags=tags(world.names, run.model),
    )


def tags(names: Names, model: str) -> Mapping[str, str]:
    """For what is made at run time."""
    return {f"{TAG_PREFIX}project": names.project, f"{TAG_PREFIX}model": model}


def spec_of(run: Run, files: Files) -> ModelSpec:
    """The model's settings as they were at submit. Raises RefusedError if they are gone."""
    found = files.read(spec_key(run.model, run.lineage.spec), longest=1_000_000)
    if found is None:
        raise RefusedError(f"{run.job}: its settings {spec_key(run.model, run.lineage.spec)} are not in the bucket")
    return parse_model(run.model, found[0].decode(errors="replace"))


# The note -----------------------------------------------------------------------------------


def publish(run: Run, world: World) -> None:
    """Writes the note and sets the commit status, from what the run table says."""
    spec = spec_of(run, world.files)
    origin = run.lineage.origin
    if origin.merge_request is not None:
        with world.runs.note(run.model, origin.merge_request) as note:
            # Read again under the lock, so that the last to write is not the one that knows least.
            run = world.runs.get(run.model, run.job) or run
            shown = world.runs.get(run.model, note.job) if note.job else None
            if shown is None or shown.order <= run.order:
                _write_note(_report(run, spec, world), origin.merge_request, note, world.merge_requests)
    _set_status(_report(run, spec, world), world.merge_requests)


def _report(run: Run, spec: ModelSpec, world: World) -> Report:
    endpoint = world.endpoints.find(world.names.endpoint(run.model, world.environment))
    return Report(
        run=run,
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
    body = render(report)
    digest = hashlib.sha256(body.encode()).hexdigest()
    if note.note is not None and note.body == digest:
        return
    if note.note is None:
        # An earlier try may have posted it and died before it could write that down.
        note.note = gitlab.find_note(merge_request, note_marker(report.run.model))
    if note.note is None or not gitlab.edit_note(merge_request, note.note, body):
        note.note = gitlab.create_note(merge_request, body)
    note.job, note.body = report.run.job, digest


def _set_status(report: Report, gitlab: MergeRequests) -> None:
    origin = report.run.lineage.origin
    gitlab.set_status(
        commit=origin.pipeline_commit,
        ref=origin.ref,
        pipeline=origin.pipeline,
        name=commit_status(report.run.model),
        state=STATES[report.run.status],
        description=summary(report),
    )


# Output -------------------------------------------------------------------------------------


def _output_metrics(job: TrainingJob, world: World) -> Metrics:
    """What ``metrics.json`` in the job's output says; nothing if there is none."""
    lineage = job.lineage
    if lineage is None:
        return Metrics({})
    key = output_key(lineage.model, job.name, "output.tar.gz")
    try:
        found = world.files.read(key, longest=LARGEST_OUTPUT)
    except RefusedError as error:
        return Metrics({}, (f"the output was not looked into: {error}",))
    return metrics_in(found[0]) if found else Metrics({})


def metrics_in(archive: bytes) -> Metrics:
    """Finds and reads ``metrics.json`` in an archive that may be hostile: nothing is unpacked, sizes are bounded."""
    read = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r|gz") as members:
            for number, member in enumerate(members):
                read += member.size
                if read > LARGEST_UNPACKED or number >= MOST_FILES:
                    return Metrics({}, ("the output is too large when unpacked to look for metrics.json",))
                if member.isfile() and member.name.removeprefix("./") in ("metrics.json", "data/metrics.json"):
                    file = members.extractfile(member)
                    content = file.read(LARGEST_METRICS + 1) if file else b""
                    if len(content) > LARGEST_METRICS:
                        return Metrics({}, ("metrics.json is over 1 MB and was not read",))
                    return parse_metrics(content)
    except (tarfile.TarError, OSError, EOFError, ValueError, RecursionError) as error:
        return Metrics({}, (f"output.tar.gz can't be read: {error}",))
    return Metrics({})
