"""A small project in a folder of its own, and a CI job's environment."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mergemaker.cli import main
from tests.fakes.made import HEAD, MODEL_TOML

SETTINGS = """\
[project]
name = "shop"

[gitlab]
url = "https://gitlab.example.com"
project_id = 5
project = "team/shop"

[environments.staging]
account = "111122223333"
region = "eu-west-1"
"""
CI = {
    "CI_PROJECT_ID": "5",
    "CI_COMMIT_SHA": HEAD,
    "CI_COMMIT_REF_NAME": "deeper-trees",
    "CI_PIPELINE_ID": "70",
    "CI_MERGE_REQUEST_IID": "7",
}

Run = Callable[..., tuple[int, list[str], list[str]]]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one model; the command runs at its root, outside of CI and without AWS."""
    for name in list(os.environ):
        if name.startswith(("CI_", "AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    root = tmp_path / "project"
    files = {
        "mergemaker.toml": SETTINGS,
        "models/prices/model.toml": MODEL_TOML,
        "models/prices/train.py": "print('rmse=1')\n",
        "models/prices/requirements.txt": "",
        "training/Dockerfile": "FROM scratch\n",
        "serving/app.py": "",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def ci(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GitLab's variables in a merge request's pipeline."""
    for name, value in CI.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def run(project: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs the command: exit code, lines of stdout, lines of stderr."""

    def command(*words: str) -> tuple[int, list[str], list[str]]:
        capfd.readouterr()
        try:
            code = main(words)
        except SystemExit as error:  # argparse's own
            code = int(error.code or 0)
        said = capfd.readouterr()
        assert "Traceback" not in said.err
        return code, said.out.splitlines(), said.err.splitlines()

    return command


def git(root: Path, *words: str) -> None:
    who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *who, *words], cwd=root, check=True, capture_output=True)
