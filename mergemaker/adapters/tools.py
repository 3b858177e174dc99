"""What is installed beside the command, and what the project asks for: read from files, nothing is run."""

import json
import re
import shutil
import sys
from importlib import metadata
from pathlib import Path
from typing import Any


class InstalledTools:
    """`ports.Tools` of this interpreter and of the project at `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def installed(self, tool: str) -> str | None:
        if tool == "python":
            return ".".join(str(part) for part in sys.version_info[:3])
        if tool == "aws-cdk":
            return self._cdk()
        try:
            return metadata.version(tool)
        except metadata.PackageNotFoundError:
            return None

    def wanted(self, tool: str) -> str | None:
        if tool == "aws-cdk":
            asked = _object(_json(self._root / "package.json").get("dependencies")).get(tool)
            return f"=={asked}" if isinstance(asked, str) and re.fullmatch(r"[0-9.]+", asked) else None
        try:
            if tool == "python":
                return metadata.metadata("mergemaker")["Requires-Python"]
            asks = metadata.requires("mergemaker") or []
        except (metadata.PackageNotFoundError, KeyError):
            return None
        return next((one[len(tool) :] for one in asks if re.match(rf"{tool}[=<>]", one)), None)

    def _cdk(self) -> str | None:
        """The project's own, else the one on the PATH, whose script lies in the package's folder `bin`."""
        folders = [self._root / "node_modules" / "aws-cdk"]
        found = shutil.which("cdk")
        if found:
            folders.append(Path(found).resolve().parent.parent)
        said = (_json(folder / "package.json") for folder in folders)
        return next((str(one["version"]) for one in said if one.get("name") == "aws-cdk" and "version" in one), None)


def _json(file: Path) -> dict[str, Any]:
    try:
        return _object(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
