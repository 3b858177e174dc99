"""Which models a change touches."""

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

SHARED = ("training/", "serving/")
"""Every model's image is made of these."""


def changed_models(paths: Iterable[str], models: Mapping[str, Iterable[str]]) -> list[str]:
    """Of `models`, those that a change of the files `paths`, relative to the repository's root, touches; in order.

    `models` holds, for each, what it trains on of what DVC tracks. Paths of renamed and deleted files count, at both
    ends of a rename.
    """
    paths = list(paths)
    if any(path.startswith(SHARED) for path in paths):
        return sorted(models)
    touched = {path.split("/")[1] for path in paths if path.startswith("models/") and path.count("/") > 1}
    for name, tracked in models.items():
        if any(not _trackers(path).isdisjoint(paths) for path in tracked):
            touched.add(name)
    return sorted(touched & set(models))


def _trackers(path: str) -> set[str]:
    """The files in which DVC may say what is at `path`."""
    asked = PurePosixPath(path)
    return {f"{above}.dvc" for above in (asked, *asked.parents) if above.name} | {
        (folder / "dvc.lock").as_posix() for folder in asked.parents
    }
