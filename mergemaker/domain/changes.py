"""Which models a change touches."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

SHARED = ("training/", "serving/")
"""Every model's image is made of these."""


@dataclass(frozen=True)
class Elsewhere:
    """What a model's run takes from outside of the model's folder; paths relative to the repository's root."""

    tracked: tuple[str, ...] = ()
    """Of what DVC tracks: what it trains on."""
    shared: tuple[str, ...] = ()
    """Files and folders that its code needs."""


def changed_models(paths: Iterable[str], models: Mapping[str, Elsewhere], *, folder: str) -> list[str]:
    """Of `models`, each with its own folder in `folder`, those that a change of the files `paths` touches; in order.
    Paths are relative to the repository's root.

    Those of renamed and deleted files count, at both ends of a rename. A path right under `folder` is a folder that git
    keeps as one: a submodule, or a link.
    """
    changed = set(paths)
    if any(path.startswith(SHARED) for path in changed):
        return sorted(models)
    touched = {path[len(folder) + 1 :].partition("/")[0] for path in changed if path.startswith(f"{folder}/")}
    places = _places(changed)
    for name, elsewhere in models.items():
        shares = any(not _taken(path).isdisjoint(places) for path in elsewhere.shared)
        if shares or any(not _trackers(path).isdisjoint(changed) for path in elsewhere.tracked):
            touched.add(name)
    return sorted(touched & set(models))


def _places(paths: Iterable[str]) -> set[str]:
    """The paths and all folders above them: a thousand models ask for theirs among ten thousand."""
    found: set[str] = set()
    for path in paths:
        place = path
        while place and place not in found:
            found.add(place)
            place = place.rpartition("/")[0]
    return found


def _taken(path: str) -> set[str]:
    """What code that is shared is made of: itself, and what Python runs before it."""
    asked = PurePosixPath(path)
    return {asked.as_posix(), *packages_above(asked)}


def packages_above(path: PurePosixPath) -> set[str]:
    """Files that Python runs before it imports what is at `path`, where they are there."""
    return {f"{above}/__init__.py" for above in path.parents if above.name}


def _trackers(path: str) -> set[str]:
    """The files in which DVC may say what is at `path`."""
    asked = PurePosixPath(path)
    return {f"{above}.dvc" for above in (asked, *asked.parents) if above.name} | {
        (folder / "dvc.lock").as_posix() for folder in asked.parents
    }
