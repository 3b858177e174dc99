"""A note as a reader of Markdown sees it: its skeleton, and what it says outside of code."""

from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

_READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
_CODE = ("code_inline", "fence", "code_block")


def skeleton(note: str) -> list[tuple[str, str, str]]:
    """All that a note is made of: kind, attributes and text, without the text of code."""
    return [(token.type, str(token.attrs), "" if token.type in _CODE else token.content) for token in _tokens(note)]


def code_in(note: str) -> list[str]:
    return [token.content for token in _tokens(note) if token.type in _CODE]


def links(note: str) -> list[str]:
    return [str(token.attrs["href"]) for token in _tokens(note) if token.type == "link_open"]


def cells(note: str) -> list[list[str]]:
    """Rows of all tables, as text."""
    rows: list[list[str]] = []
    inside = False
    for token in _READER.parse(note):
        if token.type == "tr_open":
            rows.append([])
        inside = (inside or token.type in ("th_open", "td_open")) and token.type not in ("th_close", "td_close")
        if inside and token.type == "inline":
            rows[-1].append("".join(child.content for child in token.children or []))
    return rows


def _tokens(note: str) -> Iterator[Token]:
    for token in _READER.parse(note):
        if token.type != "inline":
            yield token
        yield from token.children or []
