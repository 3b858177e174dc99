"""The contract of `ports.Runs`: what the table does, the fake does."""

import math
from dataclasses import replace
from datetime import UTC, datetime
from threading import Thread

import pytest

from mergemaker.adapters.run_table import DynamoRuns
from mergemaker.bootstrap import Aws
from mergemaker.domain.errors import RetryableError
from mergemaker.domain.run import Release, ReleaseStatus, Run
from mergemaker.ports import NoteRecord, Runs
from tests.adapters.conftest import NAMES
from tests.fakes.made import lineage, origin, run
from tests.fakes.runs import FakeRuns


@pytest.fixture(params=["memory", pytest.param("dynamodb", marks=pytest.mark.cloud)])
def runs(request: pytest.FixtureRequest) -> Runs:
    if request.param == "memory":
        return FakeRuns()
    found: Runs = request.getfixturevalue("aws").runs
    return found


def full(model: str) -> Run:
    """A run in which nothing is plain."""
    return run(
        lineage=lineage(
            model=model,
            repeats="prices-0123456789ab",
            origin=origin(author="ada", merge_request=None, branch="ü\n日本"),
        ),
        metrics={"rmse": 0.1 + 0.2, "inf": math.inf, "ü|`": -0.0},
        hyperparameters={"ü": '"\\u0000"'},
        remarks=("one", "two"),
        installed={"numpy": "2.3.1"},
        serve_image="any@sha256:1",
        serve_environment={"SAGEMAKER_PROGRAM": "inference.py"},
        serve_code="s3://any/code.tar.gz",
        ended=None,
        billed_seconds=None,
        also_asked=(origin(pipeline=71), origin(merge_request=None, pipeline=72)),
        told={"70": "success", "71": "digest"},
        unwanted="merge request !7 was closed",
        releases={
            "staging": Release("staging", 4, ReleaseStatus.ROLLED_BACK, datetime(2026, 3, 1, 1, 2, 3, 45, UTC), "why")
        },
    )


def test_a_run_that_is_not_there_is_none(runs: Runs, name: str) -> None:
    assert runs.get(name, "nobody") is None


def test_a_run_comes_back_to_the_last_digit(runs: Runs, name: str) -> None:
    before = full(name)
    assert runs.change(name, before.job, lambda _: before) == before
    assert runs.get(name, before.job) == before


def test_not_a_number_comes_back_too(runs: Runs, name: str) -> None:
    before = replace(full(name), metrics={"x": math.nan})
    runs.change(name, before.job, lambda _: before)
    found = runs.get(name, before.job)
    assert found is not None
    assert math.isnan(found.metrics["x"])


def test_a_change_sees_what_is_there(runs: Runs, name: str) -> None:
    seen: list[Run | None] = []

    def change(before: Run | None) -> Run:
        seen.append(before)
        return replace(before or full(name), version=len(seen))

    job = full(name).job
    runs.change(name, job, change)
    runs.change(name, job, change)
    assert [one and one.version for one in seen] == [None, 1]


def test_models_do_not_see_each_others_runs(runs: Runs, name: str) -> None:
    before = full(name)
    runs.change(name, before.job, lambda _: before)
    assert runs.get(f"{name}-other", before.job) is None


def test_a_change_that_fails_changes_nothing(runs: Runs, name: str) -> None:
    def fails(_: Run | None) -> Run:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        runs.change(name, "j", fails)
    assert runs.get(name, "j") is None


def test_a_note_is_empty_at_first_and_then_what_the_last_holder_left(runs: Runs, name: str) -> None:
    with runs.note(name, 7) as record:
        assert record == NoteRecord()
        record.note, record.job, record.body = 12, "j", "digest"
    with runs.note(name, 7) as record:
        assert record == NoteRecord(12, "j", "digest")
        record.body = None
    with runs.note(name, 7) as record:
        assert record == NoteRecord(12, "j", None)
    with runs.note(name, 8) as record:
        assert record == NoteRecord()


def test_what_a_note_shows_is_known_without_holding_it(runs: Runs, name: str) -> None:
    assert runs.shown(name, 7) is None
    with runs.note(name, 7) as record:
        assert runs.shown(name, 7) is None
        record.note, record.job = 12, "j"
    with runs.note(name, 7):
        assert runs.shown(name, 7) == "j"
    assert runs.shown(name, 8) is None


def test_what_is_known_of_a_note_is_kept_when_its_writer_fails(runs: Runs, name: str) -> None:
    def write() -> None:
        with runs.note(name, 7) as record:
            record.note = 12
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    with runs.note(name, 7) as record:
        assert record.note == 12


def test_a_notes_record_is_no_run(runs: Runs, name: str) -> None:
    with runs.note(name, 7):
        assert runs.get(name, "7") is None


# What only a real table can show ------------------------------------------------------------


@pytest.mark.cloud
def test_fifty_changes_at_once_are_all_made(aws: Aws, name: str) -> None:
    job = full(name).job

    def more(before: Run | None) -> Run:
        now = before or replace(full(name), version=0)
        return replace(now, version=(now.version or 0) + 1)

    threads = [Thread(target=lambda: [aws.runs.change(name, job, more) for _ in range(10)]) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = aws.runs.get(name, job)
    assert found is not None
    assert found.version == 50


@pytest.mark.cloud
def test_a_note_has_one_holder_and_the_next_gets_it_when_it_is_free(aws: Aws, name: str) -> None:
    waited: list[float] = []
    holder = aws.runs.note(name, 7)
    record = holder.__enter__()
    record.note = 12

    def free(seconds: float) -> None:
        waited.append(seconds)
        holder.__exit__(None, None, None)

    second = DynamoRuns(aws.clients("dynamodb"), NAMES.run_table, sleep=free)
    with second.note(name, 7) as found:
        assert found.note == 12
    assert len(waited) == 1


@pytest.mark.cloud
def test_a_note_that_is_held_for_long_is_left_for_later(aws: Aws, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mergemaker.adapters.run_table.PATIENCE_SECONDS", 0)
    with (
        aws.runs.note(name, 7),
        pytest.raises(RetryableError, match="somebody else has been writing the note"),
        DynamoRuns(aws.clients("dynamodb"), NAMES.run_table, sleep=lambda _: None).note(name, 7),
    ):
        pytest.fail("two have the note")


@pytest.mark.cloud
def test_a_holder_that_died_loses_the_note_and_what_it_writes_later(
    aws: Aws, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mergemaker.adapters.run_table.LEASE_SECONDS", -2)
    dead = aws.runs.note(name, 7)
    stale = dead.__enter__()
    with aws.runs.note(name, 7) as record:
        record.note = 12
    stale.note = 99
    dead.__exit__(None, None, None)
    with aws.runs.note(name, 7) as record:
        assert record.note == 12
