"""The bench of the functions' bundle still runs; no time fails it."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench.lambdas import Imported, alone, shown, timed

ROOT = Path(__file__).parents[2]


def test_one_round_shows_the_bundles_size_and_each_handlers_import_beside_their_budgets() -> None:
    command = [sys.executable, "-m", "bench.lambdas", "--rounds", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines()]
    budgets = {row[0]: row[2] for row in rows[2:]}
    assert budgets == {
        "bundle, zipped": "5 MB",
        "import: boto3 alone": "",
        "import: `start`": "400 ms",
        "import: `release`": "400 ms",
        "import: `report`": "400 ms",
        "import: any of them, and what its first call imports": "",
    }


def test_a_table_shows_the_median_and_the_spread() -> None:
    rows = shown(2_930_000, [Imported("`report`", [0.3, 0.25, 0.5])]).splitlines()[2:]

    assert rows == ["| bundle, zipped | 2.93 MB | 5 MB |", "| import: `report` | 300 ms (250–500) | 400 ms |"]


def test_an_import_that_fails_is_no_time() -> None:
    with pytest.raises(RuntimeError, match="No module named 'gitlab'"):
        timed("gitlab")


def test_what_is_timed_sees_nothing_that_is_installed_here() -> None:
    assert "No module named 'boto3'" in alone("import boto3").stderr
