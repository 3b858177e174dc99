"""What SageMaker is asked to do for a run."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mergemaker.domain.errors import UsageError
from mergemaker.domain.model import Resources
from mergemaker.domain.names import Names, code_key, data_prefix, job_name, output_prefix
from mergemaker.domain.run import Ingredients, Lineage, lineage_tags, parse_lineage


@dataclass(frozen=True)
class JobRequest:
    """A training job to be started; its image is known by tag, and by digest once it is built."""

    name: str
    lineage: Lineage
    hyperparameters: Mapping[str, str]
    """JSON texts, script mode's own among them."""
    channels: Mapping[str, str]
    """Name -> ``s3://…/`` prefix."""
    output: str
    """``s3://…`` prefix under which SageMaker makes a folder of the job's name."""
    resources: Resources
    metric_regexes: Mapping[str, str]


def request_for(
    name: str, ingredients: Ingredients, *, lineage: Lineage, metric_regexes: Mapping[str, str], names: Names
) -> JobRequest:
    """The job that trains `ingredients`: the same ones ask for the same, but for what is told of it."""
    bucket, model = f"s3://{names.bucket}", ingredients.model
    script_mode = {
        "sagemaker_program": ingredients.script,
        "sagemaker_submit_directory": f"{bucket}/{code_key(model, ingredients.code)}",
        "sagemaker_region": names.region,
    }
    values = {**ingredients.hyperparameters, **script_mode}
    return JobRequest(
        name=name,
        lineage=lineage,
        hyperparameters={key: json.dumps(value) for key, value in values.items()},
        channels={one: f"{bucket}/{data_prefix(model, ingredients.data)}{one}/" for one in ingredients.channels},
        output=f"{bucket}/{output_prefix(model)}",
        resources=ingredients.resources,
        metric_regexes=metric_regexes,
    )


def stores_locally(instance_type: str) -> bool:
    """Whether an instance type has NVMe disks of its own, which its hardware encrypts with keys that nobody sees:
    SageMaker takes no key for them.

    From the EC2 instance types guide, instance store specifications: families with a ``d`` have them, and the newer
    ones with GPUs or Trainium. Others that SageMaker trains or serves on have none.
    """
    family = instance_type.removeprefix("ml.").partition(".")[0]
    return "d" in family or family.startswith(("g5", "g6", "g7", "p5", "p6", "trn"))


def to_json(request: JobRequest) -> str:
    """For a run that waits for its image."""
    said = {**asdict(request), "lineage": lineage_tags(request.lineage)}
    return json.dumps(said, sort_keys=True)


def from_json(text: str) -> JobRequest:
    """Raises UsageError for what `to_json` did not write: who may write into the bucket may leave anything there."""
    try:
        said: dict[str, Any] = json.loads(text)
        lineage = parse_lineage(said["lineage"])
        if lineage is None:
            raise UsageError("a waiting run without its lineage")
        request = JobRequest(**{**said, "lineage": lineage, "resources": Resources(**said["resources"])})
        if not _sound(request):
            raise UsageError("a waiting run whose name, resources or texts can't be")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UsageError(f"not a waiting run: {error!r}"[:200]) from None
    return request


def _sound(request: JobRequest) -> bool:
    """Whether the name is one that the lineage gives, and all else is of its type."""
    r, first = request.resources, job_name(request.lineage.model, request.lineage.run_key)
    pairs = (request.hyperparameters, request.channels, request.metric_regexes)
    texts: list[object] = [
        request.output,
        r.instance_type,
        *(text for some in pairs for pair in some.items() for text in pair),
    ]
    numbers: list[object] = [r.instance_count, r.volume_gb, r.max_runtime_seconds]
    return (
        re.fullmatch(rf"{first}(-[0-9]{{1,3}})?", request.name, re.ASCII) is not None
        and all(isinstance(text, str) for text in texts)
        and all(type(number) is int for number in numbers)
    )
