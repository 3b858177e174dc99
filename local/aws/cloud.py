"""What every part of the AWS half shares: where it lives, and clients of its own endpoint, for itself or a role."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from local.aws import iam_seam
from local.aws.clients import ROOT, Clients
from local.aws.errors import invalid
from local.aws.processes import Processes

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

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def arn(self, resource: str, *, service: str = "sagemaker") -> str:
        """AWS writes names in lower case into SageMaker's ARNs."""
        tail = resource.lower() if service == "sagemaker" else resource
        return f"arn:aws:{service}:{self.region}:{self.account}:{tail}"

    @cached_property
    def root(self) -> Clients:
        """For what AWS does by itself, with nobody's rights."""
        return Clients(self.endpoint, self.region, ROOT)

    def check_role(self, role_arn: str, service: str) -> None:
        """Raises AwsError unless the service may take the role."""
        if not iam_seam.trusts(role_arn, account=self.account, service=f"{service}.amazonaws.com"):
            raise invalid(
                f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
                f"'{service}.amazonaws.com' to assume the role."
            )

    def assumed(self, role_arn: str, service: str) -> Clients:
        """What a service does for somebody, it does as the role that it was given. Raises AwsError as `check_role`."""
        self.check_role(role_arn, service)
        keys = iam_seam.session(role_arn, account=self.account, name=service)
        return Clients(self.endpoint, self.region, keys)
