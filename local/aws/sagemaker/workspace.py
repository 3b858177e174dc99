"""The folder that a container of a training job sees as /opt/ml: channels and settings in, model and output out."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.aws.cloud import Cloud
from local.aws.sagemaker.hosts import Host, hyperparameters, resource_config
from local.aws.sagemaker.paths import download

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Record = dict[str, Any]


class Workspace:
    """One container's folder. Data comes with the rights of the job's role."""

    def __init__(self, cloud: Cloud, s3: "S3Client", record: Record, host: Host) -> None:
        self._cloud, self._s3, self._record, self._host = cloud, s3, record, host
        name = record["TrainingJobName"] if host.number == 1 else f"{record['TrainingJobName']}.{host.log_name}"
        self.base: Path = cloud.state / "jobs" / name

    def prepare(self) -> None:
        for folder in ("input/config", "input/data", "model", "output/data", "code", "tmp"):
            (self.base / folder).mkdir(parents=True, exist_ok=True)
        self._configure("hyperparameters", hyperparameters(self._record))
        self._configure("resourceconfig", resource_config(self._record, self._host))
        self._configure("inputdataconfig", {c["ChannelName"]: _channel(c) for c in self._record["InputDataConfig"]})

    def _configure(self, name: str, content: Record) -> None:
        (self.base / "input" / "config" / f"{name}.json").write_text(json.dumps(content))

    def download(self) -> None:
        """All channels, those of FastFile too: they are read as files in any case. Raises DownloadError."""
        for channel in self._record["InputDataConfig"]:
            url = str(channel["DataSource"]["S3DataSource"]["S3Uri"])
            folder = self.base / "input" / "data" / channel["ChannelName"]
            download(self._s3, url, folder, region=self._cloud.region, role=self._record["RoleArn"])

    def failure(self) -> str:
        """What the container wrote to output/failure."""
        file: Path = self.base / "output" / "failure"
        if not file.is_file():
            return ""
        with file.open("rb") as source:
            return source.read(8192).decode("utf-8", "replace")


def _channel(channel: Record) -> Record:
    source = channel["DataSource"]["S3DataSource"]
    shown = {
        "TrainingInputMode": channel.get("InputMode", "File"),
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }
    return shown | ({"ContentType": channel["ContentType"]} if "ContentType" in channel else {})
