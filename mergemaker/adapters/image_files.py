"""What images are built from: what is in every one of them, and what the model's Dockerfile copies of its folder."""

import hashlib
import os
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from pathlib import Path

from mergemaker.adapters.tree import files_in, read
from mergemaker.domain.dockerfile import copied, matching
from mergemaker.domain.errors import UsageError
from mergemaker.steps.bundle import digest_of

_IN_EVERY_IMAGE = ("training", "serving")


def sha256_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def image_digest(files: Mapping[str, Path], sha256: Callable[[Path], str] = sha256_of) -> str:
    """Of what an image is built from; whether a file is executable does not count, which a build can't rely on.

    `infra/check_context.sh` computes the same of what was uploaded.
    """
    return digest_of((path, False, sha256(file)) for path, file in files.items())


class ImageFiles:
    """Of the repository at `root`. What many models have in common is listed and digested once, for all of them."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._sha256, self._copied = cache(sha256_of), cache(self._copied_by)

    def digest(self, files: Mapping[str, Path]) -> str:
        return image_digest(files, self._sha256)

    def of(self, folder: Path, own: str | None, there: Mapping[str, Path]) -> dict[str, Path]:
        """What an image is made of: path in the build's context -> file.

        Of the model's folder, with the files `there`, what the Dockerfile copies, the model's `own` or everyone's:
        other code would make another image each time it changes.
        """
        dockerfile = folder / own if own else self._root / "training" / "Dockerfile"
        if not dockerfile.is_file() and not own:
            raise UsageError("no training/Dockerfile here: run this at the root of the project")
        # A model without requirements has none: Dockerfiles may copy the file in any case.
        available = {"model/requirements.txt": Path(os.devnull)}
        available |= {f"model/{path}": file for path, file in there.items()}
        found = {"Dockerfile": dockerfile, **self._in_every_image}
        for line, pattern in self._copied(dockerfile):
            taken = matching(pattern, available)
            if pattern.startswith("model/") and not taken:
                raise UsageError(
                    f"{dockerfile.relative_to(self._root)}:{line}: there is no {pattern.removeprefix('model/')} "
                    f"in {folder.name}"
                )
            found |= {path: available[path] for path in taken}
        return found

    def _copied_by(self, dockerfile: Path) -> list[tuple[int, str]]:
        return copied(read(dockerfile, self._root).decode(errors="replace"))

    @cached_property
    def _in_every_image(self) -> dict[str, Path]:
        return {
            f"{part}/{path}": file
            for part in _IN_EVERY_IMAGE
            for path, file in files_in(self._root / part)
            if path != "Dockerfile"
        }
