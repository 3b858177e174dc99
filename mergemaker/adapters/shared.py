"""What a model's code takes along from outside of the model's folder, by ``train.shared``."""

import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from mergemaker.adapters.tree import files_in, is_left_out
from mergemaker.domain.changes import SHARED as IN_EVERY_IMAGE
from mergemaker.domain.changes import packages_above
from mergemaker.domain.errors import UsageError

NEVER_CODE = {"model.toml", "requirements.txt", "README.md"}
"""At the root of a bundle. Settings are kept beside it, requirements are in the image."""


class Shared:
    """Collects what is declared, path by path. `models` is the folder with all models' folders, `own` the code that the
    model has by itself; paths are relative to `root` and to the model's folder, which in a bundle is the same place."""

    def __init__(self, root: Path, models: str, own: Iterable[str]) -> None:
        self._root, self._models = root, models
        self._own = {_module(path) for path in own}
        self._files: dict[str, Path] = {}

    def take(self, path: str) -> None:
        """A file or folder. Raises UsageError that says why it can't be."""
        asked = PurePosixPath(path)
        self._check(asked.as_posix())
        self._files |= self._found(asked)
        for package in packages_above(asked):
            if (self._root / package).is_file():
                self._check_link(package)
                self._files[package] = self._root / package

    @property
    def code(self) -> dict[str, Path]:
        """All that was taken, each top folder as a package: nothing of other folders goes into a model for serving."""
        tops = {path.partition("/")[0] for path in self._files if "/" in path}
        return {f"{top}/__init__.py": Path(os.devnull) for top in tops} | self._files

    def _check(self, path: str) -> None:
        if f"{path}/".startswith(f"{self._models}/") or self._models.startswith(f"{path}/"):
            raise UsageError(f"{path} leads into {self._models}/, to models' own code: move what they share out of it")
        if f"{path}/".startswith(IN_EVERY_IMAGE):
            raise UsageError(f"{path} is in every image already")
        if is_left_out(Path(path)) or path in NEVER_CODE:
            raise UsageError(
                f"{path} can be no part of a model's code, as no hidden file, cache or requirements.txt can"
            )
        if _module(path) in self._own:
            raise UsageError(f"the model's folder has a {_module(path)} of its own: rename one of the two")
        self._check_link(path)

    def _check_link(self, path: str) -> None:
        """A link leads elsewhere, also where that is in the repository: changes there would go unnoticed."""
        if (self._root / path).resolve() != self._root.resolve() / path:
            raise UsageError(f"{path} is a link, or lies behind one: name the place itself")

    def _found(self, path: PurePosixPath) -> dict[str, Path]:
        place = self._root / path
        found = {f"{path}/{inner}": file for inner, file in files_in(place)} if place.is_dir() else {}
        found |= {path.as_posix(): place} if place.is_file() else {}
        if not found:
            raise UsageError(f"there is no {path} in the repository, or nothing in it")
        return found


def _module(path: str) -> str:
    """By what Python imports it: a file or a folder right at the root."""
    return path.partition("/")[0].removesuffix(".py")
