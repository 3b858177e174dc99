"""What the end of a processing job means: what it left becomes prepared data, and the runs that waited for it start.

A script's word is not taken for where data came from: the job is compared with what its tags say, and its output is
copied to a place that neither jobs nor CI can write.
"""

import json

from mergemaker.domain import about
from mergemaker.domain.errors import RefusedError
from mergemaker.domain.names import (
    SMOKE,
    code_key,
    image_model,
    output_prefix,
    prepared_key,
    prepared_prefix,
    waiting_key,
)
from mergemaker.domain.preparation import Preparation, PreparationJob, contradictions
from mergemaker.domain.run import Status
from mergemaker.ports import Clock, Files, World
from mergemaker.steps.bundle import holds_what_it_is_named_after
from mergemaker.steps.report import fits, read_request
from mergemaker.steps.smoke import find_smoke, smoke_ended
from mergemaker.steps.snapshot import copy_all, is_as_listed
from mergemaker.steps.waiting import refuse_all, start_all, waiting_for


def preparation_ended(name: str, world: World, clock: Clock) -> list[str]:
    """Names of the runs that waited for the processing job `name` and don't any more; none for a job that goes on, or
    is not this project's."""
    job = world.preparations.find(name)
    if job is None or job.preparation is None or job.project != world.names.project or not job.status.final:
        return []
    made_of = job.preparation
    about.turn_to(name, made_of.model, None)
    reason = _taken_over(job, made_of, world) if job.status is Status.COMPLETED else job.reason
    waiting = waiting_for(made_of.model, name, world.files)
    if reason:
        return refuse_all(waiting, f"its data could not be prepared ({name}): {reason}", world, clock)
    return start_all(waiting, image=job.work.image, world=world, clock=clock)


def run_waits(key: str, world: World, clock: Clock) -> list[str]:
    """A run was left to wait at `key`: if what it waits for is there already, nothing else would tell.

    An image that is still to be built tells by the end of its build.
    """
    request = read_request(key, world.files)
    if request is None:
        return []
    model, awaited = request.lineage.model, key.split("/")[-2]
    if key != waiting_key(model, awaited, request.name):
        raise RefusedError(f"{key} is not where this request belongs")
    if request.preparation and awaited == request.preparation.name:
        return preparation_ended(awaited, world, clock)
    if awaited == SMOKE:
        return find_smoke(key, request, world, clock)
    if awaited == request.smoke_job:
        return smoke_ended(awaited, world, clock)
    image = world.images.find(awaited) if image_model(awaited) == model else None
    if image is None or awaited != request.lineage.image:
        return []
    return start_all({key: request}, image=image, world=world, clock=clock)


def _taken_over(job: PreparationJob, made_of: Preparation, world: World) -> str:
    """Why what the job left can't be taken over, be it for good; empty once it is."""
    try:
        return _take_over(job, made_of, world)
    except RefusedError as error:
        return str(error)


def _take_over(job: PreparationJob, made_of: Preparation, world: World) -> str:
    """Copies what a completed job left, unless that was done; why it can't be, in words, else empty.

    It can be repeated at any time, and one that broke off is continued. Raises RetryableError if the output changes
    meanwhile.
    """
    files, model = world.files, made_of.model
    listed = prepared_key(model, made_of.key)
    if files.etag(listed):
        return ""
    if lies := _lies(job, made_of, world):
        return f"its tags do not match what it ran ({', '.join(lies)}); submit again"
    if planted := _planted(made_of, world.files):
        return f"somebody put files {planted}, and it may have read them: only a change gives it another place"
    left, into = f"{output_prefix(model)}/{job.name}/", prepared_prefix(model, made_of.key)
    found = {one.key.removeprefix(left): one for one in files.list(left) if not one.key.endswith("/")}
    if missing := [name for name in made_of.channels if not any(path.startswith(f"{name}/") for path in found)]:
        return f"{made_of.script} left nothing in /opt/ml/processing/output/{missing[0]}, which is to be a channel"
    copy_all({f"{into}{path}": stored for path, stored in found.items()}, into, files)
    files.write(listed, json.dumps([[path, one.size, one.etag] for path, one in sorted(found.items())]).encode(),
                replacing=None)  # fmt: skip
    return ""


def _planted(made_of: Preparation, files: Files) -> str:
    """Where the job may have read more than it is named after, in words; empty if it has not.

    SageMaker hands over all that begins with a prefix, and who may push a branch can add to what is there. It stays
    there, for CI can delete nothing: so a later attempt at the same would read it, too.
    """
    code = code_key(made_of.model, made_of.code)
    if any(stored.key != code for stored in files.list(code)):
        return f"beside the bundle of {made_of.script}"
    return "" if is_as_listed(made_of.model, made_of.data, files=files) else "into the snapshot of its input"


def _lies(job: PreparationJob, made_of: Preparation, world: World) -> list[str]:
    found = contradictions(job, made_of, names=world.names)
    if not fits(made_of.image, job.work.image, world):
        found.append("image")
    if not found and not holds_what_it_is_named_after(made_of.model, made_of.code, world.files):
        found.append("the code bundle's content")
    return found
