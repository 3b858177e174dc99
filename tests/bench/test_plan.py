"""The bench still runs, and tells when a plan is wrong."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench.plan import TOUCHED, cases, check, plan, repository

ROOT = Path(__file__).parents[2]


def test_a_small_round_has_a_row_for_each_kind_of_change() -> None:
    command = [sys.executable, "-m", "bench.plan", "--models", "6", "--files", "30", "--commits", "5", "--rounds", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split(" | ")[:3] for line in done.stdout.splitlines()[4:]]
    assert rows == [["| 6", "their folders", "5"], ["| 6", "what each declares", "5"], ["| 6", "everyone's image", "6"]]


def test_a_plan_that_is_not_what_was_changed_ends_the_bench(tmp_path: Path) -> None:
    base, expected = repository(tmp_path / "repository", cases()[0], models=6, files=30, commits=TOUCHED)
    assert len(expected) == TOUCHED
    with pytest.raises(SystemExit, match="planned"):
        plan(tmp_path / "repository", base, expected[1:])
    (tmp_path / "repository" / "models" / expected[0] / "model.toml").write_text("[train]\nscrpt = 7\n")
    with pytest.raises(SystemExit, match=r"did you mean train\.script"):
        check(tmp_path / "repository", models=6)
