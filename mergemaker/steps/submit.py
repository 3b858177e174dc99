"""``mergemaker submit``: makes sure of data, code and image, and starts the run, or finds the one that did the work."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from mergemaker.domain.errors import RefusedError
from mergemaker.domain.job import JobRequest, request_for, to_json
from mergemaker.domain.lineage import Ingredients, Lineage, Origin
from mergemaker.domain.model import ModelSpec
from mergemaker.domain.names import (
    Names,
    code_key,
    image_context_key,
    is_address,
    preparation_name,
    spec_key,
    submission_key,
    waiting_key,
)
from mergemaker.domain.preparation import Preparation, PreparationRequest
from mergemaker.domain.prices import training_cost
from mergemaker.domain.proof import contradictions
from mergemaker.domain.run import Status, TrainingJob
from mergemaker.ports import Files, Images, Jobs, Preparations, Tracking
from mergemaker.steps.attempts import attempts_at, next_attempt
from mergemaker.steps.begin import WAITS, How, begin
from mergemaker.steps.snapshot import digest_of, find_data, keep


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
    prepare_code: Packed | None = None
    """What the preparation's script is made of, for a model that has one."""

    def ingredients(self, *, data: str, resolved: str = "") -> Ingredients:
        """What a run of this folder on the snapshot `data` is made of, and what its image's address means now."""
        made_of = self.preparation(data=data, resolved=resolved)
        return Ingredients(
            model=self.spec.name,
            code=self.code.digest,
            image=self.image_tag,
            data=made_of.key if made_of else data,
            script=self.spec.script,
            hyperparameters=self.spec.hyperparameters,
            resources=self.spec.resources,
            channels={name: channel.content_type for name, channel in self.spec.channels.items()},
            distribution=self.spec.distribution,
            environment=self.spec.environment,
            resolved=resolved,
            metric_regexes=self.spec.metric_regexes,
            prepare=made_of.source if made_of else "",
        )

    def preparation(self, *, data: str, resolved: str = "") -> Preparation | None:
        """What makes the run's data out of the snapshot `data`; None where that is what it trains on."""
        if self.spec.prepare is None or self.prepare_code is None:
            return None
        return Preparation(
            model=self.spec.name,
            code=self.prepare_code.digest,
            image=self.image_tag,
            script=self.spec.prepare.script,
            inputs=tuple(sorted(self.spec.prepare.inputs)),
            channels=tuple(sorted(self.spec.channels)),
            data=data,
            resolved=resolved,
        )


@dataclass(frozen=True)
class Submitted:
    """The run that does the work."""

    job: str
    how: How
    status: Status


