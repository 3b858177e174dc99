"""What the laptop cloud makes of a Dockerfile, and what it refuses."""

from pathlib import Path

import pytest

from local.aws import recipe
from local.aws.archives import unpack_zip
from local.aws.environments import BuildError, Install, environment_digest
from mergemaker.adapters.folder import read_folder
from tests.local.aws.helpers import ROOT

FILES = {
    "model/requirements.txt": "numpy==2.4.6\n",
    "model/lib/a.py": "A = 1\n",
    "model/lib/deep/b.py": "",
    "training/install.sh": "",
    "training/lock.txt": "",
    "serving/bin/serve": "#!/bin/sh\n",
}


def context(folder: Path, dockerfile: str) -> Path:
    for name, content in {**FILES, "Dockerfile": dockerfile}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def read(folder: Path, dockerfile: str) -> recipe.Recipe:
    return recipe.read(context(folder, dockerfile))


def variables(folder: Path, dockerfile: str) -> dict[str, str]:
    """With an image's root at /root and its environment at /env."""
    return read(folder, dockerfile).variables(Path("/root"), Path("/env"))


def test_the_projects_own_dockerfile_installs_by_its_script_and_lays_out_what_runs(tmp_path: Path) -> None:
    archive = tmp_path / "context.zip"
    archive.write_bytes(read_folder(ROOT, "diabetes").image_context())
    unpack_zip(archive, tmp_path / "a")
    found = recipe.read(tmp_path / "a")
    assert found.installs == (Install("sh", ("training/install.sh", "model/requirements.txt")),)
    found.lay_out(tmp_path / "a", tmp_path / "root")
    assert (tmp_path / "root/opt/mergemaker/serving/bin/serve").stat().st_mode & 0o111
    assert not (tmp_path / "root/build").exists(), "what an earlier stage copies is not in the image"
    there = found.variables(tmp_path / "root", Path("/env"))
    assert there["PYTHONPATH"] == str(tmp_path / "root/opt/mergemaker")
    assert there["PATH"].split(":")[0] == str(tmp_path / "root/opt/mergemaker/serving/bin")
    assert "/env/bin" in there["PATH"].split(":")
    assert there["SAGEMAKER_TRAINING_MODULE"] == "training.entry:main"


@pytest.mark.parametrize(
    ("run", "arguments"),
    [
        ("pip install --no-cache-dir -r /b/requirements.txt", ("-r", "model/requirements.txt")),
        ("python -m pip install --requirement=/b/requirements.txt", ("--requirement", "model/requirements.txt")),
        ("pip3 install -q --prefix /x --upgrade six==1.17.0", ("--upgrade", "six==1.17.0")),
        ("FOO=1 uv pip install --system -c /b/requirements.txt six", ("-c", "model/requirements.txt", "six")),
        ("--mount=type=cache,target=/c pip install /b/lib", ("model/lib",)),
        ('["pip", "install", "six>=1.16"]', ("six>=1.16",)),
    ],
)
def test_pip_installs_what_the_context_holds(tmp_path: Path, run: str, arguments: tuple[str, ...]) -> None:
    dockerfile = f"FROM python:3.11-slim\nWORKDIR /b\nCOPY model/ ./\nRUN {run}\n"
    assert read(tmp_path, dockerfile).installs == (Install("pip", arguments),)


def test_a_run_may_do_several_things_and_what_is_the_machines_is_said(tmp_path: Path) -> None:
    text = "FROM python:3.11\nRUN apt-get update && apt-get install -y gcc \\\n  # why\n  && pip install six; rm -rf /x"
    said: list[str] = []
    assert recipe.read(context(tmp_path, text), said.append).installs == (Install("pip", ("six",)),)
    assert said == ["Dockerfile:2: not done here, this machine has to have it: apt-get install -y gcc"]


