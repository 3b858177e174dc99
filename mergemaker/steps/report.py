"""What a training job's change means: the record, the history, the registry, then the note and the commit status.

Each part is an upsert that can be repeated at any time, and each reads what SageMaker says now, not what the event
said. So events may come twice, late or in any order, and a function that died half way is made good by the next try.
"""

from collections.abc import Mapping
from dataclasses import replace

from mergemaker.domain import about
from mergemaker.domain.errors import RefusedError, RetryableError, UsageError
from mergemaker.domain.history import Row, with_row
from mergemaker.domain.job import JobRequest, from_json
from mergemaker.domain.lineage import TAG_PREFIX, Lineage, Origin
from mergemaker.domain.metrics import merged
from mergemaker.domain.names import (
    SMOKE,
    Names,
    is_address,
    output_key,
    package_key,
    prepared_key,
    reports_key,
    submission_key,
    waiting_key,
)
from mergemaker.domain.proof import contradictions
from mergemaker.domain.release import NewPackage
from mergemaker.domain.run import SCRIPT_MODE, Run, Status, TrainingJob, also_asked
from mergemaker.domain.serving import Serving
from mergemaker.domain.smoke import is_smoke
from mergemaker.ports import Clock, Files, Stored, World
from mergemaker.steps.bundle import holds_what_it_is_named_after
from mergemaker.steps.output import Output, job_output
from mergemaker.steps.publish import publish, spec_of
from mergemaker.steps.serving import serving_of
from mergemaker.steps.snapshot import is_as_listed
from mergemaker.steps.tagged import make_releases

LARGEST_HISTORY = 50_000_000
LARGEST_REQUEST = 1_000_000


def report(job_name: str, world: World) -> Run | None:
    """Brings everything up to date with the training job. None if it is not one of this project's."""
    job = world.jobs.find(job_name)
    return _bring_up(job, world) if job is not None and _ours(job, world) else None


def submitted(key: str, world: World, clock: Clock) -> Run | None:
    """Somebody asked for work that is done already, is going on, or has to wait: they are told, too."""
    request = read_request(key, world.files)
    if request is None or request.lineage.project != world.names.project:
        return None
    origin = request.lineage.origin
    about.turn_to(request.name, request.lineage.model, origin.merge_request)
    if key != submission_key(request.lineage.model, request.name, origin.pipeline):
        raise RefusedError(f"{key} is not where this request belongs")
    job = world.jobs.find(request.name)
    if job is not None and _ours(job, world):
        return _bring_up(job, world, origin)
    if _waits(request, world.files):
        run = keep_unstarted(request, Status.WAITING, world=world, clock=clock)
    elif world.runs.get(request.lineage.model, request.name):
        run = world.runs.change(request.lineage.model, request.name, lambda before: _known(before, request))
    else:
        raise RetryableError(f"run {request.name} neither waits nor is there: it is about to start")
    publish(run, world)
    return run


def _waits(request: JobRequest, files: Files) -> bool:
    """For its image, or, by now, for its data or its smoke run."""
    image = request.lineage.image
    if not is_address(image) and files.etag(waiting_key(request.lineage.model, image, request.name)):
        return True
    return bool(_awaited(request, files))


def _awaited(request: JobRequest, files: Files) -> str:
    """What the run waits for: the job that is its smoke run, or `SMOKE`, or the job that prepares its data. Empty for
    an image, and if it does not wait."""
    preparation = request.preparation.name if request.preparation else ""
    names = (request.smoke_job, SMOKE if request.smoke else "", preparation)
    model = request.lineage.model
    return next((one for one in names if one and files.etag(waiting_key(model, one, request.name))), "")


def _known(before: Run | None, request: JobRequest) -> Run:
    if before is None:
        raise RetryableError(f"the record of run {request.name} is gone")
    return also_asked(before, request.lineage.origin)


def read_request(key: str, files: Files) -> JobRequest | None:
    """None if it isn't there any more. Raises UsageError for what is no request."""
    found = files.read(key, longest=LARGEST_REQUEST)
    return from_json(found[0].decode(errors="replace")) if found else None


