"""A build makes an image that jobs can use, once, and says how it went."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.aws.helpers import (
    ACCOUNT,
    BUCKET,
    CONTEXT,
    PROJECT,
    REGION,
    Aws,
    finished_build,
    start_build,
    tag_of,
    unique,
    zipped,
)
from tests.local.aws.test_events import Mailboxes

pytestmark = pytest.mark.cloud


def log(aws: Aws, build: dict[str, Any]) -> str:
    logs = build["logs"]
    events = aws.logs.get_log_events(logGroupName=logs["groupName"], logStreamName=logs["streamName"])["events"]
    return "\n".join(event["message"] for event in events)


def digest(aws: Aws, tag: str) -> str:
    found = aws.ecr.describe_images(repositoryName=PROJECT, imageIds=[{"imageTag": tag}])["imageDetails"]
    return found[0]["imageDigest"]


def test_a_build_pushes_an_image_and_its_events_say_so(aws: Aws, builder: str, image: str, mailbox: Mailboxes) -> None:
    tag = tag_of(zipped(CONTEXT), unique("m"))
    box = mailbox({"source": ["aws.codebuild"], "detail": {"project-name": [builder]}})
    build = finished_build(aws, start_build(aws, builder, tag, zipped(CONTEXT)))
    assert (build["buildStatus"], build["buildComplete"]) == ("SUCCEEDED", True), log(aws, build)
    assert digest(aws, tag) == image.rpartition("@")[2], "the same content is the same image"
    assert f"pushed {ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{PROJECT}:{tag}" in log(aws, build)
    events = box.take(lambda got: sum(build["arn"] in e["resources"] for e in got) == 2)
    started, ended = [e for e in events if build["arn"] in e["resources"]]
    assert started["detail-type"] == ended["detail-type"] == "CodeBuild Build State Change"
    assert [e["detail"]["build-status"] for e in (started, ended)] == ["IN_PROGRESS", "SUCCEEDED"]
    detail = ended["detail"]
    assert (detail["build-id"], detail["current-phase"]) == (build["arn"], "COMPLETED")
    information = detail["additional-information"]
    variables = {v["name"]: v["value"] for v in information["environment"]["environment-variables"]}
    assert variables["IMAGE_TAG"] == tag
    assert information["logs"]["group-name"] == f"/aws/codebuild/{builder}"
    assert information["logs"]["stream-name"] == build["id"].partition(":")[2]
    assert [p["phase-type"] for p in information["phases"]][-2:] == ["POST_BUILD", "COMPLETED"]


def test_the_same_token_is_the_same_build(aws: Aws, builder: str, image: str) -> None:
    tag = tag_of(zipped(CONTEXT), unique("m"))
    first = start_build(aws, builder, tag, zipped(CONTEXT))
    assert start_build(aws, builder, tag, zipped(CONTEXT)) == first
    with pytest.raises(ClientError, match=r"InvalidInputException.*Parameters mismatch"):
        aws.codebuild.start_build(projectName=builder, idempotencyToken=tag)
    finished_build(aws, first)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"model__requirements_dot_txt": "no requirement at all\n"}, "no requirement at all"),
        ({"model__requirements_dot_txt": "# nothing more\n"}, "pushed"),
        ({"Dockerfile": ""}, "the Dockerfile has no FROM"),
        ({"Dockerfile": "FROM python:3.11\nRUN make"}, "Dockerfile:2: the laptop cloud can't do this: RUN make"),
    ],
)
def test_the_log_says_how_a_build_went(aws: Aws, builder: str, image: str, changed: dict[str, str], said: str) -> None:
    context = zipped(CONTEXT, **changed)
    build = finished_build(aws, start_build(aws, builder, tag_of(context, unique("m")), context))
    assert build["buildStatus"] == ("SUCCEEDED" if said == "pushed" else "FAILED")
    assert said in log(aws, build)


def test_a_context_that_is_not_a_context_fails_with_a_clear_line(aws: Aws, builder: str) -> None:
    build = finished_build(aws, start_build(aws, builder, unique("m"), b"not a zip file"))
    assert build["buildStatus"] == "FAILED"
    assert "File is not a zip file" in log(aws, build)


def test_what_is_not_what_its_tag_says_is_not_built(aws: Aws, builder: str, image: str) -> None:
    tag = tag_of(zipped(CONTEXT), unique("m"))
    evil = zipped(CONTEXT, model__requirements_dot_txt="# evil\n")
    build = finished_build(aws, start_build(aws, builder, tag, evil))
    assert build["buildStatus"] == "FAILED"
    assert f"and not that of {tag}: nothing is built of them" in log(aws, build)
    assert not aws.ecr.batch_get_image(repositoryName=PROJECT, imageIds=[{"imageTag": tag}])["images"]


def test_an_immutable_tag_keeps_its_image(aws: Aws, builder: str, image: str) -> None:
    """Two sets of files for one tag: nobody can make them, so the registry is given another one before."""
    context = zipped(CONTEXT)
    tag = tag_of(context, unique("m"))
    aws.ecr.put_image(repositoryName=PROJECT, imageManifest=json.dumps({"schemaVersion": 2, "a": tag}), imageTag=tag)
    aws.s3.put_object(Bucket=BUCKET, Key=f"{tag}.zip", Body=context)
    before = digest(aws, tag)
    started = aws.codebuild.start_build(
        projectName=builder,
        sourceTypeOverride="S3",
        sourceLocationOverride=f"{BUCKET}/{tag}.zip",
        environmentVariablesOverride=[{"name": "IMAGE_TAG", "value": tag}],
    )
    build = finished_build(aws, started["build"]["id"])
    assert build["buildStatus"] == "FAILED"
    assert "immutable and holds another image" in log(aws, build)
    assert digest(aws, tag) == before


def test_a_project_that_is_not_there_is_refused(aws: Aws) -> None:
    with pytest.raises(aws.codebuild.exceptions.ResourceNotFoundException):
        aws.codebuild.start_build(projectName="nobody")


def test_an_image_that_codebuild_did_not_build_cannot_train(jobs: Any) -> None:
    tag = unique("other")
    manifest = json.dumps({"schemaVersion": 2, "annotations": {"made": tag}})
    jobs.aws.ecr.put_image(repositoryName=PROJECT, imageManifest=manifest, imageTag=tag)
    uri = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{PROJECT}:{tag}"
    name = jobs.start("print(1)", AlgorithmSpecification={"TrainingImage": uri, "TrainingInputMode": "File"})
    assert "its CodeBuild has not built it" in jobs.finished(name)["FailureReason"]
