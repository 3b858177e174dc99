"""Which models a change touches."""

from collections.abc import Iterable

SHARED = ("training/", "serving/")
"""Every model's image is made of these."""


def changed_models(paths: Iterable[str], models: Iterable[str]) -> list[str]:
    """Of `models`, those that a change of the files `paths`, relative to the repository's root, touches; in order.

    Paths of renamed and deleted files count, at both ends of a rename.
    """
    paths = list(paths)
    if any(path.startswith(SHARED) for path in paths):
        return sorted(models)
    touched = {path.split("/")[1] for path in paths if path.startswith("models/") and path.count("/") > 1}
    return sorted(touched & set(models))
