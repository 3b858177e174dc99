"""What SageMaker is asked to do for a run."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from mergemaker.domain.errors import UsageError
from mergemaker.domain.lineage import Ingredients, Lineage, lineage_tags, parse_lineage
from mergemaker.domain.model import SMOKE_MARK, Distribution, InputMode, Launcher, Manner, Resources, Smoke
from mergemaker.domain.names import (
    Names,
    checkpoints_prefix,
    code_key,
    data_prefix,
    is_run,
    may_be,
    model_of,
    output_prefix,
    part_prefix,
    prepared_prefix,
)
from mergemaker.domain.preparation import PreparationRequest, from_said
from mergemaker.domain.run import Work


@dataclass(frozen=True)
class JobRequest:
    """A training job to be started; its image is known by tag, and by digest once it is built."""

    name: str
    lineage: Lineage
    hyperparameters: Mapping[str, str]
    """Texts, script mode's own among them."""
    channels: Mapping[str, str]
    """Name -> ``s3://…/`` prefix."""
    output: str
    """``s3://…`` prefix under which SageMaker makes a folder of the job's name."""
    resources: Resources
    metric_regexes: Mapping[str, str]
    content_types: Mapping[str, str] = field(default_factory=dict)
    """Of the channels that have one."""
    input_modes: Mapping[str, str] = field(default_factory=dict)
    """Of the channels that are read in another way than File."""
    environment: Mapping[str, str] = field(default_factory=dict)
    checkpoints: str = ""
    """``s3://…/`` prefix; empty if none are kept."""
    max_wait_seconds: int | None = None
    """For a spot instance; None for one that is not."""
    preparation: PreparationRequest | None = None
    """What makes the data, unless it is there; None for a run on a snapshot."""
    image: str = ""
    """Somebody else's, as its address was understood at submit; empty for one that is made here."""
    smoke: Smoke | None = None
    """What has to pass before; None for a run that starts at once."""
    smoke_job: str = ""
    """The training job that is that, once it is known."""


def request_for(
    name: str,
    ingredients: Ingredients,
    *,
    lineage: Lineage,
    manner: Manner,
    names: Names,
    preparation: PreparationRequest | None = None,
) -> JobRequest:
    """The job that trains `ingredients`: the same ones ask for the same, but for the manner."""
    bucket, model = f"s3://{names.bucket}", ingredients.model
    data = f"{bucket}/{_data(ingredients)}"
    modes = {channel: manner.input_modes.get(channel, InputMode.FILE) for channel in ingredients.channels}
    checkpoints = f"{bucket}/{checkpoints_prefix(model, name if lineage.repeats else ingredients.run_key)}"
    return JobRequest(
        name=name,
        lineage=lineage,
        hyperparameters=ingredients.texts | _script_mode(ingredients, names),
        channels={one: f"{data}{one}/" for one in ingredients.channels},
        output=f"{bucket}/{output_prefix(model)}",
        resources=ingredients.resources,
        metric_regexes=ingredients.metric_regexes,
        content_types={one: kind for one, kind in ingredients.channels.items() if kind},
        input_modes={one: mode.value for one, mode in modes.items() if mode is not InputMode.FILE},
        environment=ingredients.environment,
        checkpoints=checkpoints if manner.checkpoints else "",
        max_wait_seconds=manner.spot.max_wait_seconds if manner.spot else None,
        preparation=preparation,
    )


def _data(ingredients: Ingredients) -> str:
    """Where it lies: a part of a run's data where no run's lies, so that none is taken for the other."""
    if SMOKE_MARK in ingredients.environment:
        return part_prefix(ingredients.model, ingredients.data)
    return (prepared_prefix if ingredients.prepare else data_prefix)(ingredients.model, ingredients.data)


def work_of(request: JobRequest, *, image: str) -> Work:
    """What the job runs, once it was started with this image."""
    return Work(
        image=image,
        hyperparameters=request.hyperparameters,
        channels=request.channels,
        output=request.output,
        resources=request.resources,
        content_types=request.content_types,
        environment=request.environment,
        checkpoints=request.checkpoints,
        metric_regexes=request.metric_regexes,
    )


def _script_mode(ingredients: Ingredients, names: Names) -> dict[str, str]:
    """What AWS's training toolkit is told; nothing for an algorithm, which doesn't know it."""
    if ingredients.script is None:
        return {}
    values = {
        "sagemaker_program": ingredients.script,
        "sagemaker_submit_directory": f"s3://{names.bucket}/{code_key(ingredients.model, ingredients.code)}",
        "sagemaker_region": names.region,
        **_launching(ingredients.distribution),
    }
    return {key: json.dumps(value) for key, value in values.items()}


