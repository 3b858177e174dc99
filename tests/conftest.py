"""For all tests: property-based ones are bounded, repeatable, and leave no folder; the longest file starts first;
images are built without compiling their packages, of which a test imports a few."""

import os

import pytest
from hypothesis import settings

settings.register_profile("short", max_examples=40, deadline=None, database=None, derandomize=True)
settings.load_profile("short")
os.environ.setdefault("UV_COMPILE_BYTECODE", "0")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The story takes minutes in one worker: begun last, it would keep the other one waiting."""
    items.sort(key=lambda item: item.path.parent.name != "story")
