"""``reports.csv``: one row a completed run, as the tutorial had it, whatever metrics come and go."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

csv.field_size_limit(100_000_000)  # as long as the file may be: what a person broke must not stop the history

COLUMNS = ("date_time", "hyperparameters", "commit_hash", "training_job_name")


@dataclass(frozen=True)
class Row:
    """One completed run."""

    at: datetime
    job: str
    commit: str
    hyperparameters: Mapping[str, str]
    metrics: Mapping[str, float]

    def cells(self) -> dict[str, str]:
        """By column. Full precision; what a spreadsheet would run as a formula is made text."""
        return {
            "date_time": self.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "hyperparameters": json.dumps(dict(self.hyperparameters), sort_keys=True),
            "commit_hash": self.commit[:8],
            "training_job_name": self.job,
            **{_text(name): repr(value) for name, value in self.metrics.items() if _text(name) not in COLUMNS},
        }


def with_row(content: str, row: Row) -> str:
    """`content` with `row` in it: added at the end, or in place of the row of the same job."""
    # A spreadsheet that saved the file has put a mark in front.
    reader = csv.DictReader(io.StringIO(content.removeprefix("\ufeff"), newline=""))
    columns = list(reader.fieldnames or COLUMNS)
    rows = [{column: old.get(column) or "" for column in columns} for old in reader]
    new = row.cells()
    columns += [column for column in new if column not in columns]
    for place, old in enumerate(rows):
        if old.get("training_job_name") == row.job:
            rows[place] = new
            break
    else:
        rows.append(new)
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _text(name: str) -> str:
    """A column's name that no spreadsheet takes for a formula."""
    clean = "".join(c for c in name if c.isprintable())
    return f"'{clean}" if clean.startswith(("=", "+", "-", "@")) else clean
