"""What a commit's message asks of its pipeline, in square brackets.

``[train NAME]`` trains a model although nothing of it changed; ``[train NAME TAG]`` makes a GitLab release of that tag,
too, when it is done. ``[skip train]`` trains nothing; ``[build image]`` builds images instead.
"""

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from mergemaker.domain.errors import UsageError
from mergemaker.domain.model_toml import ON_CHANGE
from mergemaker.domain.names import tag_fault

_WISH = re.compile(r"\[(train|skip train|build image)(?![\w-])([^\[\]\r\n]*)\]", re.IGNORECASE)
"""Any other brackets are none of our business."""
_TAKEN_BACK = re.compile(r'^(?:Revert|Reapply) ".*"', re.MULTILINE)
"""What git says of another commit: that one's wishes are not this one's."""


@dataclass(frozen=True)
class Wishes:
    """All that a message asks for."""

    train: Mapping[str, str] = field(default_factory=dict)
    """Model -> tag of the GitLab release that is made of the run; empty where none is wished for."""
    skip: bool = False
    """No model is trained because it changed."""
    build: bool = False
    """Images are built, and no model is trained because it changed."""


def parse_wishes(message: str, models: Collection[str]) -> Wishes:
    """Raises UsageError for a model that is not one of `models`, for what can be no tag, and for contradictions."""
    train: dict[str, str] = {}
    asked: set[str] = set()
    for found in _WISH.finditer(_TAKEN_BACK.sub("", message)):
        what, words = found[1].lower(), found[2].split()
        asked.add(what)
        if what != "train":
            _check(not words, found[0], f"write [{what}]")
            continue
        _check(len(words) in (1, 2), found[0], "write [train NAME] or [train NAME TAG]")
        name, tag = words[0], words[1] if len(words) > 1 else ""
        _check(name in models, found[0], f"there is no model {name[:40]!r}")
        _check(train.get(name, tag) == tag, found[0], "the model is asked for twice, and not for the same")
        fault = tag_fault(tag) if tag else None
        _check(fault is None, found[0], fault or "")
        others = [other for other, theirs in train.items() if tag and theirs == tag and other != name]
        _check(not others, found[0], f"{tag} is the tag of {', '.join(others)}, and a tag has one release")
        train[name] = tag
    if "skip train" in asked and train:
        raise UsageError("the commit's message says both [skip train] and [train NAME]: keep one of them")
    return Wishes(train, skip="skip train" in asked, build="build image" in asked)


def retrains_on_change(settings: str) -> bool:
    """Whether a model's settings ask for a run when there is new data. Their faults are for others to tell."""
    if not any(word in settings for word in _WORDS):
        return False
    try:
        data = tomllib.loads(settings).get("data")
    except (ValueError, RecursionError):
        return False
    return isinstance(data, dict) and data.get("retrain") == ON_CHANGE


_WORDS = ("retrain", "\\u", "\\U")
"""Settings without any of these, the last two of which may write any other, ask for nothing. Reading takes longer."""


def _check(fine: bool, wish: str, fault: str) -> None:
    if not fine:
        raise UsageError(f"the commit's message says {wish[:100]!r}: {fault}: push a commit that says it right")
