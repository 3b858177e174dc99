"""The CodeBuild project, and the script that it runs: with real bash, and stand-ins for `aws` and `docker`."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from infra.image_builder import SCRIPT
from tests.infra.conftest import ROOT
from tests.infra.stacks import ACCOUNT, PROJECT, REGION, Stacks

REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
IMAGE = f"{REGISTRY}/{PROJECT}:diabetes-0123456789abcdef"
COPIES = "--build-arg REGISTRY=public.ecr.aws/docker/library/"
"""Where official images come from: not from Docker Hub, which counts pulls by CodeBuild's shared addresses."""
LOGIN = f"docker login --username AWS --password-stdin {REGISTRY}"

# A stand-in notes down its call; `aws ecr describe-images` finds an image once the file `built` is there.
STAND_IN = """#!/bin/bash
echo "$(basename "$0") $*" >> calls
case "$*" in
  "ecr describe-images"*) test -e built ;;
  push*) test ! -e push-fails ;;
  build*) test ! -e build-fails && { test ! -e another-is-faster || touch built; } ;;
esac
"""


class Builder:
    """A folder in which the script runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("aws", "docker"):
            tool = folder / "bin" / name
            tool.parent.mkdir(exist_ok=True)
            tool.write_text(STAND_IN)
            tool.chmod(0o755)

    def given(self, *files: str) -> None:
        for name in files:
            (self.folder / name).touch()

    def run(self, tag: str = "diabetes-0123456789abcdef") -> subprocess.CompletedProcess[str]:
        env = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "REGISTRY": REGISTRY,
            "REPOSITORY": PROJECT,
            **({"IMAGE_TAG": tag} if tag else {}),
        }
        command = ["bash", "-c", SCRIPT.read_text()]
        return subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, check=False)

    @property
    def docker(self) -> list[str]:
        calls = (self.folder / "calls").read_text().splitlines()
        return [call for call in calls if call.startswith("docker")]


@pytest.fixture
def builder(tmp_path: Path) -> Builder:
    return Builder(tmp_path)


def test_an_image_is_built_from_the_folder_and_pushed_under_its_tag(builder: Builder) -> None:
    run = builder.run()

    assert run.returncode == 0, run.stderr
    assert builder.docker == [LOGIN, f"docker build {COPIES} --tag {IMAGE} .", f"docker push {IMAGE}"]


def test_the_dockerfile_takes_every_image_from_where_it_is_told() -> None:
    lines = (ROOT / "training/Dockerfile").read_text().splitlines()
    images = [line.split()[1] for line in lines if line.startswith("FROM")]

    assert lines.index('ARG REGISTRY=""') < lines.index(next(line for line in lines if line.startswith("FROM")))
    assert images
    assert all(image.startswith("${REGISTRY}python:") for image in images)


def test_an_image_that_is_there_is_not_built_again(builder: Builder) -> None:
    builder.given("built")
    run = builder.run()

    assert run.returncode == 0
    assert f"{IMAGE} is there already" in run.stdout
    assert not [call for call in (builder.folder / "calls").read_text().splitlines() if call.startswith("docker")]


def test_a_build_that_fails_pushes_nothing_and_fails(builder: Builder) -> None:
    builder.given("build-fails")

    assert builder.run().returncode != 0
    assert not [call for call in builder.docker if "push" in call]


def test_a_push_that_fails_fails_the_build(builder: Builder) -> None:
    builder.given("push-fails")

    assert builder.run().returncode != 0


def test_losing_the_race_against_another_build_of_the_tag_is_success(builder: Builder) -> None:
    builder.given("push-fails", "another-is-faster")

    assert builder.run().returncode == 0


def test_a_build_without_a_tag_says_what_is_missing(builder: Builder) -> None:
    run = builder.run(tag="")

    assert run.returncode != 0
    assert "start the build with IMAGE_TAG" in run.stderr


def test_the_project_runs_the_script_and_not_what_was_uploaded(stacks: Stacks) -> None:
    project = stacks.properties("AWS::CodeBuild::Project")
    spec = json.loads(project["Source"]["BuildSpec"])

    assert project["Name"] == f"{PROJECT}-image"
    assert project["Source"]["Type"] == "NO_SOURCE"
    assert spec["phases"] == {"build": {"commands": [SCRIPT.read_text()]}}
    assert spec["env"] == {"shell": "bash"}


def test_the_project_can_run_docker_on_a_small_machine_for_half_an_hour(stacks: Stacks) -> None:
    project = stacks.properties("AWS::CodeBuild::Project")
    environment = project["Environment"]

    assert environment["PrivilegedMode"] is True
    assert environment["ComputeType"] == "BUILD_GENERAL1_SMALL"
    assert environment["Type"] == "LINUX_CONTAINER"
    assert {one["Name"]: one["Value"] for one in environment["EnvironmentVariables"]} == {
        "REGISTRY": REGISTRY,
        "REPOSITORY": PROJECT,
    }
    assert project["TimeoutInMinutes"] == 30
    assert stacks.target(project["ServiceRole"])["Properties"]["RoleName"] == f"{PROJECT}-image-builder"
