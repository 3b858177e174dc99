"""What SageMaker is asked to do for a run."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mergemaker.domain.errors import UsageError
from mergemaker.domain.model import Resources
from mergemaker.domain.names import job_name
from mergemaker.domain.run import Lineage, lineage_tags, parse_lineage


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
