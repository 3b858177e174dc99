"""``reports.csv`` is whole and parseable, whatever metrics come and go."""

import csv
import io
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergemaker.domain.history import COLUMNS, Row, with_row


def row(job: str = "prices-1", /, **metrics: float) -> Row:
    at = datetime(2026, 3, 1, 14, 5, tzinfo=timezone(timedelta(hours=2)))
    return Row(at=at, job=job, commit="a1b2c3d4e5f6", hyperparameters={"depth": "3"}, metrics=metrics)


def read(content: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content, newline="")))


def test_the_first_row_makes_the_file_with_the_columns_of_the_original() -> None:
    content = with_row("", row(rmse=54.25))
    assert content == (
        "date_time,hyperparameters,commit_hash,training_job_name,rmse\n"
        '2026-03-01T12:05:00Z,"{""depth"": ""3""}",a1b2c3d4,prices-1,54.25\n'
    )


def test_a_metric_that_is_new_gets_a_column_at_the_end_and_one_that_is_gone_an_empty_cell() -> None:
    content = with_row(with_row(with_row("", row("j1", rmse=1.0)), row("j2", mae=2.0)), row("j3", rmse=3.0))
    assert content.splitlines()[0] == ",".join((*COLUMNS, "rmse", "mae"))
    assert [(r["rmse"], r["mae"]) for r in read(content)] == [("1.0", ""), ("", "2.0"), ("3.0", "")]


def test_the_same_job_has_one_row_in_its_place() -> None:
    content = with_row(with_row("", row("j1", rmse=1.0)), row("j2", rmse=2.0))
    again = with_row(content, row("j1", rmse=5.0))
    assert [(r["training_job_name"], r["rmse"]) for r in read(again)] == [("j1", "5.0"), ("j2", "2.0")]
    assert with_row(again, row("j1", rmse=5.0)) == again


def test_doubles_keep_their_digits() -> None:
    assert read(with_row("", row(rmse=0.1 + 0.2)))[0]["rmse"] == "0.30000000000000004"


@pytest.mark.parametrize("name", ["=1+1", "+cmd", "-2", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_column_name_is_a_formula(name: str) -> None:
    header = with_row("", row(**{name: 1.0})).splitlines()[0]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in next(csv.reader([header])))


@pytest.mark.parametrize("name", ['a,b"c', "a\nb", "a;b", "日本"])
def test_odd_names_are_quoted_and_stay_one_column(name: str) -> None:
    (found,) = read(with_row("", row(**{name: 1.0})))
    assert list(found.values())[-1] == "1.0"
    assert len(found) == 5


def test_a_metric_can_not_take_the_place_of_a_column_of_ours() -> None:
    (found,) = read(with_row("", row(training_job_name=1.0, date_time=2.0)))
    assert found["training_job_name"] == "prices-1"
    assert found["date_time"] == "2026-03-01T12:05:00Z"


def test_hyperparameters_longer_than_csvs_default_limit_can_be_read_again() -> None:
    long = Row(datetime(2026, 1, 1, tzinfo=UTC), "j1", "c", {f"h{n}": "x" * 2500 for n in range(97)}, {})
    content = with_row("", long)
    assert [r["training_job_name"] for r in read(with_row(content, row("j2")))] == ["j1", "j2"]


def test_a_file_that_went_through_a_spreadsheet_keeps_its_columns() -> None:
    before = "\ufeff" + with_row("", row("j1", rmse=1.0)).replace("\n", "\r\n")
    after = with_row(before, row("j2", rmse=2.0))
    assert after.splitlines()[0] == ",".join((*COLUMNS, "rmse"))
    assert [r["training_job_name"] for r in read(after)] == ["j1", "j2"]


@pytest.mark.parametrize(
    "content", ["\n", "date_time\n", "a,b\n1\n1,2,3,4\n", '"unclosed', "a,a\n1,2\n", "x" * 2_000_000]
)
def test_a_file_that_a_person_broke_still_takes_the_row(content: str) -> None:
    after = read(with_row(content, row("j9", rmse=1.0)))
    assert after[-1]["training_job_name"] == "j9"


NAMES = st.text(min_size=1, max_size=8)


@given(st.lists(st.tuples(st.sampled_from(["j1", "j2", "j3"]), st.dictionaries(NAMES, st.floats())), max_size=5))
def test_each_job_has_exactly_one_row_whatever_the_metrics(runs: list[tuple[str, dict[str, float]]]) -> None:
    content = ""
    for job, metrics in runs:
        content = with_row(content, row(job, **metrics))
    found = [r["training_job_name"] for r in read(content)]
    assert sorted(found) == sorted({job for job, _ in runs})
