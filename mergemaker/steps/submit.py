"""``mergemaker submit``: makes sure of data, code and image, and starts the run, or finds the one that did the work."""

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

from mergemaker.domain.errors import RefusedError, RetryableError, UsageError
from mergemaker.domain.job import JobRequest, request_for, to_json
from mergemaker.domain.model import ModelSpec
from mergemaker.domain.names import (
    Names,
    code_key,
    data_prefix,
    image_context_key,
    input_prefix,
    job_name,
    snapshot_key,
    spec_key,
    submission_key,
    waiting_key,
)
from mergemaker.domain.proof import contradictions
from mergemaker.domain.run import Ingredients, Lineage, Origin, Status, TrainingJob
from mergemaker.ports import Files, Images, Jobs, Stored

ATTEMPTS = 20
"""Failed runs of the same ingredients after which submit gives up."""


@dataclass(frozen=True)
class Packed:
    """Files as one archive. The digest is of the content: the same files give the same, anywhere."""

    digest: str
    archive: Callable[[], bytes]
    """Makes it; asked only where it isn't stored yet."""


@dataclass(frozen=True)
class Folder:
    """A model folder, read and packed."""

    spec: ModelSpec
    settings: bytes
    """``model.toml`` as it is."""
    code: Packed
    image_tag: str
    image_context: Callable[[], bytes]
    """Makes the zip file that the image is built from."""

    def ingredients(self, *, data: str) -> Ingredients:
        """What a run of this folder on the snapshot `data` is made of."""
        return Ingredients(
            model=self.spec.name,
            code=self.code.digest,
            image=self.image_tag,
            data=data,
            script=self.spec.script,
            hyperparameters=self.spec.hyperparameters,
            resources=self.spec.resources,
            channels=tuple(self.spec.channels),
        )


class How(StrEnum):
    """What submit did."""

    STARTED = "started"
    WAITS = "waits for its image"
    FOUND = "found"


@dataclass(frozen=True)
class Submitted:
    """The run that does the work."""

    job: str
    how: How
    status: Status


def submit(*, folder: Folder, origin: Origin, names: Names, files: Files, images: Images, jobs: Jobs) -> Submitted:
    """Starts the run of `folder`, once: the same ingredients give the same run, whoever asks, however often.

    Raises UsageError if a channel has no data.
    """
    model = folder.spec.name
    found = _inputs(folder.spec, files, names)
    ingredients = folder.ingredients(data=_snapshot_digest(found))
    name, existing = _free_name(ingredients, names, jobs)
    settings = hashlib.sha256(folder.settings).hexdigest()
    lineage = Lineage(
        project=names.project,
        model=model,
        run_key=ingredients.run_key,
        source=ingredients.source,
        code=folder.code.digest,
        image=folder.image_tag,
        data=ingredients.data,
        spec=settings,
        origin=origin,
    )
    regexes = {metric.name: metric.regex for metric in folder.spec.metrics if metric.regex}
    request = request_for(name, ingredients, lineage=lineage, metric_regexes=regexes, names=names)
    if existing is not None:
        done = Submitted(name, How.FOUND, existing)
    else:
        files.write(code_key(model, folder.code.digest), folder.code.archive(), replacing=None)
        files.write(spec_key(model, settings), folder.settings, replacing=None)
        _copy_snapshot(model, ingredients.data, found, files)
        image = images.find(folder.image_tag) or _build(request, folder, files, images)
        done = _start(request, image, jobs) if image else Submitted(name, How.WAITS, Status.WAITING)
    if done.how is not How.STARTED:
        # A job that starts reports by itself, to whom its tags say; everyone else is told because of this object.
        key = submission_key(model, name, origin.pipeline)
        files.write(key, to_json(request).encode(), replacing=None)
    return done


def _free_name(ingredients: Ingredients, names: Names, jobs: Jobs) -> tuple[str, Status | None]:
    """The name for the next attempt, or the name and status of the run that does the work already."""
    for attempt in range(1, ATTEMPTS + 1):
        name = job_name(ingredients.model, ingredients.run_key, attempt)
        job = jobs.find(name)
        if job is None:
            return name, None
        if job.status not in (Status.FAILED, Status.STOPPED) and _does_the_work(job, ingredients, names):
            return name, job.status
    raise RefusedError(f"{ATTEMPTS} runs of these very files have failed: change something, then submit again")


def _does_the_work(job: TrainingJob, ingredients: Ingredients, names: Names) -> bool:
    """A name can be taken by a job that does something else: nothing will come of that one."""
    lineage = job.lineage
    return lineage is not None and lineage.run_key == ingredients.run_key and not contradictions(job, lineage, names)


def _start(request: JobRequest, image: str, jobs: Jobs) -> Submitted:
    """Somebody who starts the same job at the same moment is no fault: then it is there."""
    started = jobs.start(request, image=image)
    return Submitted(request.name, How.STARTED if started else How.FOUND, Status.IN_PROGRESS)


def _build(request: JobRequest, folder: Folder, files: Files, images: Images) -> str | None:
    """Has the image built, and leaves the run where the build's end finds it. The image, if it is there by then."""
    tag = request.lineage.image
    files.write(image_context_key(request.lineage.model, tag), folder.image_context(), replacing=None)
    files.write(waiting_key(tag, request.name), to_json(request).encode(), replacing=None)
    images.build(tag, context=image_context_key(request.lineage.model, tag))
    # A build that ended before the run was left there does not find it: look once more.
    return images.find(tag)


# Data ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Input:
    """An object of the input, and its place in the snapshot."""

    stored: Stored
    path: str
    """``<channel>/<path under the channel's prefix>``."""


def _inputs(spec: ModelSpec, files: Files, names: Names) -> list[_Input]:
    found: list[_Input] = []
    for name, channel in sorted(spec.channels.items()):
        prefix = f"{input_prefix(spec.name)}{channel.prefix}"
        objects = [stored for stored in files.list(prefix) if not stored.key.endswith("/")]
        if not objects:
            raise UsageError(
                f"channel {name!r} has no data: put files under s3://{names.bucket}/{prefix}, then submit again"
            )
        found += [_Input(stored, f"{name}/{stored.key.removeprefix(prefix)}") for stored in objects]
    return found


def _listed(found: list[_Input]) -> bytes:
    return json.dumps([[one.path, one.stored.size, one.stored.etag] for one in found]).encode()


def _snapshot_digest(found: list[_Input]) -> str:
    return hashlib.sha256(_listed(found)).hexdigest()


def _copy_snapshot(model: str, digest: str, found: list[_Input], files: Files) -> None:
    """Server-side copies under an immutable prefix: replacing the input later never changes a run."""
    key = snapshot_key(model, digest)
    if files.etag(key):
        return
    with ThreadPoolExecutor(max_workers=16) as pool:
        copies = [pool.submit(files.copy, one.stored, data_prefix(model, digest) + one.path) for one in found]
    try:
        for copy in copies:
            copy.result()
    except RetryableError as error:
        raise RetryableError(f"the data changed while it was copied, submit again: {error}") from None
    files.write(key, _listed(found), replacing=None)
