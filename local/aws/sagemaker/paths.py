"""Keys of S3 as files below a folder."""

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError, ParamValidationError

from local.aws.sagemaker.checks import split_s3

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class DownloadError(Exception):
    """A channel's data is not there, or cannot be laid out as files."""


def download(s3: "S3Client", url: str, folder: Path, *, region: str, role: str) -> None:
    """What has the prefix `url`, as files below a folder. Raises DownloadError."""
    bucket, prefix = split_s3(url)
    missing = DownloadError(
        f"Data download failed:Failed to download data. No S3 objects found under S3 URL {url!r} given in input "
        f"data source. Please ensure that the bucket exists in the selected region ({region}), that "
        f"objects exist under that S3 prefix, and that the role {role!r} has 's3:ListBucket' "
        f"permissions on bucket {bucket!r}."
    )
    folder.mkdir(parents=True, exist_ok=True)
    try:
        keys = keys_below(s3, bucket, prefix)
    except (ClientError, ParamValidationError):
        raise missing from None
    if not keys:
        raise missing
    for key in keys:
        path = inside(folder, relative(key, prefix))
        path.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(bucket, key, str(path))


def keys_below(s3: "S3Client", bucket: str, prefix: str) -> list[str]:
    """Without those that stand for folders."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [str(o["Key"]) for page in pages for o in page.get("Contents", []) if not o["Key"].endswith("/")]


def relative(key: str, prefix: str) -> str:
    """A key's place in its channel: below the prefix where that is a folder, else beside it."""
    if prefix.endswith("/") or not prefix:
        return key.removeprefix(prefix)
    if key.startswith(f"{prefix}/"):
        return key.removeprefix(f"{prefix}/")
    return key.removeprefix(prefix.rpartition("/")[0]).lstrip("/")


def inside(folder: Path, name: str) -> Path:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        raise DownloadError(f"the key {name!r} points out of its channel")
    return folder / path
