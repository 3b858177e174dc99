"""Versions are read from files, whatever those hold."""

import json
import sys
from pathlib import Path

import pytest

from mergemaker.adapters.tools import InstalledTools


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without a CDK CLI anywhere."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def package(folder: Path, **content: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text(json.dumps(content))


def test_python_and_boto3_are_this_interpreters_and_fit_what_the_project_asks(root: Path) -> None:
    tools = InstalledTools(root)
    assert tools.installed("python") == ".".join(str(part) for part in sys.version_info[:3])
    assert tools.wanted("python") == ">=3.11"
    assert tools.wanted("boto3") == f"=={tools.installed('boto3')}"


def test_a_package_that_nobody_installed_has_no_version(root: Path) -> None:
    assert InstalledTools(root).installed("no-such-package") is None


def test_the_projects_own_cdk_comes_before_the_one_on_the_path(root: Path) -> None:
    elsewhere = root / "lib" / "node_modules" / "aws-cdk"
    package(elsewhere, name="aws-cdk", version="3.0.0")
    (elsewhere / "bin").mkdir()
    (elsewhere / "bin" / "cdk").write_text("#!/usr/bin/env node\n")
    (elsewhere / "bin" / "cdk").chmod(0o755)
    (root / "bin").mkdir()
    (root / "bin" / "cdk").symlink_to(elsewhere / "bin" / "cdk")
    assert InstalledTools(root).installed("aws-cdk") == "3.0.0"
    package(root / "node_modules" / "aws-cdk", name="aws-cdk", version="2.1148.1")
    assert InstalledTools(root).installed("aws-cdk") == "2.1148.1"


def test_the_cdk_that_the_project_asks_for_is_in_its_package_file(root: Path) -> None:
    assert InstalledTools(root).wanted("aws-cdk") is None
    package(root, dependencies={"aws-cdk": "2.1148.1"})
    assert InstalledTools(root).wanted("aws-cdk") == "==2.1148.1"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"dependencies": []}', '{"dependencies": {"aws-cdk": "^2"}}'])
def test_a_package_file_that_asks_nothing_exact_is_no_fault(root: Path, text: str) -> None:
    (root / "package.json").write_text(text)
    tools = InstalledTools(root)
    assert (tools.wanted("aws-cdk"), tools.installed("aws-cdk")) == (None, None)
