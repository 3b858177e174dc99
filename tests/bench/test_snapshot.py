"""The bench still runs, and tells when a submit downloads data or copies what is there."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench.recorder import Request
from bench.snapshot import check
from bench.stage import NAMES

ROOT = Path(__file__).parents[2]


def request(operation: str, body: bytes = b"") -> Request:
    return Request(operation, "", body, 200)


LIST = request(f"GET /{NAMES.bucket}?list-type=2&prefix=diabetes%2Finput%2F")
COPY = request(f"PUT /{NAMES.bucket}/diabetes/data/0123/training/a.csv")


@pytest.mark.cloud
def test_a_small_round_shows_all_three_kinds() -> None:
    command = [sys.executable, "-m", "bench.snapshot", "--files", "40", "--rounds", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("unchanged: 5 calls, 1 of them lists, 0 copies, no object read\n")
    assert [line.split(" | ")[0] for line in done.stdout.splitlines()[4:]] == [
        "| first",
        "| unchanged",
        "| one changed",
    ]


def test_an_object_that_is_read_ends_the_bench() -> None:
    with pytest.raises(SystemExit, match="1 objects were read"):
        check([LIST, request(f"GET /{NAMES.bucket}/diabetes/input/a.csv")], copies=0)


def test_a_copy_of_what_has_not_changed_ends_the_bench() -> None:
    assert check([LIST, COPY], copies=1) == "2 calls, 1 of them lists, 1 copies, no object read"
    with pytest.raises(SystemExit, match="1 copied instead of 0"):
        check([LIST, COPY], copies=0)