def submit(  # noqa: PLR0913 - the six ports need no bag
    *,
    folder: Folder,
    origin: Origin,
    names: Names,
    files: Files,
    tracking: Tracking,
    images: Images,
    jobs: Jobs,
    preparations: Preparations,
    force: bool = False,
) -> Submitted:
    """Starts the run of `folder`, once: the same ingredients give the same run, whoever asks, however often; with
    `force` they give another, which is recorded as a repetition.

    Raises UsageError if a channel has no data, RefusedError if the run may cost more than its budget.
    """
    model = folder.spec.name
    afford(folder.spec)
    found = find_data(folder.spec, files=files, names=names, tracking=tracking)
    resolved = images.resolve(folder.image_tag) if is_address(folder.image_tag) else ""
    if folder.spec.image.serve_uri:
        images.resolve(folder.spec.image.serve_uri)  # one that isn't there is told now, not when the run is done
    data = digest_of(found)
    ingredients = folder.ingredients(data=data, resolved=resolved)
    attempts = attempts_at(model, ingredients.run_key, jobs)
    done_before = next((job for job in reversed(attempts) if _does_the_work(job, ingredients, names)), None)
    existing = None if force else done_before
    name = existing.name if existing else next_attempt(model, ingredients.run_key, attempts)
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
        repeats=done_before.name if done_before and not existing else "",
        prepare=ingredients.prepare,
        input=data if ingredients.prepare else "",
    )
    request = request_for(
        name,
        ingredients,
        lineage=lineage,
        manner=folder.spec.manner,
        names=names,
        preparation=_preparation(folder, names, data=data, resolved=resolved),
    )
    request = replace(request, image=resolved, smoke=folder.spec.smoke)
    if existing is not None:
        done = Submitted(name, How.FOUND, existing.status)
    else:
        files.write(code_key(model, folder.code.digest), folder.code.archive(), replacing=None)
        files.write(spec_key(model, settings), folder.settings, replacing=None)
        if folder.prepare_code is not None:
            files.write(code_key(model, folder.prepare_code.digest), folder.prepare_code.archive(), replacing=None)
        keep(model, found, files=files)
        if image := resolved or images.find(folder.image_tag):
            how, request = begin(request, image=image, names=names, files=files, jobs=jobs, preparations=preparations)
        else:
            how = _build(request, folder, files, images)
        done = Submitted(name, how, Status.WAITING if how in WAITS else Status.IN_PROGRESS)
    if done.how is not How.STARTED:
        # A job that starts reports by itself, to whom its tags say; everyone else is told because of this object.
        key = submission_key(model, name, origin.pipeline)
        files.write(key, to_json(request).encode(), replacing=None)
    return done


def afford(spec: ModelSpec) -> None:
    """By list prices and the whole time limits, preparation and smoke run included: what is not known beforehand can't
    keep to a budget."""
    if spec.budget is None:
        return
    most = 0.0
    jobs = [one.resources for one in (spec, spec.prepare, spec.smoke) if one]
    for one in jobs:
        cost = training_cost(one.instances, one.max_runtime_seconds)
        if cost is None:
            raise RefusedError(
                f"{spec.name}: train.budget can't be kept to, for nobody knows what {one.instance_type} costs: add its "
                "price to mergemaker/prices.toml, or leave out train.budget"
            )
        most += cost
    if most > spec.budget:
        what = " and ".join(f"{one.instances} for up to {one.max_runtime_seconds // 60} minutes" for one in jobs)
        raise RefusedError(
            f"{spec.name}: {what} may cost ${most:,.3f}, and train.budget is ${spec.budget:,.3f}: lower "
            f"{'max_runtime_minutes' if len(jobs) > 1 else 'train.max_runtime_minutes'}, or raise the budget"
        )


def _does_the_work(job: TrainingJob, ingredients: Ingredients, names: Names) -> bool:
    """A name can be taken by a job that does something else: nothing will come of that one. A reproduction has no
    package, so nobody is told of it in place of a run."""
    lineage, regexes = job.lineage, ingredients.metric_regexes
    if lineage is None or lineage.run_key != ingredients.run_key or not lineage.origin.told:
        return False
    if job.status in (Status.FAILED, Status.STOPPING, Status.STOPPED):
        return False
    return not contradictions(job, lineage, metric_regexes=regexes, names=names)


def _preparation(folder: Folder, names: Names, *, data: str, resolved: str) -> PreparationRequest | None:
    made_of, spec = folder.preparation(data=data, resolved=resolved), folder.spec.prepare
    if made_of is None or spec is None:
        return None
    name = preparation_name(made_of.model, made_of.key)
    return PreparationRequest(name, names.project, made_of, spec.resources)


def _build(request: JobRequest, folder: Folder, files: Files, images: Images) -> How:
    """Has the image built, and leaves the run where the build's end finds it.

    A build that ended before the run was left there does not find it: the bucket's event tells of the run once more.
    """
    model, tag = request.lineage.model, request.lineage.image
    files.write(image_context_key(model, tag), folder.image_context(), replacing=None)
    files.write(waiting_key(model, tag, request.name), to_json(request).encode(), replacing=None)
    images.build(tag, context=image_context_key(model, tag))
    return How.WAITS_FOR_IMAGE
