"""The CodeBuild project, and the script that it runs: with real bash, and stand-ins for `aws` and `docker`."""

import json
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.image_builder import BUILD, CHECK
from mergemaker.adapters.image_files import image_digest
from mergemaker.domain.names import image_tag
from tests.infra.conftest import ROOT
from tests.infra.stacks import ACCOUNT, PROJECT, REGION, Stacks

REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
IMAGE = f"{REGISTRY}/{PROJECT}:diabetes-0123456789abcdef0123456789abcdef"
COPIES = "--build-arg REGISTRY=public.ecr.aws/docker/library/"
"""Where official images come from: not from Docker Hub, which counts pulls by CodeBuild's shared addresses."""
LOGIN = f"docker login --username AWS --password-stdin {REGISTRY}"

# A stand-in notes down its call; `aws ecr describe-images` finds an image once the file `built` is there.
STAND_IN = """#!/bin/bash
cd "${0%/bin/*}"
echo "$(basename "$0") $*" >> calls
case "$*" in
  "ecr describe-images"*) test -e built ;;
  push*) test ! -e push-fails ;;
  build*) test ! -e build-fails && { test ! -e another-is-faster || touch built; } ;;
esac
"""


class Builder:
    """A folder with the tools, and in it another in which the scripts run."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.context = folder, folder / "context"
        self.context.mkdir()
        for name in ("aws", "docker"):
            tool = folder / "bin" / name
            tool.parent.mkdir(exist_ok=True)
            tool.write_text(STAND_IN)
            tool.chmod(0o755)

    def given(self, *files: str) -> None:
        for name in files:
            (self.folder / name).touch()

    def run(
        self, tag: str = "diabetes-0123456789abcdef0123456789abcdef", script: Path = BUILD
    ) -> subprocess.CompletedProcess[str]:
        env = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "REGISTRY": REGISTRY,
            "REPOSITORY": PROJECT,
            **({"IMAGE_TAG": tag} if tag else {}),
        }
        command = ["bash", "-c", script.read_text()]
        return subprocess.run(command, cwd=self.context, env=env, capture_output=True, text=True, check=False)

    def check(self, tag: str) -> subprocess.CompletedProcess[str]:
        return self.run(tag, CHECK)

    @property
    def honest_tag(self) -> str:
        """As submit computes it of these files."""
        files = {path.relative_to(self.context).as_posix(): path for path in self.context.rglob("*") if path.is_file()}
        return image_tag("diabetes", image_digest(files))

    def holds(self, **files: bytes) -> None:
        """With `__` for a slash."""
        for name, content in files.items():
            path = self.context / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

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
    assert images == ["${REGISTRY}python:3.11-slim${DIGEST}", "base", "base"]


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


def test_modes_are_the_same_whatever_became_of_them_on_the_way(builder: Builder) -> None:
    builder.holds(model__run=b"x")
    (builder.context / "model/run").chmod(0o755)

    assert builder.run().returncode == 0
    assert (builder.context / "model/run").stat().st_mode & 0o777 == 0o644


# Before that: what is in the folder is what the tag says -----------------------------------


@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=12).filter(
            lambda name: name not in (".", "..")
        ),
        st.binary(max_size=50),
        max_size=5,
    )
)
@settings(max_examples=15, deadline=None)
def test_what_submit_packs_passes_under_the_tag_that_submit_gives_it(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        builder = Builder(Path(folder))
        builder.holds(Dockerfile=b"FROM scratch", training__entry=b"")
        for name, content in files.items():
            (builder.context / "training" / f"{name}.py").write_bytes(content)

        run = builder.check(builder.honest_tag)

        assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "model/requirements.txt").write_text("evil==1.0\n"),
        lambda folder: (folder / ".dockerignore").write_text("x"),
        lambda folder: (folder / "model/requirements.txt").rename(folder / "requirements.txt"),
        lambda folder: (folder / "Dockerfile").unlink(),
    ],
    ids=["other content", "one more", "elsewhere", "one less"],
)
def test_other_files_than_the_tag_says_are_refused(builder: Builder, change: Callable[[Path], object]) -> None:
    builder.holds(Dockerfile=b"FROM scratch", model__requirements_txt=b"", training__entry=b"")
    (builder.context / "model/requirements_txt").rename(builder.context / "model/requirements.txt")
    tag = builder.honest_tag
    assert builder.check(tag).returncode == 0
    change(builder.context)

    run = builder.check(tag)

    assert run.returncode == 1
    assert f"and not that of {tag}: nothing is built of them" in run.stdout


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_what_is_no_file_is_refused(builder: Builder, kind: str) -> None:
    builder.holds(Dockerfile=b"FROM scratch")
    tag = builder.honest_tag
    if kind == "link":
        (builder.context / "other").symlink_to("/etc")
    else:
        os.mkfifo(builder.context / "other")

    run = builder.check(tag)

    assert run.returncode == 1
    assert "./other is neither a file nor a folder" in run.stdout


def test_a_build_without_a_tag_says_what_is_missing(builder: Builder) -> None:
    run = builder.check("")

    assert run.returncode != 0
    assert "start the build with IMAGE_TAG" in run.stderr


def test_the_project_runs_the_scripts_and_not_what_was_uploaded(stacks: Stacks) -> None:
    project = stacks.properties("AWS::CodeBuild::Project")
    spec = json.loads(project["Source"]["BuildSpec"])

    assert project["Name"] == f"{PROJECT}-image"
    assert project["Source"]["Type"] == "NO_SOURCE"
    assert spec["phases"] == {"build": {"commands": [CHECK.read_text(), BUILD.read_text()]}}
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
