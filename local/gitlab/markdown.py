"""GitLab Flavoured Markdown as HTML that can do no harm.

Three passes: markdown-it makes HTML, nh3 throws out what GitLab does not allow (comments too, so the report's marker
does not show), `enrich` adds what GitLab adds to text: mentions, references, emoji, bare links, addresses of uploads.
"""

import re
from collections.abc import Sequence

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.tasklists import tasklists_plugin

from local.gitlab.enrich import Links, enrich

_TAGS = {
    "a",
    "abbr",
    "b",
    "blockquote",
    "br",
    "code",
    "dd",
    "del",
    "details",
    "div",
    "dl",
    "dt",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "input",
    "ins",
    "kbd",
    "li",
    "mark",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "samp",
    "small",
    "span",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "u",
    "ul",
    "var",
}
_ATTRIBUTES = {
    "a": {"href", "title"},
    "abbr": {"title"},
    "code": {"class"},
    "details": {"open"},
    "div": {"align"},
    "img": {"src", "alt", "title", "width", "height"},
    "input": {"type", "checked", "disabled", "class"},
    "li": {"class"},
    "ol": {"start"},
    "td": {"align", "class", "colspan", "rowspan"},
    "th": {"align", "class", "colspan", "rowspan"},
    "ul": {"class"},
}
_CLASSES = re.compile(
    r"left|center|right|number|task-list-item(?: enabled)?|contains-task-list|task-list-item-checkbox|language-[\w+-]+"
)
_NUMBER = re.compile(
    r"\s*(?:[-+\u2212±~≈<>≤≥]\s?)?[$€£]?\d[\d,.\u00a0\u202f_ ]*(?:e[-+]?\d+)?\s?"
    r"(?:%|pp|ms|s|h|m|min|[KMGT]i?B|x|×)?\s*(?:[▲▼↑↓]|\((?:[-+\u2212]?\d[\d.,]*\s?%)\))?\s*",
    re.IGNORECASE,
)

_markdown = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).use(tasklists_plugin)


def render(text: str, links: Links | None = None) -> str:
    """HTML to put into a page as it is. `links` says where mentions and uploads lead."""
    tokens = _markdown.parse(text)
    _mark_cells(tokens)
    raw = _markdown.renderer.render(tokens, _markdown.options, {})
    clean = nh3.clean(
        raw,
        tags=_TAGS,
        clean_content_tags={"script", "style", "iframe", "object", "svg", "math", "template", "textarea", "title"},
        attributes=_ATTRIBUTES,
        attribute_filter=_attribute,
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow noreferrer noopener",
        strip_comments=True,
    )
    return enrich(clean, links or Links())


def _attribute(tag: str, name: str, value: str) -> str | None:
    if name == "class":
        return value if _CLASSES.fullmatch(value) else None
    if tag == "input" and name == "type":
        return "checkbox"
    return value


def _mark_cells(tokens: Sequence[Token]) -> None:
    """Alignment as a class, since pages forbid inline styles; columns of numbers get one of their own."""
    for start, token in enumerate(tokens):
        if token.type == "table_open":
            end = next(at for at in range(start, len(tokens)) if tokens[at].type == "table_close")
            _mark_table(tokens[start:end])


def _mark_table(tokens: Sequence[Token]) -> None:
    columns: list[list[tuple[Token, str]]] = []
    column = 0
    for at, token in enumerate(tokens):
        if token.type == "tr_open":
            column = 0
        elif token.type in ("td_open", "th_open"):
            if column == len(columns):
                columns.append([])
            columns[column].append((token, _text(tokens[at + 1])))
            column += 1
    for cells in columns:
        body = [text for token, text in cells if token.type == "td_open" and text.strip("\u2014\u2013- ")]
        numbers = bool(body) and all(_NUMBER.fullmatch(text) for text in body)
        for token, _ in cells:
            style = str(token.attrs.pop("style", ""))
            aligned = style.removeprefix("text-align:")
            if numbers and aligned in ("", "right"):
                token.attrSet("class", "number")
            elif aligned:
                token.attrSet("class", aligned)


def _text(inline: Token) -> str:
    return "".join(child.content for child in inline.children or [] if child.type in ("text", "code_inline"))
