"""One AWS half of the laptop cloud for all tests of a worker, and a project in it whose image trains and serves."""

import json
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.local.aws.helpers import (
    ACCOUNT,
    BUCKET,
    CONTEXT,
    PROJECT,
    REGION,
    Aws,
    Mailbox,
    client,
    document,
    finished_build,
    new_queue,
    new_role,
    start_build,
    start_cloud,
    tag_of,
    unique,
    zipped,
)
from tests.local.aws.jobs import Jobs
from tests.local.aws.processing import NAMES, Processings


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    state = tmp_path_factory.mktemp("aws")
    process, port = start_cloud(state)
    names = ("s3", "ecr", "iam", "logs", "events", "sqs", "codebuild", "sagemaker")
    yield Aws(
        port=port,
        state=state,
        process=process,
        runtime=client("sagemaker-runtime", port),
        **{name: client(name, port) for name in names},
    )
    process.send_signal(signal.SIGTERM)
    process.wait(20)


@pytest.fixture(scope="session")
def role(aws: Aws) -> str:
    """A role that SageMaker may assume, and that may do anything."""
    return new_role(aws.iam, "execution", "sagemaker", "*")


@pytest.fixture(scope="session")
def bucket(aws: Aws) -> str:
    aws.s3.create_bucket(Bucket=BUCKET)
    return BUCKET


@pytest.fixture(scope="session")
def builder(aws: Aws, bucket: str) -> str:
    """The CodeBuild project that builds the project's images."""
    aws.ecr.create_repository(repositoryName=PROJECT, imageTagMutability="IMMUTABLE")
    aws.codebuild.create_project(
        name=f"{PROJECT}-image",
        source={"type": "NO_SOURCE", "buildspec": "version: 0.2"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={"type": "LINUX_CONTAINER", "image": "standard", "computeType": "BUILD_GENERAL1_SMALL"},
        serviceRole=new_role(aws.iam, "build", "codebuild", "*"),
    )
    return f"{PROJECT}-image"


@pytest.fixture(scope="session")
def image(aws: Aws, builder: str) -> str:
    """The address, by digest, of an image that trains and serves."""
    context = zipped(CONTEXT)
    tag = tag_of(context, "m")
    record = finished_build(aws, start_build(aws, builder, tag, context))
    assert record["buildStatus"] == "SUCCEEDED", record
    found = aws.ecr.describe_images(repositoryName=PROJECT, imageIds=[{"imageTag": tag}])
    return f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{PROJECT}@{found['imageDetails'][0]['imageDigest']}"


@pytest.fixture
def mailbox(aws: Aws) -> Callable[[dict[str, Any]], Mailbox]:
    """Makes a mailbox for an event pattern."""

    def make(pattern: dict[str, Any]) -> Mailbox:
        name = unique("mail")
        url = new_queue(aws.sqs, name)
        aws.events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
        aws.events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
        return Mailbox(aws.sqs, url)

    return make


@pytest.fixture(scope="session")
def jobs(aws: Aws, image: str, role: str) -> Jobs:
    return Jobs(aws, image, role)


@pytest.fixture(scope="session")
def processings(aws: Aws, image: str, role: str) -> Processings:
    aws.s3.create_bucket(Bucket=NAMES.bucket)
    return Processings(aws, image, role)


@pytest.fixture
def bound(aws: Aws) -> Callable[..., Callable[[str], Any]]:
    """Clients of a new role with these statements."""

    def make(*statements: dict[str, Any]) -> Callable[[str], Any]:
        name = unique("bound")
        trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
        arn = aws.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
        if statements:
            aws.iam.put_role_policy(RoleName=name, PolicyName="calls", PolicyDocument=document(*statements))
        made = client("sts", aws.port).assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        keys = (made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
        return lambda service: client(service, aws.port, keys=keys)

    return make
