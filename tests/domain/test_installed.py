"""What a run was trained with is read line by line; a script can have written anything there."""

import pytest

from mergemaker.domain.installed import FILE, MOST, parse_installed
from training import installed


def test_the_container_writes_what_the_record_reads() -> None:
    assert FILE == installed.FILE


def test_names_and_versions_are_read() -> None:
    text = b"jaraco.classes==3.4.0\nnumpy==2.3.1\ntorch==2.8.0+cpu\nx==1!2.0\n"
    assert parse_installed(text) == {
        "jaraco.classes": "3.4.0", "numpy": "2.3.1", "torch": "2.8.0+cpu", "x": "1!2.0",
    }  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "", "numpy", "numpy==", "==1", "numpy>=1", "-e .", "numpy @ file:///x", "/merge==1", "a b==1", "@all==1",
        "numpy==1 2", "numpy==`1`", "n\u00fcmpy==1", "-x==1", "a" * 101 + "==1", "a==1" + "0" * 64, "a==\u0661",
    ],
)  # fmt: skip
def test_a_line_that_is_none_is_left_out(line: str) -> None:
    assert parse_installed(f"a==1\n{line}\nb==2\n".encode()) == {"a": "1", "b": "2"}


def test_what_is_no_text_is_no_package() -> None:
    assert parse_installed(b"\xff\xfe\0==1\na==1") == {"a": "1"}


def test_a_record_keeps_the_first_ones() -> None:
    assert len(parse_installed("".join(f"p{n}==1\n" for n in range(MOST + 1)).encode())) == MOST