def keep_unstarted(request: JobRequest, status: Status, *, reason: str = "", world: World, clock: Clock) -> Run:
    """The record of a run that waits or could not be started; what SageMaker knows of it, if anything, wins.

    A run waits for its image first, then for its data, then for its smoke run: its phase is what `_awaited` says. Who
    has heard that it could not be started does not hear of waiting again: that is word from before, come late.
    """
    now, phase = clock(), _awaited(request, world.files)
    fresh = Run(
        job=request.name,
        lineage=request.lineage,
        status=status,
        phase=phase,
        reason=reason,
        created=now,
        ended=now if status.final else None,
        billed_seconds=None,
        instance="",
        image="",
        artifact="",
        hyperparameters={k: v for k, v in request.hyperparameters.items() if not k.startswith(SCRIPT_MODE)},
        metrics={},
    )

    def change(before: Run | None) -> Run:
        origin = request.lineage.origin
        if before is None:
            return fresh
        late = status is Status.WAITING and (before.status is status or origin in before.asked_by)
        if before.image or late:
            further = before.status is status is Status.WAITING and phase and not before.smoke_job
            return also_asked(replace(before, phase=phase) if further else before, origin)
        known = replace(fresh, lineage=before.lineage, also_asked=before.also_asked, told=before.told)
        return also_asked(known, origin)

    return world.runs.change(fresh.model, fresh.job, change)


def _ours(job: TrainingJob, world: World) -> bool:
    """A smoke run is none that people hear of: only the run that waits for it is."""
    return job.lineage is not None and job.lineage.project == world.names.project and not is_smoke(job.work)


def _bring_up(job: TrainingJob, world: World, asked_by: Origin | None = None) -> Run:
    run = record(job, world, asked_by)
    if run.status is Status.COMPLETED:
        run = _keep(run, job, world)
    try:
        run = make_releases(run, world)
    finally:
        publish(run, world)
    return run


def record(job: TrainingJob, world: World, asked_by: Origin | None = None) -> Run:
    """The run table's record, brought up to what SageMaker says. It never goes back from an end.

    Unless the job was created after that end: then an image could not be built, and now it could.

    A job that did not run what its tags say has failed, whatever SageMaker says, and from the first word on: nothing
    that it left is read, no row and no package is made of it, and no pipeline gets a green status from it.
    """
    lineage = job.lineage
    if lineage is None:
        raise RefusedError(f"{job.name} is not a run of this project")
    about.turn_to(job.name, lineage.model, (asked_by or lineage.origin).merge_request)
    known = world.runs.get(lineage.model, job.name)
    if known and known.version is not None:
        # What has a package was looked at. Its image may have been deleted since, its output replaced.
        fresh = _run(job, lineage)
    else:
        lies = _lies(job, lineage, world)
        fresh = _refused(job, lineage, lies) if lies else _read(job, lineage, world.files)

    def change(before: Run | None) -> Run:
        after = fresh if before is None else _later(before, fresh)
        return also_asked(after, asked_by) if asked_by else after

    return world.runs.change(lineage.model, job.name, change)


def _lies(job: TrainingJob, lineage: Lineage, world: World) -> list[str]:
    """What its tags say wrongly. An image's tag is never given to another image: the registry sees to that.

    The code's own digest is taken before a package is made, and only then: it costs a download. So are the data's files
    looked through, to which others can add; what was prepared is only there when it is whole, and nobody can add to it.
    """
    regexes = spec_of(job.name, lineage, world.files).metric_regexes
    found = contradictions(job, lineage, metric_regexes=regexes, names=world.names)
    if not fits(lineage.image, job.work.image, world):
        found.append("image")
    done = job.status is Status.COMPLETED
    if not found and done and not holds_what_it_is_named_after(lineage.model, lineage.code, world.files):
        found.append("the code bundle's content")
    if not found and done and not _whole(lineage, world.files):
        found.append("the files of its data")
    return found


def _whole(lineage: Lineage, files: Files) -> bool:
    if lineage.prepare:
        return files.etag(prepared_key(lineage.model, lineage.data)) is not None
    return is_as_listed(lineage.model, lineage.data, files=files)


def fits(said: str, image: str, world: World) -> bool:
    """Whether `image` is what the tag or the address `said` names. Somebody else's tags may have moved since; those of
    the project's own registry don't."""
    if not is_address(said):
        return world.images.find(said) == image
    ours = said.startswith(f"{world.names.registry}/{world.names.repository}:")
    return not ours or world.images.resolve(said) == image


def _refused(job: TrainingJob, lineage: Lineage, lies: list[str]) -> Run:
    reason = f"its tags do not match what it ran ({', '.join(lies)}): nothing is released of it; submit again"
    return replace(_run(job, lineage), status=Status.FAILED, reason=reason)


def _read(job: TrainingJob, lineage: Lineage, files: Files) -> Run:
    done = job.status is Status.COMPLETED
    left = job_output(lineage.model, job.name, files) if done else Output()
    metrics = merged(job.metrics, left.metrics.values)
    return replace(_run(job, lineage), metrics=metrics, remarks=left.metrics.remarks, installed=left.installed)


