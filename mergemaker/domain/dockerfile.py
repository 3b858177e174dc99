"""Reads a Dockerfile as far as it has to be known before it is built: its instructions, and what they copy."""

import json
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

_HERE_DOCUMENT = re.compile(r"<<-?([\"']?)([A-Za-z_]\w*)\1")


@dataclass(frozen=True)
class Instruction:
    """One instruction, its lines joined, without comments."""

    line: int
    """Where it begins."""
    word: str
    """In capitals."""
    rest: str

    @property
    def flags(self) -> dict[str, str]:
        """``--from=packages`` and the like, which come first."""
        found = (word.removeprefix("--").partition("=") for word in self._words if word.startswith("--"))
        return {name: value for name, _, value in found}

    @property
    def arguments(self) -> list[str]:
        """Without flags; a JSON list taken apart."""
        plain = self.rest
        while plain.startswith("--"):
            plain = plain.partition(" ")[2].lstrip()
        if plain.startswith("["):
            try:
                return [str(one) for one in json.loads(plain)]
            except ValueError:
                pass
        return _split(plain)

    @property
    def _words(self) -> list[str]:
        words = _split(self.rest)
        first = next((n for n, word in enumerate(words) if not word.startswith("--")), len(words))
        return words[:first]


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def instructions(text: str) -> list[Instruction]:
    """All of them, in order. What stands in a here-document is passed over."""
    found: list[Instruction] = []
    lines = iter(enumerate(text.splitlines(), start=1))
    for number, first in lines:
        whole = _without_comment(first)
        while whole.endswith("\\"):
            # Comments and empty lines between those of an instruction don't end it.
            following = next((text for _, line in lines if (text := _without_comment(line))), "")
            whole = f"{whole[:-1].rstrip()} {following}"
        word, _, rest = whole.strip().partition(" ")
        for _, end in _HERE_DOCUMENT.findall(rest) if word.upper() in ("RUN", "COPY", "ADD") else ():
            next((line for _, line in lines if line.strip() == end), None)
        if word:
            found.append(Instruction(number, word.upper(), rest.strip()))
    return found


def _without_comment(line: str) -> str:
    return "" if line.lstrip().startswith("#") else line.rstrip()


def copied(text: str) -> list[tuple[int, str]]:
    """Line and path pattern of everything that a Dockerfile takes from the folder that it is built in.

    The pattern ``.`` stands for all: where it can't be told from the text, it is said so.
    """
    found: list[tuple[int, str]] = []
    for one in instructions(text):
        if one.word in ("COPY", "ADD") and "from" not in one.flags:
            sources = [source for source in one.arguments[:-1] if "://" not in source and not source.startswith("<<")]
            found += [(one.line, _pattern(source)) for source in sources]
        elif one.word == "RUN" and "--mount=" in one.rest:
            found.append((one.line, "."))
    return found


def _pattern(source: str) -> str:
    parts = [part for part in source.split("/") if part not in ("", ".")]
    unknown = "$" in source or "**" in parts or ".." in parts
    return "." if unknown or not parts else "/".join(parts)


def matching(pattern: str, paths: Iterable[str]) -> list[str]:
    """Those of `paths` that COPY takes for `pattern`: files, and all that lies in folders of the name."""
    wanted = [] if pattern == "." else pattern.split("/")
    return [path for path in paths if _begins(path.split("/"), wanted)]


def _begins(path: list[str], wanted: list[str]) -> bool:
    return len(path) >= len(wanted) and all(fnmatchcase(a, b) for a, b in zip(path, wanted, strict=False))
