"""The Dockerfile keeps to what image builders read from it: CodeBuild's Docker, and the laptop cloud."""

import os
import re
from pathlib import Path

REPO = Path(__file__).parents[2]
DOCKERFILE = (REPO / "training" / "Dockerfile").read_text()


def test_every_env_line_sets_one_variable() -> None:
    pairs = re.findall(r"^ENV ([A-Z_]+)=(\S+)$", DOCKERFILE, re.MULTILINE)

    assert len(pairs) == DOCKERFILE.count("\nENV ")
    assert dict(pairs) == {
        "PATH": "/opt/mergemaker/serving/bin:$PATH",
        "PYTHONPATH": "/opt/mergemaker",
        "PYTHONUNBUFFERED": "1",
        "SAGEMAKER_TRAINING_MODULE": "training.entry:main",
    }


def test_only_the_contexts_folders_are_copied() -> None:
    copied = set(re.findall(r"^COPY (?!--from)(\S+?)/?(?:requirements\.txt)? ", DOCKERFILE, re.MULTILINE))

    assert copied == {"training", "serving", "model"}


def test_serve_is_executable() -> None:
    assert os.access(REPO / "serving" / "bin" / "serve", os.X_OK)


def test_what_serves_and_trains_comes_in_one_resolution() -> None:
    installs = re.findall(r"pip install ((?:.*\\\n)*.*)", DOCKERFILE)

    assert len(installs) == 1
    assert re.findall(r"-r /build/(\w+)\.txt", installs[0]) == ["training", "serving", "model"]
