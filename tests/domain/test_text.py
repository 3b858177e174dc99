"""Foreign text shows as it is and does nothing, wherever in a note it stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergemaker.domain.text import block, code, visible
from tests.fakes.markdown import code_in, skeleton

HOSTILE = [
    "/merge",
    "\n/merge\n",
    "x\r/close\rx",
    "x\u2028/approve",
    "x\v/merge\fy",
    "@all @root",
    "![beacon](https://evil.example/x.png)",
    "[click](https://evil.example)",
    "https://evil.example",
    "<https://evil.example>",
    "<img src=x onerror=alert(1)>",
    "<details open>",
    "</details>",
    "--> <b>out",
    "`code` `` more ``` most",
    "```\n/merge\n```",
    "````\n/merge\n````",
    "~~~\n/merge\n~~~",
    "# heading\n\n---\n\n* list",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "a\\|b\\\\|c\\",
    "\\`x\\`",
    "\u202ereversed\u202c",
    "\u200bzero\u200dwidth\ufeff",
    "\x00\x1b[31m\x7f",
    "\ud800",
    "$`math`$ and :smile: #1 !2 ~label",
    "x" * 10_000,
    "x|" * 5_000,
    "x\\" * 5_000,
    "a\n" * 5_000,
]


def in_a_cell(text: str) -> str:
    return f"| a | b |\n|---|---|\n| {code(text)} | {code('end')} |\n| c | d |"


def in_a_list(text: str) -> str:
    return f"before\n\n- {code(text)}\n- {code(text)}: after\n\n### {code(text)} **bold**"


def in_a_block(text: str) -> str:
    return f"before\n\n{block(text)}\n\n### after"


@pytest.mark.parametrize("place", [in_a_cell, in_a_list, in_a_block])
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_changes_nothing_around_it(place: object, text: str) -> None:
    assert callable(place)
    note = place(f"x{text}")
    assert skeleton(note) == skeleton(place("x"))
    assert not any(line.startswith("/") for line in note.splitlines())


@given(st.text(alphabet=st.sampled_from("`|\\/\n\r\t <>[]()!#*_~-=$@&\u2028\v\x85x"), max_size=40))
def test_no_mixture_of_markdowns_own_characters_gets_out(text: str) -> None:
    for place in (in_a_cell, in_a_list, in_a_block):
        assert skeleton(place(f"x{text}")) == skeleton(place("x"))
        assert not any(line.startswith("/") for line in place(text).splitlines())


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=60))
def test_any_text_can_be_sent(text: str) -> None:
    for shown in (code(text), block(text), visible(text)):
        shown.encode()


def test_what_can_be_shown_is_shown() -> None:
    assert code_in(code("naïve 日本 a_b*c")) == ["naïve 日本 a_b*c"]
    assert code_in(block("one\n  two")) == ["  one\n    two\n"]


def test_nothing_to_show_is_a_dash() -> None:
    assert code("") == code(" \n") == code("\u200b") == "–"


def test_what_is_cut_says_so() -> None:
    assert code("x" * 300) == f"`{'x' * 200}…`"
    assert code("|" * 300, longest=3) == "`\\|…`"
    assert block("x" * 5_000).splitlines()[-2] == "  …"
    assert len(block("x" * 5_000)) < 4_100
