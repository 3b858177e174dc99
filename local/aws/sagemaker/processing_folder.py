"""The folder that the container of a processing job sees as /opt/ml: what it reads, and what it leaves.

After "Build Your Own Processing Container" of SageMaker's developer guide.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.aws.cloud import Cloud
from local.aws.sagemaker.checks import split_s3
from local.aws.sagemaker.opt_ml import in_folder
from local.aws.sagemaker.paths import download

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Record = dict[str, Any]

MESSAGE_MAX = 1024
"""Bytes of what a container leaves to say that SageMaker keeps."""


class MessageError(Exception):
    """What the container left to say is no text."""


class ProcessingFolder:
    """Data comes and goes with the rights of the job's role."""

    def __init__(self, cloud: Cloud, s3: "S3Client", record: Record) -> None:
        self._cloud, self._s3, self._record = cloud, s3, record
        self.base: Path = cloud.state / "processing" / record["ProcessingJobName"]

    def prepare(self) -> None:
        outputs = [self._at(one["S3Output"]) for one in self._outputs]
        for folder in (self.base / "config", self.base / "output", self.base / "tmp", *outputs):
            folder.mkdir(parents=True, exist_ok=True)
        self._configure("processingjobconfig", _configuration(self._record))
        self._configure("resourceconfig", {"current_host": "algo-1", "hosts": ["algo-1"]})

    def download(self) -> None:
        """Raises DownloadError."""
        region, role = self._cloud.region, self._record["RoleArn"]
        for one in self._record["ProcessingInputs"]:
            source = one["S3Input"]
            download(self._s3, source["S3Uri"], self._at(source), region=region, role=role)

    def upload(self) -> None:
        """All regular files that lie in the folders of outputs: links are not followed."""
        key = self._record["ProcessingOutputConfig"].get("KmsKeyId")
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}
        for one in self._outputs:
            folder, (bucket, prefix) = self._at(one["S3Output"]), split_s3(one["S3Output"]["S3Uri"])
            for file in sorted(folder.rglob("*")):
                if file.is_file() and not file.is_symlink():
                    path = f"{prefix.rstrip('/')}/{file.relative_to(folder).as_posix()}".lstrip("/")
                    self._s3.upload_file(str(file), bucket, path, ExtraArgs=encryption)

    def message(self) -> str:
        """What the container left to say, as long as SageMaker keeps it. Raises MessageError."""
        file: Path = self.base / "output" / "message"
        if not file.is_file():
            return ""
        try:
            text = file.read_bytes().decode()
        except UnicodeDecodeError:
            raise MessageError("the content of /opt/ml/output/message is not UTF-8 encoded") from None
        return text.encode()[:MESSAGE_MAX].decode(errors="ignore")

    @property
    def _outputs(self) -> list[Record]:
        found: list[Record] = self._record["ProcessingOutputConfig"]["Outputs"]
        return found

    def _at(self, where: Record) -> Path:
        return in_folder(self.base, where["LocalPath"])

    def _configure(self, name: str, content: Record) -> None:
        (self.base / "config" / f"{name}.json").write_text(json.dumps(content))


def _configuration(record: Record) -> Record:
    """What the container can read of its job; what was not given is null."""
    application, cluster = record["AppSpecification"], record["ProcessingResources"]["ClusterConfig"]
    return {
        **{key: record[key] for key in ("ProcessingJobArn", "ProcessingJobName", "RoleArn", "StoppingCondition")},
        "AppSpecification": {"ContainerEntrypoint": None, "ContainerArguments": None, **application},
        "Environment": record.get("Environment", {}),
        "ProcessingInputs": record["ProcessingInputs"],
        "ProcessingOutputConfig": {"KmsKeyId": None, **record["ProcessingOutputConfig"]},
        "ProcessingResources": {"ClusterConfig": {"VolumeKmsKeyId": None, **cluster}},
    }
