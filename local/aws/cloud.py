"""What every part of the AWS half shares: where it lives, and clients of its own endpoint."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from local.aws.processes import Processes

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client

ROOT_KEY = "test"
"""MiniStack takes this access key, and the same secret, as the account's root, with ``AUTH=true`` too."""

SendEvent = Callable[[str, str, list[str], dict[str, Any]], None]
"""Source, detail type, resources, detail. Returns at once; events keep their order."""


@dataclass(frozen=True)
class Cloud:
    """One running cloud: one account in one region."""

    port: int
    region: str
    account: str
    state: Path
    cache: Path
    """Environments and contexts of images; other clouds use it at the same time."""
    stop_grace: float
    """Seconds between SIGTERM and SIGKILL for a training job."""
    send: SendEvent
    processes: Processes = field(default_factory=Processes)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def arn(self, resource: str, *, service: str = "sagemaker") -> str:
        """AWS writes names in lower case into SageMaker's ARNs."""
        tail = resource.lower() if service == "sagemaker" else resource
        return f"arn:aws:{service}:{self.region}:{self.account}:{tail}"

    @property
    def aws_variables(self) -> dict[str, str]:
        """What makes any AWS client in a container talk to this cloud."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": ROOT_KEY,
            "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @cached_property
    def s3(self) -> "S3Client":
        client: S3Client = self._client("s3")
        return client

    @cached_property
    def ecr(self) -> "ECRClient":
        client: ECRClient = self._client("ecr")
        return client

    @cached_property
    def iam(self) -> "IAMClient":
        client: IAMClient = self._client("iam")
        return client

    @cached_property
    def logs(self) -> "CloudWatchLogsClient":
        client: CloudWatchLogsClient = self._client("logs")
        return client

    def _client(self, service: str) -> Any:
        # Sessions are not safe to share between threads while they make clients; clients are.
        with self._lock:
            session = boto3.session.Session(ROOT_KEY, ROOT_KEY, region_name=self.region)
            make: Any = session.client
            config = Config(proxies={}, s3={"addressing_style": "path"}, retries={"mode": "standard"})
            return make(service, endpoint_url=self.endpoint, config=config)
