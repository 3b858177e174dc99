"""What GitLab adds to the text of clean HTML: mentions, references, emoji, bare links, addresses of uploads.

Works on sanitised HTML, as GitLab's own filters do, so that a mention within raw HTML is one, too.
"""

import re
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser

EMOJI = {
    "white_check_mark": "✅",
    "heavy_check_mark": "✔️",
    "x": "❌",
    "warning": "⚠️",
    "rocket": "🚀",
    "tada": "🎉",
    "hourglass": "⌛",
    "hourglass_flowing_sand": "⏳",
    "stop_sign": "🛑",
    "no_entry": "⛔",
    "arrow_up": "⬆️",
    "arrow_down": "⬇️",
    "arrow_right": "➡️",
    "red_circle": "🔴",
    "yellow_circle": "🟡",
    "green_circle": "🟢",
    "large_blue_circle": "🔵",
    "chart_with_upwards_trend": "📈",
    "package": "📦",
    "information_source": "ℹ️",
    "bar_chart": "📊",
    "bulb": "💡",
    "fire": "🔥",
    "eyes": "👀",
    "moneybag": "💰",
    "memo": "📝",
    "link": "🔗",
    "lock": "🔒",
    "question": "❓",
    "trophy": "🏆",
    "zap": "⚡",
    "bug": "🐛",
    "stopwatch": "⏱️",
    "rewind": "⏪",
    "thumbsup": "👍",
    "thumbsdown": "👎",
}
_DRAWN = {
    "✅": "check",
    "✔": "check",
    "❌": "cross",
    "⚠": "warning",
    "🚀": "rocket",
    "🎉": "tada",
    "⌛": "hourglass",
    "⏳": "hourglass",
    "🛑": "stop",
    "⛔": "stop",
    "⬆": "up",
    "⬇": "down",
    "➡": "right",
    "🔴": "red",
    "🟡": "yellow",
    "🟢": "green",
    "🔵": "blue",
    "📈": "chart",
    "📦": "package",
    "ℹ": "info",
}
"""Drawn by us, as a machine without an emoji font would show boxes. The files are in pages/static/emoji."""

_TEXT = re.compile(
    r"(?P<url>https?://[^\s<>\"'`]*[^\s<>\"'`.,;:!?)\]*_~])"
    r"|(?<![\w@/.])@(?P<user>[A-Za-z0-9_](?:[\w.-]*\w)?(?:/[\w.-]+)*)"
    r"|(?<![\w!/&])!(?P<request>\d+)\b"
    r"|:(?P<emoji>[a-z0-9_+-]+):"
    rf"|(?P<sign>[{''.join(_DRAWN)}])\ufe0f?"
)
_VERBATIM = {"a", "code", "pre", "kbd", "samp"}
_UPLOAD = re.compile(r"/uploads/[0-9a-f]{32}/[^/\s]+")
_VOID = {"br", "hr", "img", "input"}


@dataclass(frozen=True)
class Links:
    """Where the text lives."""

    instance: str = ""
    """Address of the server, without a slash at the end; empty for links within it."""
    project_path: str = ""
    project_id: int = 0


def enrich(html: str, links: Links) -> str:
    """`html` must be sanitised: what is no text is passed on."""
    parser = _Enricher(links)
    parser.feed(html)
    parser.close()
    return "".join(parser.out)


class _Enricher(HTMLParser):
    def __init__(self, links: Links) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self._links = links
        self._verbatim = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._verbatim += tag in _VERBATIM
        shown = "".join(f' {name}="{escape(self._address(name, value or ""))}"' for name, value in attrs)
        lazy = ' loading="lazy"' if tag == "img" else ""
        self.out.append(f"<{tag}{shown}{lazy}>")

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            self._verbatim -= tag in _VERBATIM
            self.out.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if self._verbatim:
            self.out.append(escape(data, quote=False))
            return
        at = 0
        for found in _TEXT.finditer(data):
            self.out += [escape(data[at : found.start()], quote=False), self._replacement(found)]
            at = found.end()
        self.out.append(escape(data[at:], quote=False))

    def _replacement(self, found: re.Match[str]) -> str:
        text = escape(found[0])
        if user := found["user"]:
            return f'<a class="mention" href="{self._links.instance}/{escape(user)}">{text}</a>'
        if number := found["request"]:
            if not self._links.project_path:
                return text
            path = f"{self._links.instance}/{self._links.project_path}/-/merge_requests/{number}"
            return f'<a class="reference" href="{escape(path)}">{text}</a>'
        if emoji := found["emoji"]:
            return _emoji(EMOJI[emoji]) if emoji in EMOJI else text
        if found["sign"]:
            return _emoji(found[0])
        return f'<a href="{text}" rel="nofollow noreferrer noopener">{text}</a>'

    def _address(self, name: str, value: str) -> str:
        """Uploads are named relative to the project, and live under its number."""
        if name in ("src", "href") and self._links.project_id and _UPLOAD.fullmatch(value):
            return f"{self._links.instance}/-/project/{self._links.project_id}{value}"
        return value


def _emoji(sign: str) -> str:
    drawn = _DRAWN.get(sign.rstrip("\ufe0f"))
    if drawn is None:
        return f'<span class="emoji">{sign}</span>'
    return f'<img class="emoji" src="/-/static/emoji/{drawn}.svg" alt="{sign}">'
