"""The making of a run's data, by a SageMaker processing job: what decides it, and what the job is asked to do.

Prepared data is named by the preparation's key, which is known before the job starts: so is the key of the run that is
made of it. The same script, image and input give the same key, and are prepared once.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from mergemaker.domain.lineage import as_tags, from_tags
from mergemaker.domain.model import Resources
from mergemaker.domain.names import (
    IMAGE_ADDRESS,
    IMAGE_TAG,
    MODEL_MAX,
    Names,
    code_key,
    data_prefix,
    is_address,
    is_preparation,
    may_be,
    name_fault,
    output_prefix,
)
from mergemaker.domain.run import Status

INPUT, OUTPUT = PurePosixPath("/opt/ml/processing/input"), PurePosixPath("/opt/ml/processing/output")
"""SageMaker's own places; scripts know them by heart."""
CODE = "code"
"""The input that the script comes as."""
_UNPACK_AND_RUN = (
    f'cd "$(mktemp -d)"; mkfifo e; mkdir c; tar -xzf {INPUT / CODE}/*.tar.gz -C c; tee m <e >&2 & cd c; '
    'python3 -u "$0" 2>../e || '
    "{ c=$?; wait; mkdir -p /opt/ml/output; tail -c 900 ../m >/opt/ml/output/message; exit $c; }"
)
"""Processing hands over files and unpacks nothing, and tells of a failure what lies in that message, at most 1 KB: the
end of stderr. Any image has what this needs, also one that knows nothing of us. SageMaker takes 256 characters."""


def prepared_digest(source: str, data: str, resolved: str = "") -> str:
    """The preparation key, 64 hex digits: of `Preparation.source`, of the input's snapshot, and of what somebody else's
    image meant by then."""
    return hashlib.sha256(f"{source} {data} {resolved}".rstrip().encode()).hexdigest()


@dataclass(frozen=True)
class Preparation:
    """All that decides what prepared data is."""

    model: str
    code: str
    """Digest of the bundle of the script and its files."""
    image: str
    """The model's, as `Ingredients.image`."""
    script: str
    inputs: tuple[str, ...]
    """Names, in order."""
    channels: tuple[str, ...]
    """Names of what is made, in order."""
    data: str
    """Digest of the input's snapshot."""
    resolved: str = ""
    """As `Ingredients.resolved`."""

    @property
    def source(self) -> str:
        """Digest of what comes from the repository: all but the data."""
        made_of = [self.model, self.code, self.image, self.script, self.inputs, self.channels]
        return hashlib.sha256(json.dumps(["prepare", *made_of]).encode()).hexdigest()

    @property
    def key(self) -> str:
        return prepared_digest(self.source, self.data, self.resolved)


@dataclass(frozen=True)
class PreparationRequest:
    """A processing job to be started."""

    name: str
    project: str
    preparation: Preparation
    resources: Resources
    """One instance."""


@dataclass(frozen=True)
class PreparationWork:
    """What a processing job runs, as SageMaker has it: no tag, and fixed once the job is there."""

    image: str
    """By digest."""
    command: tuple[str, ...]
    inputs: Mapping[str, tuple[str, str]]
    """Name -> ``s3://…`` and the place in the container."""
    outputs: Mapping[str, tuple[str, str]]
    """The same, of what is left."""
    unusual: tuple[str, ...] = ()
    """What is set otherwise than `ports.Preparations.start` sets it and changes what runs, in SageMaker's words."""


@dataclass(frozen=True)
class PreparationJob:
    """A processing job as SageMaker describes it."""

    name: str
    status: Status
    reason: str
    """Why it failed or stopped; empty if it did not."""
    work: PreparationWork
    project: str
    """By its tags."""
    preparation: Preparation | None
    """By its tags; None for a job that is not ours."""


