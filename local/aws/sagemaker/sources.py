"""Where a container's model and what is put beside it come from, in the two ways that SageMaker lets one say it."""

from collections.abc import Mapping
from typing import Any

from local.aws.errors import invalid
from local.aws.sagemaker.checks import Checks

Record = dict[str, Any]
_ARCHIVE = {"S3DataType": "S3Object", "CompressionType": "Gzip"}


def model_url(container: Mapping[str, Any]) -> str | None:
    """The archive of the model; None where there is none."""
    source = container.get("ModelDataSource", {}).get("S3DataSource")
    url: str | None = source["S3Uri"] if source else container.get("ModelDataUrl")
    return url


def beside(container: Mapping[str, Any]) -> dict[str, str]:
    """Additional archives, by the name of their folder."""
    sources = container.get("AdditionalModelDataSources", [])
    return {one["ChannelName"]: one["S3DataSource"]["S3Uri"] for one in sources}


def look_up(container: Record, checks: Checks) -> None:
    """Checks that all archives are there, and keeps the ETags that the caller did not give. Raises AwsError."""
    if "ModelDataUrl" in container and "ModelDataSource" in container:
        raise invalid("a container has either a ModelDataUrl or a ModelDataSource, not both")
    others = container.get("AdditionalModelDataSources", [])
    if others and "ModelDataSource" not in container:
        raise invalid("AdditionalModelDataSources come in addition to a ModelDataSource: there is none")
    names = [one["ChannelName"] for one in others]
    if len(set(names)) != len(names) or {".", ".."} & set(names):
        raise invalid("AdditionalModelDataSources need names of their own, which can be folders")
    for one in [container.get("ModelDataSource", {}), *others]:
        if source := one.get("S3DataSource"):
            _look_up(source, checks)
    if "ModelDataUrl" in container:
        checks.model_data(container["ModelDataUrl"])


def _look_up(source: Record, checks: Checks) -> None:
    if any(source[member] != value for member, value in _ARCHIVE.items()):
        raise invalid("the laptop cloud takes model data as archives only: S3DataType S3Object, CompressionType Gzip")
    etag = checks.model_data(source["S3Uri"])
    if source.setdefault("ETag", etag).strip('"') != etag:
        raise invalid(f"ETag is not that of {source['S3Uri']}, which is {etag}")
