"""The folder that a training job sees as /opt/ml: channels and settings in, model and output data out."""

import json
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, ParamValidationError

from local.aws.archives import pack_tar
from local.aws.cloud import Cloud
from local.aws.sagemaker.checks import split_s3

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Record = dict[str, Any]


class DownloadError(Exception):
    """A channel's data is not there, or cannot be laid out as files."""


class Workspace:
    """One job's folder. Data comes and goes with the rights of the job's role."""

    def __init__(self, cloud: Cloud, s3: "S3Client", record: Record) -> None:
        self._cloud, self._s3, self._record = cloud, s3, record
        self.base: Path = cloud.state / "jobs" / record["TrainingJobName"]

    def prepare(self) -> None:
        for folder in ("input/config", "input/data", "model", "output/data", "code"):
            (self.base / folder).mkdir(parents=True, exist_ok=True)
        self._configure("hyperparameters", self._record["HyperParameters"])
        self._configure("resourceconfig", _resources(self._record["ResourceConfig"]))
        self._configure("inputdataconfig", {c["ChannelName"]: _channel(c) for c in self._record["InputDataConfig"]})

    def _configure(self, name: str, content: Record) -> None:
        (self.base / "input" / "config" / f"{name}.json").write_text(json.dumps(content))

    def download(self) -> None:
        """All channels. Raises DownloadError."""
        for channel in self._record["InputDataConfig"]:
            url = str(channel["DataSource"]["S3DataSource"]["S3Uri"])
            self._download_prefix(url, self.base / "input" / "data" / channel["ChannelName"])

    def _download_prefix(self, url: str, folder: Path) -> None:
        bucket, prefix = split_s3(url)
        folder.mkdir()
        found = False
        for key in self._keys(url, bucket, prefix):
            path = _inside(folder, _relative(key, prefix))
            path.parent.mkdir(parents=True, exist_ok=True)
            self._s3.download_file(bucket, key, str(path))
            found = True
        if not found:
            raise self._missing(url, bucket)

    def _keys(self, url: str, bucket: str, prefix: str) -> list[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        try:
            keys = [str(o["Key"]) for page in pages for o in page.get("Contents", [])]
        except (ClientError, ParamValidationError):
            raise self._missing(url, bucket) from None
        return [key for key in keys if not key.endswith("/")]

    def _missing(self, url: str, bucket: str) -> DownloadError:
        return DownloadError(
            f"Data download failed:Failed to download data. No S3 objects found under S3 URL {url!r} given in input "
            f"data source. Please ensure that the bucket exists in the selected region ({self._cloud.region}), that "
            f"objects exist under that S3 prefix, and that the role {self._record['RoleArn']!r} has 's3:ListBucket' "
            f"permissions on bucket {bucket!r}."
        )

    def failure(self) -> str:
        """What the container wrote to output/failure."""
        file: Path = self.base / "output" / "failure"
        if not file.is_file():
            return ""
        with file.open("rb") as source:
            return source.read(8192).decode("utf-8", "replace")

    def upload_model(self) -> str | None:
        """The address of model.tar.gz; None where the job left no model."""
        return self._upload("model", "model.tar.gz")

    def upload_output(self) -> str | None:
        return self._upload("output/data", "output.tar.gz")

    def _upload(self, folder: str, name: str) -> str | None:
        source = self.base / folder
        if not source.is_dir() or not any(source.iterdir()):
            return None
        archive = self.base / name
        pack_tar(source, archive)
        path = str(self._record["OutputDataConfig"]["S3OutputPath"]).rstrip("/")
        url = f"{path}/{self._record['TrainingJobName']}/output/{name}"
        bucket, key = split_s3(url)
        self._s3.upload_file(str(archive), bucket, key)
        archive.unlink()
        return url


def _resources(config: Record) -> Record:
    kind = config.get("InstanceType", "")
    group = {"instance_group_name": "homogeneousCluster", "instance_type": kind, "hosts": ["localhost"]}
    return {
        # Any other name would make the toolkit wait until it resolves.
        "current_host": "localhost",
        "hosts": ["localhost"],
        "current_instance_type": kind,
        "current_group_name": "homogeneousCluster",
        "instance_groups": [group],
        "network_interface_name": "lo",
    }


def _channel(channel: Record) -> Record:
    source = channel["DataSource"]["S3DataSource"]
    shown = {
        "TrainingInputMode": channel.get("InputMode", "File"),
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }
    return shown | ({"ContentType": channel["ContentType"]} if "ContentType" in channel else {})


def _relative(key: str, prefix: str) -> str:
    """A key's place in its channel: below the prefix where that is a folder, else beside it."""
    if prefix.endswith("/") or not prefix:
        return key.removeprefix(prefix)
    if key.startswith(f"{prefix}/"):
        return key.removeprefix(f"{prefix}/")
    return key.removeprefix(prefix.rpartition("/")[0]).lstrip("/")


def _inside(folder: Path, name: str) -> Path:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        raise DownloadError(f"the key {name!r} points out of its channel")
    return folder / path
