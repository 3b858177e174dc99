"""A place to train in."""

from pathlib import Path

import pytest

from tests.training.jobs import Train, environment


@pytest.fixture(scope="session")
def python() -> Path:
    return environment()


@pytest.fixture
def train(tmp_path: Path, python: Path) -> Train:
    return Train(tmp_path, python)
