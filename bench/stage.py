"""Where the bench plays: the AWS half of the laptop cloud, and a project that can submit to it."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from local.laptop import ACCOUNT, REGION
from local.tools import ROOT, tool_path
from mergemaker.domain.names import Names, input_prefix

if TYPE_CHECKING:
    from mypy_boto3_codebuild import CodeBuildClient
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient

MODEL = "diabetes"
NAMES = Names(project="bench", account=ACCOUNT, region=REGION)
SETTINGS = f"""\
[project]
name = "bench"

[gitlab]
url = "https://gitlab.example.com"
project_id = 5
project = "team/bench"

[environments.staging]
account = "{ACCOUNT}"
region = "{REGION}"
"""
PIPELINE = 70
CI = {
    "CI_PROJECT_ID": "5",
    "CI_PROJECT_PATH": "team/bench",
    "CI_SERVER_URL": "https://gitlab.example.com",
    "CI_COMMIT_SHA": "5" * 40,
    "CI_COMMIT_REF_NAME": "deeper-trees",
    "CI_PIPELINE_ID": str(PIPELINE),
    "CI_MERGE_REQUEST_IID": "7",
    "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "deeper-trees",
    "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": "5" * 40,
    "CI_MERGE_REQUEST_REF_PATH": "refs/merge-requests/7/head",
}
"""A merge request's pipeline, as GitLab tells its jobs."""
_READY_SECONDS = 60


@dataclass(frozen=True)
class Stage:
    """A cloud that runs, and a project's folder."""

    port: int
    project: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, service: str) -> Any:
        session = boto3.session.Session("test", "test", region_name=REGION)
        return session.client(service, endpoint_url=self.url)  # type: ignore[call-overload]

    def environment(self, url: str | None = None) -> dict[str, str]:
        """A CI job's, with AWS at `url`."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        nowhere = str(self.project.parent / "nothing")
        return kept | CI | {
            "AWS_ENDPOINT_URL": url or self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": nowhere,
            "AWS_SHARED_CREDENTIALS_FILE": nowhere,
        }  # fmt: skip

    def set_seed(self, seed: int) -> None:
        """Another hyperparameter is another run."""
        (self.project / "models" / MODEL / "model.toml").write_text(_model_toml().replace("seed = 7", f"seed = {seed}"))

    def settle(self) -> None:
        """Until no job and no build runs, so that the next measurement has the machine for itself."""
        sagemaker: SageMakerClient = self.client("sagemaker")
        builds: CodeBuildClient = self.client("codebuild")
        while True:
            jobs = sagemaker.list_training_jobs()["TrainingJobSummaries"]
            states: set[str] = {job["TrainingJobStatus"] for job in jobs}
            ids = builds.list_builds_for_project(projectName=NAMES.image_builder)["ids"]
            states |= {build["buildStatus"] for build in builds.batch_get_builds(ids=ids)["builds"]} if ids else set()
            if not states & {"InProgress", "Stopping", "IN_PROGRESS"}:
                return
            time.sleep(0.05)


@contextlib.contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """Sets it up in `folder`, and ends the cloud with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    command = [sys.executable, "-m", "local.aws", "--port", str(port), "--region", REGION]
    command += ["--state", str(folder / "state"), "--cache", str(folder / "cache")]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    cloud = subprocess.Popen(command, cwd=ROOT, env=environment | {"PATH": tool_path()})
    try:
        ready = Stage(port, folder / "project")
        _wait(cloud, f"{ready.url}/_ministack/health", folder)
        _make_project(ready.project)
        _make_resources(ready)
        yield ready
    finally:
        cloud.terminate()
        cloud.wait(60)


def _wait(cloud: "subprocess.Popen[bytes]", url: str, folder: Path) -> None:
    end = time.monotonic() + _READY_SECONDS
    while time.monotonic() < end and cloud.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - on this machine
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    log = folder / "state" / "aws.log"
    raise SystemExit(f"the cloud does not answer:\n{log.read_text() if log.exists() else ''}")


def _model_toml() -> str:
    return (ROOT / "models" / MODEL / "model.toml").read_text()


def _make_project(project: Path) -> None:
    """What decides the time of `submit` is as in this repository. The image needs no packages and its training does
    nothing: it is built at once, and a job ends at once."""
    junk = shutil.ignore_patterns("__pycache__")
    for part in ("training", "serving", f"models/{MODEL}"):
        shutil.copytree(ROOT / part, project / part, ignore=junk)
        (project / part / "requirements.txt").write_text("")
    train = project / "serving" / "bin" / "train"
    train.write_text("#!/bin/sh\nexit 0\n")
    train.chmod(0o755)
    (project / "mergemaker.toml").write_text(SETTINGS)


def _make_resources(ready: Stage) -> None:
    """What `cdk deploy` would make, as far as submit needs it."""
    s3: S3Client = ready.client("s3")
    s3.create_bucket(Bucket=NAMES.bucket)
    s3.put_object(Bucket=NAMES.bucket, Key=f"{input_prefix(MODEL)}train.csv", Body=b"age,progression\n50,151\n")
    kms = ready.client("kms")
    kms.create_alias(AliasName=NAMES.key_alias, TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    ecr: ECRClient = ready.client("ecr")
    ecr.create_repository(repositoryName=NAMES.repository, imageTagMutability="IMMUTABLE")
    iam: IAMClient = ready.client("iam")
    anything = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    for role, service in (("execution", "sagemaker"), ("image-builder", "codebuild")):
        trusted = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
        iam.create_role(RoleName=NAMES.role(role), AssumeRolePolicyDocument=trust)
        iam.put_role_policy(RoleName=NAMES.role(role), PolicyName="calls", PolicyDocument=anything)
    builds: CodeBuildClient = ready.client("codebuild")
    builds.create_project(
        name=NAMES.image_builder,
        source={"type": "NO_SOURCE", "buildspec": "version: 0.2"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={"type": "LINUX_CONTAINER", "image": "standard", "computeType": "BUILD_GENERAL1_SMALL"},
        serviceRole=NAMES.role_arn("image-builder"),
    )
