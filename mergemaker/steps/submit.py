"""``mergemaker submit``: makes sure of data, code and image, and starts the run, or finds the one that did the work."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from mergemaker.domain.errors import RefusedError
from mergemaker.domain.job import JobRequest, request_for, to_json
from mergemaker.domain.model import ModelSpec
from mergemaker.domain.names import (
    Names,
    code_key,
    image_context_key,
    is_address,
    job_name,
    spec_key,
    submission_key,
    waiting_key,
)
from mergemaker.domain.proof import contradictions
from mergemaker.domain.run import Ingredients, Lineage, Origin, Status, TrainingJob
from mergemaker.ports import Files, Images, Jobs, Tracking
from mergemaker.steps.snapshot import digest_of, find_data, keep

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
    """Or the address of somebody else's image."""
    image_context: Callable[[], bytes]
    """Makes the zip file that the image is built from."""

    def ingredients(self, *, data: str, resolved: str = "") -> Ingredients:
        """What a run of this folder on the snapshot `data` is made of, and what its image's address means now."""
        return Ingredients(
            model=self.spec.name,
            code=self.code.digest,
            image=self.image_tag,
            data=data,
            script=self.spec.script,
            hyperparameters=self.spec.hyperparameters,
            resources=self.spec.resources,
            channels={name: channel.content_type for name, channel in self.spec.channels.items()},
            distribution=self.spec.distribution,
            environment=self.spec.environment,
            resolved=resolved,
            metric_regexes=self.spec.metric_regexes,
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


def submit(
    *, folder: Folder, origin: Origin, names: Names, files: Files, tracking: Tracking, images: Images, jobs: Jobs
) -> Submitted:
    """Starts the run of `folder`, once: the same ingredients give the same run, whoever asks, however often.

    Raises UsageError if a channel has no data.
    """
    model = folder.spec.name
    found = find_data(folder.spec, files=files, names=names, tracking=tracking)
    resolved = images.resolve(folder.image_tag) if is_address(folder.image_tag) else ""
    ingredients = folder.ingredients(data=digest_of(found), resolved=resolved)
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
    request = request_for(name, ingredients, lineage=lineage, manner=folder.spec.manner, names=names)
    if existing is not None:
        done = Submitted(name, How.FOUND, existing)
    else:
        files.write(code_key(model, folder.code.digest), folder.code.archive(), replacing=None)
        files.write(spec_key(model, settings), folder.settings, replacing=None)
        keep(model, found, files=files)
        image = resolved or images.find(folder.image_tag) or _build(request, folder, files, images)
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
    lineage, regexes = job.lineage, ingredients.metric_regexes
    if lineage is None or lineage.run_key != ingredients.run_key:
        return False
    return not contradictions(job, lineage, metric_regexes=regexes, names=names)


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
