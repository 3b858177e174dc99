"""Text from jobs, people and services, made inert for Markdown: it shows as it is and does nothing.

GitLab executes lines that begin with a slash, notifies whom an @ names, loads images and renders HTML. In a code span
or a code block none of that happens, so all foreign text goes into one, after what could break out of it is taken away.
"""

import re
import unicodedata

_UNSEEN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
"""Control and format characters (right-to-left marks among them), and line separators that are no newline."""


def visible(text: str) -> str:
    """`text` without characters that are there but don't show; newlines and tabs become spaces."""
    return "".join(" " if c in "\n\r\t" else c for c in text if c in "\n\r\t" or unicodedata.category(c) not in _UNSEEN)


def code(text: str, *, longest: int = 200) -> str:
    """`text` as a code span that is safe in a table's cell, too."""
    shown = visible(text).strip().replace("`", "'").replace("|", r"\|")
    if len(shown) > longest:
        shown = f"{shown[:longest].rstrip(chr(92))}…"
    return f"`{shown}`" if shown else "–"


def block(text: str, *, longest: int = 4_000) -> str:
    """`text` as a code block. Lines are indented, so that none begins with a slash even for a careless reader."""
    lines = [visible(line) for line in text[:longest].splitlines()]
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    cut = ["  …"] if len(text) > longest else []
    return "\n".join([f"{fence}text", *(f"  {line}" for line in lines), *cut, fence])
