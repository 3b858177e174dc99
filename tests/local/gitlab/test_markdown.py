"""Notes as HTML: what shows, and what must not get through."""

import re

import pytest

from local.gitlab.enrich import Links
from local.gitlab.markdown import render

HOSTILE = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil></ScRiPt>",
    "<img src=x onerror=alert(1)>",
    '<img src="x" alt="" onload="alert(1)">',
    '<a href="javascript:alert(1)">x</a>',
    '<a href=" &#106;avascript:alert(1)">x</a>',
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "![x](javascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "<javascript:alert(1)>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<iframe src='//evil'></iframe>",
    "<object data='//evil'></object><embed src='//evil'>",
    "<form action='//evil'><input name=a><button>go</button></form>",
    "<style>body { display: none }</style>",
    "<link rel=stylesheet href=//evil><meta http-equiv=refresh content='0;//evil'><base href='//evil'>",
    "<details ontoggle=alert(1) open><summary onclick=alert(1)>x</summary></details>",
    "<p style='position:fixed;top:0'>over all</p>",
    "<div class='verdict ready'>Ready to merge</div>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<a href='https://x' target=_blank onmouseover=alert(1)>x</a>",
    "<!--><img src=x onerror=alert(1)>-->",
    "| a |\n|---|\n| <img src=x onerror=alert(1)> |",
    '[x](https://e.com "\\" onmouseover=alert(1) x=\\"")',
    ':x" onmouseover="alert(1): @a" onclick="b',
    'https://e.com/"onmouseover=alert(1)',
]

_ALLOWED_ATTRIBUTES = {"href", "src", "alt", "title", "class", "rel", "loading", "open", "type", "checked", "disabled"}


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_hostile_survives(text: str) -> None:
    html = render(text, Links(project_path="g/p", project_id=7))
    tags = re.findall(r"<(\w+)((?:[^>\"]|\"[^\"]*\")*)>", html)
    names = {tag.lower() for tag, _ in tags}
    attributes = {name for _, rest in tags for name in re.findall(r"([\w-]+)=\"", re.sub(r'"[^"]*"', '""', rest))}
    addresses = [a for _, rest in tags for a in re.findall(r'(?:href|src)="\s*([^"]*)"', rest)]
    assert not names & {"script", "iframe", "object", "embed", "form", "button", "style", "link", "meta", "base", "svg"}
    assert attributes <= _ALLOWED_ATTRIBUTES
    assert all(a.startswith(("http://", "https://", "/")) or a == "x" for a in addresses), addresses
    assert "verdict" not in html


def test_the_reports_marker_does_not_show() -> None:
    html = render("<!-- mergemaker:report model=diabetes -->\n### diabetes\n")
    assert html.strip() == "<h3>diabetes</h3>"


def test_numbers_are_aligned_by_column() -> None:
    html = render(
        "| metric | value | note |\n|---|---|:-:|\n| rmse | 54.31 | a |\n| r2 | -1.2e-3 | 1 |\n| x | — | b |\n"
    )
    cells = re.findall(r"<t[hd](?: class=\"(\w+)\")?>", html)
    assert cells == ["", "number", "center"] * 4


def test_folded_parts_tasks_and_struck_text_are_kept() -> None:
    html = render("<details open><summary>More</summary>\n\n~~old~~ `code`\n\n- [x] done\n\n</details>")
    assert "<summary>More</summary>" in html
    assert "<s>old</s> <code>code</code>" in html
    assert 'type="checkbox"' in html
    assert 'checked="' in html


def test_mentions_are_links_but_not_in_code() -> None:
    html = render("@ada and `@bob` and me@example.com")
    assert re.findall(r'<a class="mention" href="([^"]+)">', html) == ["/ada"]


def test_mentions_within_raw_html_count_too() -> None:
    assert 'href="/all"' in render("<details>\n@all\n</details>")


def test_uploads_are_found_under_the_projects_number() -> None:
    path = f"/uploads/{'a' * 32}/plot.png"
    html = render(f"![plot]({path}) <img src='{path}'> [csv]({path})", Links(project_path="g/p", project_id=7))
    assert re.findall(r'(?:src|href)="([^"]+)"', html) == [f"/-/project/7{path}"] * 3


def test_signs_are_drawn_where_a_font_might_lack_them() -> None:
    assert render(":white_check_mark: ✅ :unknown: `:x:`").strip() == (
        '<p><img class="emoji" src="/-/static/emoji/check.svg" alt="✅"> '
        '<img class="emoji" src="/-/static/emoji/check.svg" alt="✅"> :unknown: <code>:x:</code></p>'
    )


def test_bare_addresses_and_references_become_links() -> None:
    html = render("see https://e.com/a?b=1&c=2. and !12", Links(project_path="g/p", project_id=1))
    assert re.findall(r'href="([^"]+)"', html) == ["https://e.com/a?b=1&amp;c=2", "/g/p/-/merge_requests/12"]
