"""The Dockerfile keeps to what image builders read from it: CodeBuild's Docker, and the laptop cloud."""

import os
import re
from pathlib import Path

REPO = Path(__file__).parents[2]
DOCKERFILE = (REPO / "training" / "Dockerfile").read_text()


def test_every_env_line_of_what_runs_sets_one_variable() -> None:
    last = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
    pairs = re.findall(r"^ENV ([A-Z_]+)=(\S+)$", last, re.MULTILINE)

    assert len(pairs) == last.count("\nENV ")
    assert dict(pairs) == {
        "VIRTUAL_ENV": "/opt/packages",
        "PATH": "/opt/mergemaker/serving/bin:/opt/packages/bin:$PATH",
        "PYTHONPATH": "/opt/mergemaker",
        "PYTHONUNBUFFERED": "1",
        "SAGEMAKER_TRAINING_MODULE": "training.entry:main",
    }


def test_only_the_contexts_folders_are_copied() -> None:
    lines = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)
    copied = {source.partition("/")[0] for line in lines for source in line.split()}

    assert copied == {"training", "serving", "model"}


def test_the_compiler_stays_behind_and_the_base_is_one_image_for_good() -> None:
    last = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]

    assert "gcc" in DOCKERFILE
    assert "gcc" not in last
    assert re.search(r'^ARG DIGEST="@sha256:[0-9a-f]{64}"$', DOCKERFILE, re.MULTILINE)
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == [
        "${REGISTRY}python:3.11-slim${DIGEST}", "base", "base",
    ]  # fmt: skip


def test_serve_is_executable() -> None:
    assert os.access(REPO / "serving" / "bin" / "serve", os.X_OK)