def work_of(name: str, preparation: Preparation, *, image: str, names: Names) -> PreparationWork:
    """What the job of this name does for `preparation`."""
    bucket, p = f"s3://{names.bucket}", preparation
    code = (f"{bucket}/{code_key(p.model, p.code)}", str(INPUT / CODE))
    data = f"{bucket}/{data_prefix(p.model, p.data)}"
    left = f"{bucket}/{output_prefix(p.model)}/{name}/"
    return PreparationWork(
        image=image,
        command=("/bin/sh", "-ec", _UNPACK_AND_RUN, p.script),
        inputs={CODE: code} | {one: (f"{data}{one}/", str(INPUT / one)) for one in p.inputs},
        outputs={one: (f"{left}{one}", str(OUTPUT / one)) for one in p.channels},
    )


def contradictions(job: PreparationJob, preparation: Preparation, *, names: Names) -> list[str]:
    """What of the job is not as its tags say, in words; nothing for every job that submit starts.

    Tags are the word of whoever started the job: see `domain.proof`. An image that was made here is known by its tag:
    who has its digest compares them.
    """
    honest = work_of(job.name, preparation, image=job.work.image, names=names)
    same = {
        "project": job.project == names.project,
        "image": not preparation.resolved or may_be(preparation.image, job.work.image),
        "script": job.work.command == honest.command,
        "code or data": dict(job.work.inputs) == honest.inputs,
        "output": dict(job.work.outputs) == honest.outputs,
        "name": is_preparation(job.name, preparation.model, preparation.key),
        ", ".join(job.work.unusual): not job.work.unusual,
    }
    return [what for what, fits in same.items() if not fits]


def preparation_tags(request: PreparationRequest) -> dict[str, str]:
    p = request.preparation
    values = {
        "project": request.project,
        "model": p.model,
        "preparation-key": p.key,
        "code": p.code,
        "image": p.image,
        "data": p.data,
        "script": p.script,
    }
    return as_tags(values)


_DIGEST = r"[0-9a-f]{64}"
_SHAPES = {"code": _DIGEST, "data": _DIGEST, "image": f"{IMAGE_TAG}|{IMAGE_ADDRESS}", "script": r"[\w+./-]{1,250}"}


def parse_preparation(tags: Mapping[str, str], work: PreparationWork) -> tuple[str, Preparation | None]:
    """Project and preparation in a job's tags, and in the names of what it reads and leaves; None if they are not such
    as `preparation_tags` makes: then the job is not ours."""
    got = from_tags(tags)
    model, project = got.get("model", ""), got.get("project", "")
    shaped = all(re.fullmatch(shape, got.get(key, ""), re.ASCII) for key, shape in _SHAPES.items())
    if not shaped or name_fault(model, MODEL_MAX):
        return project, None
    preparation = Preparation(
        model=model,
        code=got["code"],
        image=got["image"],
        script=got["script"],
        inputs=tuple(sorted(work.inputs.keys() - {CODE})),
        channels=tuple(sorted(work.outputs)),
        data=got["data"],
        resolved=work.image if is_address(got["image"]) else "",
    )
    return project, preparation if preparation.key == got.get("preparation-key") else None


def from_said(said: Mapping[str, Any]) -> PreparationRequest:
    """The opposite of ``asdict``. Raises ValueError, TypeError or KeyError for what was no request."""
    made_of = {**said["preparation"]}
    made_of |= {key: tuple(made_of[key]) for key in ("inputs", "channels")}
    preparation, resources = Preparation(**made_of), Resources(**said["resources"])
    texts = [said["name"], said["project"], resources.instance_type, *preparation.inputs, *preparation.channels]
    texts += [preparation.model, preparation.code, preparation.image, preparation.script, preparation.data]
    numbers = [resources.instance_count, resources.volume_gb, resources.max_runtime_seconds]
    if not all(isinstance(one, str) for one in [*texts, preparation.resolved]):
        raise TypeError("texts that are none")
    if not all(type(one) is int for one in numbers):
        raise TypeError("numbers that are none")
    if name_fault(preparation.model, MODEL_MAX) or not is_preparation(said["name"], preparation.model, preparation.key):
        raise ValueError("a name that is not the preparation's")
    return PreparationRequest(said["name"], said["project"], preparation, resources)
