"""Each port's contract runs over its fake and over the real adapter against the laptop cloud, one for each worker."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
import requests

from mergemaker.bootstrap import Aws
from mergemaker.domain.names import Names
from mergemaker.domain.settings import Network
from tests.local.aws.helpers import ROOT, client, free_port, new_role, start_cloud, unique, wait_for

NAMES = Names(project="shop", account="000000000000", region="us-east-1")
TOKEN = "glpat-contract"


@pytest.fixture(scope="session")
def aws_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The AWS half of the laptop cloud, with what the stacks would make for one project."""
    process, aws_port = start_cloud(tmp_path_factory.mktemp("aws"))
    try:
        _resources(aws_port)
        yield aws_port
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="session")
def aws(aws_port: int) -> Aws:
    """The real adapters, each of whose clients points at the laptop cloud."""
    with pytest.MonkeyPatch.context() as patch:
        keys = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws_port}", "AWS_EC2_METADATA_DISABLED": "true"}
        for name, value in {**keys, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}.items():
            patch.setenv(name, value)
        patch.delenv("AWS_PROFILE", raising=False)
        made = Aws(NAMES, Network())
        for service in ("s3", "sagemaker", "dynamodb", "ecr", "codebuild", "kms", "logs", "secretsmanager"):
            made.clients(service)
    return made


def _resources(port: int) -> None:
    client("s3", port).create_bucket(Bucket=NAMES.bucket)
    client("dynamodb", port).create_table(
        TableName=NAMES.run_table,
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("model", "job")],
        KeySchema=[{"AttributeName": "model", "KeyType": "HASH"}, {"AttributeName": "job", "KeyType": "RANGE"}],
        BillingMode="PAY_PER_REQUEST",
    )
    kms = client("kms", port)
    kms.create_alias(AliasName=NAMES.key_alias, TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    client("ecr", port).create_repository(repositoryName=NAMES.repository, imageTagMutability="IMMUTABLE")
    iam = client("iam", port)
    new_role(iam, NAMES.role("execution"), "sagemaker", "*")
    client("secretsmanager", port).create_secret(Name=NAMES.token_secret, SecretString="glpat-secret")
    client("codebuild", port).create_project(
        name=NAMES.image_builder,
        source={"type": "NO_SOURCE", "buildspec": "version: 0.2"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={"type": "LINUX_CONTAINER", "image": "standard", "computeType": "BUILD_GENERAL1_SMALL"},
        serviceRole=new_role(iam, "build", "codebuild", "*"),
    )


def put_image(port: int, tag: str) -> str:
    """An image's entry in ECR. Its address by digest."""
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "size": 2, "digest": f"sha256:{'4' * 64}"},
        "layers": [],
        "annotations": {"tag": tag},
    }
    put = client("ecr", port).put_image(
        repositoryName=NAMES.repository, imageManifest=json.dumps(manifest), imageTag=tag
    )
    return f"{NAMES.registry}/{NAMES.repository}@{put['image']['imageId']['imageDigest']}"


@pytest.fixture(scope="session")
def image(aws_port: int) -> str:
    """An image that SageMaker takes; it can't run."""
    return put_image(aws_port, "prices-0123456789abcdef")


@pytest.fixture(scope="session")
def gitlab_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A GitLab stand-in of its own process."""
    state, port = tmp_path_factory.mktemp("gitlab"), free_port()
    command = [sys.executable, "-m", "local.gitlab", "--port", str(port), "--state", str(state), "--token", TOKEN]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: _answers(f"http://127.0.0.1:{port}/-/health"))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.ConnectionError:
        return False


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return unique("prices")
