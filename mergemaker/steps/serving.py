"""What serves a completed run's model: see `mergemaker.domain.serving`."""

import io
import json
import re
import tarfile

from mergemaker.domain.errors import RefusedError, RetryableError
from mergemaker.domain.names import IMAGE_ADDRESS, code_key, is_address
from mergemaker.domain.run import Run, TrainingJob
from mergemaker.domain.serving import SERVE_IMAGE, Serving, program, variables
from mergemaker.ports import Files, World
from mergemaker.steps.bundle import LARGEST_BUNDLE


def serving_of(run: Run, job: TrainingJob, world: World) -> Serving:
    """By what the job itself says, which has been compared with the tags. The bundle has been looked into, too.

    Raises RefusedError or UsageError for an image that isn't there.
    """
    if not is_address(run.lineage.image):
        return Serving(run.image)
    image = _image(run, job, world)
    said = job.work.hyperparameters.get("sagemaker_program")
    if said is None:  # an algorithm serves by itself
        return Serving(image)
    file = program(json.loads(said), _files(run, world.files))
    code = f"s3://{world.names.bucket}/{code_key(run.model, run.lineage.code)}"
    return Serving(image, variables(image, file, region=world.names.region), code)


def _image(run: Run, job: TrainingJob, world: World) -> str:
    other = job.work.environment.get(SERVE_IMAGE)
    if other is None:
        return run.image
    if not re.fullmatch(IMAGE_ADDRESS, other, re.ASCII):
        raise RefusedError(f"{SERVE_IMAGE} is no image's address: set image.serve_uri")
    return world.images.resolve(other)


def _files(run: Run, files: Files) -> list[str]:
    key = code_key(run.model, run.lineage.code)
    found = files.read(key, longest=2 * LARGEST_BUNDLE)
    if found is None:
        raise RetryableError(f"{key} is not there (any more)")
    with tarfile.open(fileobj=io.BytesIO(found[0]), mode="r:gz") as archive:
        return archive.getnames()
