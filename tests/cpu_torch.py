"""Where uv gets torch without CUDA, so that tests with torch run wherever a CPU build can be had.

PyPI's torch for Linux brings 3 GB of CUDA, whatever the machine. A folder with a wheel of PyTorch's CPU builds, named
to pip, is found for uv, too.
"""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
REQUIREMENTS = ROOT / "mergemaker" / "templates" / "pytorch" / "requirements.txt.template"
_WHEELS = "torch-*+cpu*.whl"


@cache
def settings() -> dict[str, str] | None:
    """Environment variables with which uv installs the template's torch without CUDA; None where it would not."""
    folders = [place for place in _named_to_pip() if any(Path(place.removeprefix("file://")).glob(_WHEELS))]
    named = dict.fromkeys(place for place in [os.environ.get("UV_FIND_LINKS"), *folders] if place)
    chosen = {"UV_FIND_LINKS": ",".join(named)} if named else {}
    uv = Path(sys.executable).with_name("uv")
    command: list[str | Path] = [
        uv,
        "pip",
        "compile",
        "-q",
        "--no-header",
        "--no-annotate",
        "--python",
        sys.executable,
        REQUIREMENTS,
    ]
    found = subprocess.run(
        command, env={"UV_SYSTEM_CERTS": "1", **os.environ, **chosen}, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, f"uv can't resolve {REQUIREMENTS.name}: {found.stderr}"
    return None if "nvidia-" in found.stdout else chosen


def needed() -> dict[str, str]:
    """The same; skips a test where there is none."""
    found = settings()
    if found is None:
        pytest.skip(
            "torch would come with 3 GB of CUDA: name a folder with a wheel of PyTorch's CPU builds to pip "
            "(PIP_FIND_LINKS) or uv (UV_FIND_LINKS), or set UV_TORCH_BACKEND=cpu"
        )
    return found


def _named_to_pip() -> list[str]:
    """Folders and addresses, of pip's variable and of its configuration files."""
    pip = [sys.executable, "-m", "pip", "config", "get", "global.find-links"]
    said = subprocess.run(pip, capture_output=True, text=True, check=False)
    return [*os.environ.get("PIP_FIND_LINKS", "").split(), *(said.stdout.split() if said.returncode == 0 else [])]