def _run(job: TrainingJob, lineage: Lineage) -> Run:
    return Run(
        job=job.name,
        lineage=lineage,
        status=job.status,
        phase=job.phase,
        reason=job.reason,
        created=job.created,
        ended=job.ended,
        billed_seconds=job.billed_seconds,
        instance=job.work.instance,
        image=job.work.image,
        artifact=job.artifact,
        hyperparameters=job.work.own_hyperparameters,
        metrics={},
    )


def _later(before: Run, fresh: Run) -> Run:
    if before.version is not None:
        return also_asked(before, fresh.lineage.origin)
    if before.status.final and not fresh.status.final and before.created >= fresh.created:
        return before
    kept = replace(fresh, releases=before.releases, also_asked=before.also_asked, told=before.told)
    after = _stopped_by_us(replace(kept, unwanted=before.unwanted))
    return also_asked(_served_by(after, _serving(before)), before.lineage.origin)


def _stopped_by_us(run: Run) -> Run:
    """SageMaker has its own reasons, such as a time limit, and says so in the phase; ours it does not know."""
    stopped = run.status is Status.STOPPED and run.phase == Status.STOPPED
    return replace(run, reason=run.unwanted) if stopped and run.unwanted else run


def _keep(run: Run, job: TrainingJob, world: World) -> Run:
    """The completed run's row in the history and its package in the registry: the latter only if somebody on GitLab
    sees what it is, so that no merge releases what nobody has reviewed."""
    _add_row(run, world.files)
    if run.version is not None or not any(origin.told for origin in run.asked_by):
        return run
    try:
        run = _settled(run, job, world)
    except (RefusedError, UsageError) as error:
        return _without_package(run, str(error), world)
    package = _package(run, _kept_artifact(run, world), world)
    version = world.registry.register(package)

    def change(before: Run | None) -> Run:
        return replace(before or run, version=version, artifact=package.artifact, artifact_etag=package.artifact_etag)

    return world.runs.change(run.model, run.job, change)


def _settled(run: Run, job: TrainingJob, world: World) -> Run:
    """With what serves it written down, before there is a package: a tag that moves makes no second one."""
    serving = serving_of(run, job, world)

    def change(before: Run | None) -> Run:
        now = before or run
        return now if now.serve_image else _served_by(now, serving)

    return run if serving == Serving(run.image) else world.runs.change(run.model, run.job, change)


def _serving(run: Run) -> Serving:
    return Serving(run.serve_image, run.serve_environment, run.serve_code)


def _served_by(run: Run, serving: Serving) -> Run:
    return replace(run, serve_image=serving.image, serve_environment=serving.environment, serve_code=serving.code)


def _without_package(run: Run, why: str, world: World) -> Run:
    def change(before: Run | None) -> Run:
        now = before or run
        return replace(now, remarks=(*now.remarks, f"there is nothing to release: {why}"))

    return world.runs.change(run.model, run.job, change)


def _kept_artifact(run: Run, world: World) -> Stored:
    """The artifact's copy in a place that no job writes. A try before this one may have made it: what it took stays."""
    key = package_key(run.model, run.job)
    kept = _stored(key, world.files)
    if kept is None:
        output = output_key(run.model, run.job, "model.tar.gz")
        artifact = _stored(output, world.files)
        if artifact is None:
            raise RetryableError(f"s3://{world.names.bucket}/{output} is not there (yet)")
        world.files.copy(artifact, key)
        kept = _stored(key, world.files)
    if kept is None:
        raise RetryableError(f"s3://{world.names.bucket}/{key} is not there (yet)")
    return kept


def _stored(key: str, files: Files) -> Stored | None:
    return next((one for one in files.list(key) if one.key == key), None)


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


def _package(run: Run, artifact: Stored, world: World) -> NewPackage:
    origin = run.lineage.origin
    merge_request = f" for merge request !{origin.merge_request}" if origin.merge_request else ""
    return NewPackage(
        group=world.names.package_group(run.model),
        project=world.names.project,
        model=run.model,
        job=run.job,
        run_key=run.lineage.run_key,
        source=run.lineage.source,
        commit=origin.commit,
        merge_request=origin.merge_request,
        description=f"Run {run.job} of commit {origin.commit[:8]}{merge_request}",
        image=run.serve_image or run.image,
        artifact=f"s3://{world.names.bucket}/{artifact.key}",
        artifact_etag=artifact.etag,
        content_type=spec_of(run.job, run.lineage, world.files).content_type,
        tags=tags(world.names, run.model),
        pipeline=origin.pipeline,
        environment=run.serve_environment,
        code=run.serve_code,
    )


def tags(names: Names, model: str) -> Mapping[str, str]:
    """For what is made at run time."""
    return {f"{TAG_PREFIX}project": names.project, f"{TAG_PREFIX}model": model}
