"""A diff, parsed for showing."""

import re
from dataclasses import dataclass, field

_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@(.*)")
_MOST_LINES = 3000


@dataclass(frozen=True)
class Line:
    kind: str
    """``add``, ``remove``, ``same`` or ``hunk``."""
    old: int | None
    new: int | None
    text: str


@dataclass
class FileDiff:
    path: str
    note: str = ""
    """``new``, ``deleted``, ``renamed from …`` or ``binary``."""
    lines: list[Line] = field(default_factory=list)

    @property
    def added(self) -> int:
        return sum(line.kind == "add" for line in self.lines)

    @property
    def removed(self) -> int:
        return sum(line.kind == "remove" for line in self.lines)


def parse_diff(text: str) -> list[FileDiff]:
    """Files of a unified diff as git prints it; what is beyond 3,000 lines is left out."""
    files: list[FileDiff] = []
    old = new = 0
    for row in text.split("\n")[:_MOST_LINES]:
        if row.startswith("diff --git "):
            files.append(FileDiff(path=row.rpartition(" b/")[2].rstrip('"')))
            old = new = 0
        elif files and (hunk := _HUNK.match(row)):
            old, new = int(hunk[1]), int(hunk[2])
            files[-1].lines.append(Line("hunk", None, None, hunk[0]))
        elif files and not (old or new):
            files[-1].note = _note(row) or files[-1].note
        elif files:
            line = _line(row, old, new)
            if line:
                old, new = old + (line.kind != "add"), new + (line.kind != "remove")
                files[-1].lines.append(line)
    return files


def _note(row: str) -> str:
    if row.startswith("new file"):
        return "new"
    if row.startswith("deleted file"):
        return "deleted"
    if row.startswith("rename from "):
        return f"renamed from {row.removeprefix('rename from ')}"
    return "binary" if row.startswith("Binary files") else ""


def _line(row: str, old: int, new: int) -> Line | None:
    if row.startswith("+"):
        return Line("add", None, new, row[1:])
    if row.startswith("-"):
        return Line("remove", old, None, row[1:])
    return Line("same", old, new, row[1:]) if row.startswith(" ") else None
