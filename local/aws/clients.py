"""Clients of this cloud's own endpoint, for one principal: the account's root, or a role that a service has taken."""

import threading
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client

_making = threading.Lock()
"""Sessions are not safe to share between threads while they make clients; clients are."""


@dataclass(frozen=True)
class Keys:
    """Credentials, as STS gives them; the root's have no token."""

    id: str
    secret: str
    token: str | None = None


ROOT = Keys("test", "test")
"""MiniStack takes these as the account's root, whom no policy binds."""


@dataclass(frozen=True)
class Clients:
    """What one principal calls; each client is made when it is first asked for."""

    endpoint: str
    region: str
    keys: Keys

    @property
    def variables(self) -> dict[str, str]:
        """What makes any AWS client in a container talk to this cloud as this principal."""
        token = {"AWS_SESSION_TOKEN": self.keys.token} if self.keys.token else {}
        return {
            **place(self.endpoint, self.region),
            "AWS_ACCESS_KEY_ID": self.keys.id,
            "AWS_SECRET_ACCESS_KEY": self.keys.secret,
            **token,
        }

    @cached_property
    def s3(self) -> "S3Client":
        client: S3Client = self._client("s3")
        return client

    @cached_property
    def ec2(self) -> Any:
        return self._client("ec2")

    @cached_property
    def ecr(self) -> "ECRClient":
        client: ECRClient = self._client("ecr")
        return client

    @cached_property
    def iam(self) -> "IAMClient":
        client: IAMClient = self._client("iam")
        return client

    @cached_property
    def kms(self) -> Any:
        return self._client("kms")

    @cached_property
    def logs(self) -> "CloudWatchLogsClient":
        client: CloudWatchLogsClient = self._client("logs")
        return client

    def _client(self, service: str) -> Any:
        config = Config(proxies={}, s3={"addressing_style": "path"}, retries={"mode": "standard"})
        with _making:
            make: Any = _session().client
            return make(
                service,
                region_name=self.region,
                endpoint_url=self.endpoint,
                config=config,
                aws_access_key_id=self.keys.id,
                aws_secret_access_key=self.keys.secret,
                aws_session_token=self.keys.token,
            )


def place(endpoint: str, region: str) -> dict[str, str]:
    """Where AWS is, for a container that has no keys."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@cache
def _session() -> boto3.session.Session:
    """One for all: reading the services' models takes longer than all else about a client."""
    return boto3.session.Session(ROOT.id, ROOT.secret)