ENABLED = {Launcher.MPI: "sagemaker_mpi_enabled", Launcher.TORCHRUN: "sagemaker_torch_distributed_enabled"}
PER_HOST = "sagemaker_mpi_num_of_processes_per_host"
"""In spite of its name, the toolkit asks for it whatever the launcher; without it, it counts GPUs."""


def _launching(distribution: Distribution) -> dict[str, bool | int]:
    if distribution.launcher is Launcher.NONE:
        return {}
    per_host = {PER_HOST: distribution.per_host} if distribution.per_host else {}
    return {ENABLED[distribution.launcher]: True, **per_host}


def launched(hyperparameters: Mapping[str, str]) -> Distribution:
    """What `request_for` was told, of a job that it is for. Raises ValueError for what it never says."""
    found = [launcher for launcher, key in ENABLED.items() if key in hyperparameters]
    per_host = json.loads(hyperparameters.get(PER_HOST, "0"))
    if len(found) > 1 or type(per_host) is not int:
        raise ValueError("two launchers, or a number of processes that is none")
    return Distribution(found[0] if found else Launcher.NONE, per_host)


def stores_locally(instance_type: str) -> bool:
    """Whether an instance type has NVMe disks of its own, which its hardware encrypts with keys that nobody sees:
    SageMaker takes no key for them.

    From the EC2 instance types guide, instance store specifications: families with a ``d`` have them, and the newer
    ones with GPUs or Trainium. Others that SageMaker trains or serves on have none.
    """
    family = instance_type.removeprefix("ml.").partition(".")[0]
    return "d" in family or family.startswith(("g5", "g6", "g7", "p5", "p6", "trn"))


def to_json(request: JobRequest) -> str:
    """For a run that waits for its image, its data or its smoke run."""
    said = {**asdict(request), "lineage": lineage_tags(request.lineage)}
    return json.dumps(said, sort_keys=True)


def from_json(text: str) -> JobRequest:
    """Raises UsageError for what `to_json` did not write: who may write into the bucket may leave anything there."""
    try:
        said: dict[str, Any] = json.loads(text)
        lineage = parse_lineage(said["lineage"])
        if lineage is None:
            raise UsageError("a waiting run without its lineage")
        read = {
            "lineage": lineage,
            "resources": Resources(**said["resources"]),
            "preparation": from_said(said["preparation"]) if said["preparation"] else None,
            "smoke": _smoke(said["smoke"]) if said.get("smoke") else None,
        }
        request = JobRequest(**{**said, **read})
        if not _sound(request):
            raise UsageError("a waiting run whose name, numbers or texts can't be")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UsageError(f"not a waiting run: {error!r}"[:200]) from None
    return request


def _smoke(said: Mapping[str, Any]) -> Smoke:
    smoke = Smoke(**{**said, "resources": Resources(**said["resources"])})
    if type(smoke.fraction) is not float or not 0 < smoke.fraction <= 1:
        raise ValueError("a fraction that is none")
    return smoke


def _sound(request: JobRequest) -> bool:
    """Whether the names are such as the lineage gives, and all else is of its type."""
    sizes = [request.resources, *([request.smoke.resources] if request.smoke else [])]
    pairs = (
        request.hyperparameters,
        request.channels,
        request.metric_regexes,
        request.content_types,
        request.input_modes,
        request.environment,
    )
    texts: list[object] = [
        request.output,
        request.checkpoints,
        *(one.instance_type for one in sizes),
        *(text for some in pairs for pair in some.items() for text in pair),
    ]
    made_of = request.preparation
    if made_of and (made_of.preparation.model, made_of.preparation.key) != (
        request.lineage.model,
        request.lineage.data,
    ):
        return False
    wait = request.max_wait_seconds
    numbers: list[object] = [0 if wait is None else wait]
    numbers += [n for one in sizes for n in (one.instance_count, one.volume_gb, one.max_runtime_seconds)]
    return (
        is_run(request.name, request.lineage.model, request.lineage.run_key)
        and (request.smoke_job == "" or model_of(request.smoke_job) == request.lineage.model)
        and (request.image == "" or may_be(request.lineage.image, request.image))
        and all(isinstance(text, str) for text in texts)
        and all(type(number) is int for number in numbers)
    )
