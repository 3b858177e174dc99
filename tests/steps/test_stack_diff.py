"""From the word that a pipeline leaves to the note on its merge request."""

from dataclasses import replace

import pytest

from mergemaker.domain.errors import RefusedError, RetryableError, UsageError
from mergemaker.domain.stack_diff import Job, to_json
from mergemaker.steps.stack_diff import leave_word, show_stack_diff
from tests.domain.test_stack_diff import DIFF, JOB, NOTHING
from tests.fakes.world import Fakes

PIPELINES = "https://gitlab.example.com/team/shop/-/pipelines"
LATER = replace(JOB, pipeline=80, job=801)


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


def show(fakes: Fakes, job: Job) -> str | None:
    return show_stack_diff(job.key, fakes.world, pipelines=PIPELINES)


def test_what_a_pipeline_found_is_in_one_note(fakes: Fakes) -> None:
    leave_word(JOB, DIFF, fakes.files)
    assert show(fakes, JOB) == fakes.merge_requests.only(7)
    assert "1 deleted" in fakes.merge_requests.only(7)


def test_the_same_event_twice_writes_nothing_twice(fakes: Fakes) -> None:
    leave_word(JOB, DIFF, fakes.files)
    show(fakes, JOB)
    fakes.merge_requests.fail("edit_note")
    assert show(fakes, JOB) == fakes.merge_requests.only(7)


def test_a_later_pipeline_edits_the_note_in_place_and_an_earlier_one_does_not_come_back(fakes: Fakes) -> None:
    for job, diff in ((LATER, NOTHING), (JOB, DIFF)):
        leave_word(job, diff, fakes.files)
    assert show(fakes, JOB)
    assert show(fakes, LATER)
    assert show(fakes, JOB) is None
    assert "no changes" in fakes.merge_requests.only(7)


def test_a_retried_job_is_heard(fakes: Fakes) -> None:
    again = replace(JOB, job=702)
    leave_word(JOB, DIFF, fakes.files)
    leave_word(again, NOTHING, fakes.files)
    show(fakes, JOB)
    show(fakes, again)
    assert "no changes" in fakes.merge_requests.only(7)


def test_each_merge_request_has_its_own_note(fakes: Fakes) -> None:
    other = replace(JOB, merge_request=8)
    for job in (JOB, other):
        leave_word(job, DIFF, fakes.files)
        show(fakes, job)
    assert fakes.merge_requests.only(7) == fakes.merge_requests.only(8)


def test_a_try_that_died_after_posting_is_not_followed_by_a_second_note(fakes: Fakes) -> None:
    leave_word(JOB, DIFF, fakes.files)
    fakes.merge_requests.write(7, str(show(fakes, JOB)), ours=False)
    fakes.runs.notes.clear()
    leave_word(LATER, NOTHING, fakes.files)
    show(fakes, LATER)
    ours = [note for note in fakes.merge_requests.notes.values() if note.ours]
    assert len(ours) == 1
    assert "no changes" in ours[0].body


def test_a_note_that_was_deleted_comes_anew(fakes: Fakes) -> None:
    leave_word(JOB, DIFF, fakes.files)
    show(fakes, JOB)
    fakes.merge_requests.delete(1)
    leave_word(LATER, DIFF, fakes.files)
    assert show(fakes, LATER) == fakes.merge_requests.only(7)


def test_where_gitlab_is_away_the_next_try_tells(fakes: Fakes) -> None:
    leave_word(JOB, DIFF, fakes.files)
    fakes.merge_requests.fail("create_note")
    with pytest.raises(RetryableError):
        show(fakes, JOB)
    assert show(fakes, JOB) == fakes.merge_requests.only(7)


def test_word_of_another_merge_request_than_its_key_says_is_refused(fakes: Fakes) -> None:
    fakes.files.put(JOB.key, to_json(replace(JOB, merge_request=8), DIFF))
    with pytest.raises(RefusedError, match="not where this belongs"):
        show(fakes, JOB)
    assert not fakes.merge_requests.notes


def test_junk_is_refused_and_too_much_is_not_read(fakes: Fakes) -> None:
    fakes.files.put(JOB.key, b"junk")
    with pytest.raises(UsageError, match="not what `mergemaker diff` leaves"):
        show(fakes, JOB)
    fakes.files.put(JOB.key, b" " * 1_000_001)
    with pytest.raises(RefusedError, match="bytes"):
        show(fakes, JOB)


def test_what_is_gone_is_no_error(fakes: Fakes) -> None:
    assert show(fakes, JOB) is None