@pytest.mark.parametrize(
    ("copy", "found"),
    [
        ("model/lib /opt/lib", {"/opt/lib/a.py", "/opt/lib/deep/b.py"}),
        ("model/lib/*.py /opt/", {"/opt/a.py"}),
        ("model/lib/a.py /opt/c.py", {"/opt/c.py"}),
        ("model/lib/a.py model/requirements.txt .", {"/w/a.py", "/w/requirements.txt"}),
        ('["model/lib/a.py", "/opt/"]', {"/opt/a.py"}),
    ],
)
def test_files_go_where_docker_copies_them(tmp_path: Path, copy: str, found: set[str]) -> None:
    assert set(read(tmp_path, f"FROM python:3.11\nWORKDIR /w\nCOPY {copy}\n").stage.files) == found


def test_the_variables_of_the_last_stage_count_and_earlier_ones_may_be_named(tmp_path: Path) -> None:
    text = """
ARG VERSION=3.11
FROM python:${VERSION} AS builder
ENV PATH=/builder:$PATH GONE=1
FROM python:3.11-slim
ENV A="two words" \\
    EMPTY=
ENV B=${A}! C=${NONE:-usual} URL=http://x::y
ENV OLD form of it
"""
    found = variables(tmp_path, text)
    expected = {
        "A": "two words",
        "EMPTY": "",
        "B": "two words!",
        "C": "usual",
        "URL": "http://x::y",
        "OLD": "form of it",
    }
    assert found == {**expected, "PATH": "/env/bin:/usr/local/bin:/usr/bin:/bin", "VIRTUAL_ENV": "/env"}


@pytest.mark.parametrize(
    ("dockerfile", "said"),
    [
        ("", "has no FROM"),
        ("ENV A=1", "Dockerfile:1: the laptop cloud can't do this: ENV"),
        ("FROM nvidia/cuda:12", "Dockerfile:1: the laptop cloud has no image nvidia/cuda:12"),
        ("FROM python:3.11\nUSER nobody", "Dockerfile:2: the laptop cloud can't do this: USER"),
        ("FROM python:3.11\n\nRUN make", "Dockerfile:3: the laptop cloud can't do this: RUN make"),
        ("FROM python:3.11\nRUN curl x | sh", "can't do this: RUN curl x | sh"),
        ("FROM python:3.11\nRUN pip install $(cat x)", r"can't do this: RUN"),
        ("FROM python:3.11\nRUN echo 'a", "Dockerfile:2: RUN can't be read"),
        ("FROM python:3.11\nRUN pip install -r /r.txt", "/r.txt is not copied out of the build's context"),
        ("FROM python:3.11\nCOPY nothing /x", "Dockerfile:2: COPY finds no nothing in the build's context"),
        ("FROM python:3.11\nCOPY --from=busybox /bin/sh /x", "can't do this: COPY --from=busybox"),
        ("FROM python:3.11\nENTRYPOINT [\"x\"]", "can't do this: ENTRYPOINT"),
        ("FROM python:3.11\nENV A=${B:?no}", "can't do this: \\${B:\\?no}"),
    ],
)  # fmt: skip
def test_what_it_cannot_do_is_refused_with_its_line(tmp_path: Path, dockerfile: str, said: str) -> None:
    with pytest.raises(BuildError, match=said.replace("|", "\\|").replace("$(", "\\$\\(") if "(" in said else said):
        read(tmp_path, dockerfile)


def test_an_environment_depends_on_what_is_installed_and_on_nothing_else(tmp_path: Path) -> None:
    one, two = context(tmp_path / "one", ""), context(tmp_path / "two", "FROM python:3.11")
    by_file, by_script = [Install("pip", ("-r", "model/requirements.txt"))], [Install("sh", ("training/install.sh",))]
    assert environment_digest(one, by_file) == environment_digest(two, by_file)
    assert environment_digest(one, by_file) != environment_digest(one, by_script)
    (two / "training/lock.txt").write_text("six==1.17.0\n")
    assert environment_digest(one, by_file) == environment_digest(two, by_file)
    assert environment_digest(one, by_script) != environment_digest(two, by_script)
    for folder in (one, two):
        (folder / "model/requirements.txt").write_text("-r other.txt\n")
    assert environment_digest(one, by_file) != environment_digest(two, by_file), "it may refer to anything"
