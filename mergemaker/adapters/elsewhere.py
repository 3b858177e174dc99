"""What models take from outside of their folders, of a thousand in a part of a second."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

from mergemaker.domain import triggers
from mergemaker.domain.changes import Elsewhere
from mergemaker.domain.model import FILE

_WORDS = ("dvc", "shared", "\\u", "\\U")
"""Settings without any of these, the last two of which may write any other, name nothing elsewhere."""


def elsewhere(folder: Path) -> Elsewhere:
    """By the settings in a model's `folder`. Their faults are `check`'s to tell: what can't be read names nothing.

    Not `parse_model`, which looks at each key and takes milliseconds.
    """
    try:
        text = (folder / FILE).read_text(encoding="utf-8")
        settings = tomllib.loads(text) if any(word in text for word in _WORDS) else {}
    except (OSError, ValueError, RecursionError):
        return Elsewhere()
    train = settings.get("train")
    return Elsewhere(
        tracked=tuple(_tracked(settings)),
        shared=tuple(_strings(train.get("shared")) if isinstance(train, dict) else ()),
    )


def retrains_on_change(folder: Path) -> bool:
    """Whether the settings in a model's `folder` ask for a run when there is new data."""
    try:
        return triggers.retrains_on_change((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False


def _tracked(table: dict[str, object]) -> Iterator[str]:
    """Each `dvc = "PATH"`, of whatever kind of channel."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _tracked(value)
        elif key == "dvc" and isinstance(value, str):
            yield value


def _strings(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
