"""All containers of one deployment of an endpoint: one for each production variant of its config."""

import random
import secrets
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from local.aws import images
from local.aws.archives import ArchiveError, unpack_tar
from local.aws.clients import place
from local.aws.cloud import Cloud
from local.aws.environments import BuildError
from local.aws.errors import AwsError
from local.aws.logs import LogStream
from local.aws.sagemaker.checks import split_s3
from local.aws.sagemaker.container import Container
from local.aws.sagemaker.models import ContainerSpec

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DRAIN_SECONDS = 60.0
"""What requests under way get before their servers stop: as long as SageMaker lets a container answer."""


class FleetError(Exception):
    """The fleet cannot serve; the message is the endpoint's FailureReason."""


@dataclass(frozen=True)
class Member:
    spec: ContainerSpec
    container: Container
    image_digest: str


class Fleet:
    """Made, then started, then stopped; a fleet never changes its config."""

    def __init__(self, cloud: Cloud, endpoint: str, config: str) -> None:
        self._cloud, self._endpoint, self.config = cloud, endpoint, config
        self.members: list[Member] = []
        self._requests = 0
        self._idle = threading.Condition()

    def start(self, specs: list[ContainerSpec]) -> None:
        """Raises FleetError, and then nothing runs."""
        folder = self._new_folder()
        try:
            for spec in specs:
                base = folder if len(specs) == 1 else folder / spec.variant
                self.members.append(self._member(spec, base))
            for member in self.members:
                self._await(member)
        except (FleetError, AwsError, BuildError, ArchiveError, ClientError, BotoCoreError, OSError) as error:
            self.stop()
            raise FleetError(str(error)) from error
        for member in self.members:
            member.container.keep_alive()

    def enter(self) -> None:
        """A request begins; `leave` must follow."""
        with self._idle:
            self._requests += 1

    def leave(self) -> None:
        with self._idle:
            self._requests -= 1
            self._idle.notify_all()

    def stop(self) -> None:
        """Once no request is under way. Whoever stops a fleet has taken it from where requests find it."""
        with self._idle:
            self._idle.wait_for(lambda: self._requests == 0, DRAIN_SECONDS)
        for member in self.members:
            member.container.stop()

    def member(self, variant: str | None, weights: dict[str, float]) -> Member | None:
        """The variant that was asked for, or one by weight; None when there is no such variant."""
        if variant is not None:
            return next((m for m in self.members if m.spec.variant == variant), None)
        chances = [weights.get(m.spec.variant, 1.0) for m in self.members]
        return random.choices(self.members, chances if any(chances) else None)[0]

    def _new_folder(self) -> Path:
        """Of its own for each deployment: the same config may be deployed again while the first still serves."""
        parent = self._cloud.state / "endpoints" / self._endpoint
        parent.mkdir(parents=True, exist_ok=True)
        folder = parent / self.config
        while folder.exists():
            folder = parent / f"{self.config}.{secrets.token_hex(3)}"
        folder.mkdir()
        return folder

    def _member(self, spec: ContainerSpec, base: Path) -> Member:
        role = self._cloud.assumed(spec.role, "sagemaker")
        image = images.find(self._cloud, role.ecr, spec.image)
        (base / "model").mkdir(parents=True)
        if spec.data_url:
            _unpack(role.s3, spec.data_url, base / "model")
        for name, url in spec.beside.items():
            folder = base / "additional-model-data-sources" / name
            folder.mkdir(parents=True)
            _unpack(role.s3, url, folder)
        stream = f"{spec.variant}/i-{secrets.token_hex(8)}"
        log = LogStream(role.logs, f"/aws/sagemaker/Endpoints/{self._endpoint}", stream)
        aws = place(role.endpoint, role.region) if spec.isolated else role.variables
        container = Container(self._cloud, image, base, aws | spec.environment, log)
        container.start()
        return Member(spec, container, image.digest)

    def _await(self, member: Member) -> None:
        if not member.container.ready(member.spec.startup_seconds):
            raise FleetError(
                f"The primary container for production variant {member.spec.variant} did not pass the ping health "
                "check. Please check CloudWatch logs for this endpoint."
            )


def _unpack(s3: "S3Client", url: str, folder: Path) -> None:
    bucket, key = split_s3(url)
    with tempfile.NamedTemporaryFile(prefix="model-", suffix=".tar.gz") as archive:
        s3.download_fileobj(bucket, key, archive)
        archive.flush()
        unpack_tar(Path(archive.name), folder)
