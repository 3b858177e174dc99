"""What the tests of the AWS half share besides fixtures: starting a cloud, waiting, building, reading events."""

import hashlib
import io
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from mergemaker.domain.names import image_tag
from mergemaker.steps.bundle import digest_of

if TYPE_CHECKING:
    from mypy_boto3_codebuild import CodeBuildClient
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient
    from mypy_boto3_sqs import SQSClient

ROOT = Path(__file__).parents[3]
REGION, ACCOUNT = "us-east-1", "000000000000"
PROJECT = "shop"
BUCKET = "shop-data"
CONTEXT = Path(__file__).with_name("context")
GRACE = 1.5
"""Seconds that a stopped job gets here."""


@dataclass(frozen=True)
class Aws:
    """Clients of the running cloud."""

    port: int
    state: Path
    process: "subprocess.Popen[bytes]"
    s3: "S3Client"
    ecr: "ECRClient"
    iam: "IAMClient"
    logs: "CloudWatchLogsClient"
    events: "EventBridgeClient"
    sqs: "SQSClient"
    codebuild: "CodeBuildClient"
    sagemaker: "SageMakerClient"
    runtime: "SageMakerRuntimeClient"


T = TypeVar("T")


def wait_for(look: Callable[[], T | None], *, seconds: float = 30.0) -> T:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing after {seconds} s")


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid4().hex[:8]}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def cache_folder() -> Path:
    return Path(os.environ.get("MERGEMAKER_CACHE") or ROOT / ".local" / "cache")


def start_cloud(state: Path, **environment: str) -> "tuple[subprocess.Popen[bytes], int]":
    """A cloud that answers. The caller ends it."""
    port = free_port()
    command = [sys.executable, "-m", "local.aws", "--port", str(port), "--state", str(state)]
    command += ["--cache", str(cache_folder()), "--stop-grace", str(GRACE)]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | environment)

    def answers() -> bool:
        assert process.poll() is None, f"the cloud ended: see {state}/aws.log"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_ministack/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    wait_for(answers)
    return process, port


def client(service: str, port: int, *, region: str = REGION, keys: tuple[str, ...] | None = ("test", "test")) -> Any:
    """With the root's keys, or others: id, secret and token. None signs nothing."""
    named = dict(zip(("aws_access_key_id", "aws_secret_access_key", "aws_session_token"), keys or (), strict=False))
    make: Any = boto3.session.Session(region_name=region).client
    config = Config(
        parameter_validation=False,
        retries={"total_max_attempts": 1},
        s3={"addressing_style": "path"},
        read_timeout=90,
        signature_version=None if keys else UNSIGNED,
    )
    return make(service, endpoint_url=f"http://127.0.0.1:{port}", config=config, **named)


def new_role(iam: "IAMClient", name: str, service: str, *actions: str) -> str:
    """The ARN of a role that the service may assume, with these actions on everything."""
    trust = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    if actions:
        allowed = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        iam.put_role_policy(RoleName=name, PolicyName="calls", PolicyDocument=document(allowed))
    return arn


def new_queue(sqs: "SQSClient", name: str) -> str:
    """The URL of a queue that EventBridge may send to."""
    allowed = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = document({**allowed, "Resource": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"})
    return sqs.create_queue(QueueName=name, Attributes={"Policy": policy})["QueueUrl"]


def document(*statements: dict[str, Any]) -> str:
    """A policy."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def zipped(folder: Path, **changed: str) -> bytes:
    """The folder as a build context; `changed` replaces files, named with __ for a slash and _dot_ for a dot."""
    texts = {name.replace("__", "/").replace("_dot_", "."): text for name, text in changed.items()}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for file in sorted(folder.rglob("*")):
            name = file.relative_to(folder).as_posix()
            if file.is_file() and "__pycache__" not in name:
                info = zipfile.ZipInfo(name)
                info.external_attr = (0o755 if name.endswith("serve") else 0o644) << 16
                archive.writestr(info, texts.get(name, file.read_text()))
    return content.getvalue()


def tag_of(content: bytes, model: str) -> str:
    """The tag that an image of the zipped context has."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = [(name, False, hashlib.sha256(archive.read(name)).hexdigest()) for name in archive.namelist()]
    return image_tag(model, digest_of(entries))


def start_build(aws: Aws, builder: str, tag: str, content: bytes) -> str:
    key = f"m/code/{tag}.zip"
    aws.s3.put_object(Bucket=BUCKET, Key=key, Body=content)
    return aws.codebuild.start_build(
        projectName=builder,
        sourceTypeOverride="S3",
        sourceLocationOverride=f"{BUCKET}/{key}",
        environmentVariablesOverride=[{"name": "IMAGE_TAG", "value": tag, "type": "PLAINTEXT"}],
        idempotencyToken=tag,
    )["build"]["id"]


def finished_build(aws: Aws, build: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        record: Any = aws.codebuild.batch_get_builds(ids=[build])["builds"][0]
        return None if record["buildStatus"] == "IN_PROGRESS" else record

    return wait_for(look, seconds=240)


@dataclass(frozen=True)
class Mailbox:
    """A queue that a rule fills with events."""

    sqs: "SQSClient"
    url: str

    def take(self, wanted: Callable[[list[dict[str, Any]]], bool], *, seconds: float = 20) -> list[dict[str, Any]]:
        """All events that came, once they are as wanted."""
        got: list[dict[str, Any]] = []

        def look() -> bool:
            answer = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=0)
            for message in answer.get("Messages", []):
                got.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
            return wanted(got)

        wait_for(look, seconds=seconds)
        return got
