"""What a change of a run's record counts for."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mergemaker.domain.run import Release, ReleaseStatus, Run, Status
from mergemaker.domain.watching import Count, counted
from tests.fakes.story import trained
from tests.fakes.world import Fakes

AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def run() -> Run:
    """It has ended."""
    return replace(trained(Fakes()), instance="2 × ml.m5.xlarge", billed_seconds=1800, releases={})


def released(run: Run, status: ReleaseStatus, version: int = 1) -> Run:
    return replace(run, releases={"staging": Release("staging", version, status, AT)})


def test_an_end_counts_what_was_billed_for_every_instance(run: Run) -> None:
    before = replace(run, status=Status.IN_PROGRESS)
    ended = {Count.RUNS: 1, Count.FAILED_RUNS: 0, Count.BILLED_SECONDS: 3600, Count.COST: pytest.approx(0.23)}
    assert counted(before, run) == ended
    assert counted(None, run) == ended, "the first word of it may come at its end"
    assert counted(run, replace(run, told={"70": "success"})) == {}


@pytest.mark.parametrize(("status", "failed"), [(Status.FAILED, 1), (Status.STOPPED, 0), (Status.COMPLETED, 0)])
def test_who_stops_a_run_does_not_make_it_fail(run: Run, status: Status, failed: int) -> None:
    assert counted(replace(run, status=Status.STOPPING), replace(run, status=status))[Count.FAILED_RUNS] == failed


def test_a_type_whose_price_is_unknown_costs_nothing_that_we_know(run: Run) -> None:
    counts = counted(None, replace(run, instance="1 × ml.new9.huge"))
    assert counts == {Count.RUNS: 1, Count.FAILED_RUNS: 0, Count.BILLED_SECONDS: 1800}


def test_a_run_without_an_image_fails_once_and_its_job_counts_when_it_comes_after_all(run: Run) -> None:
    unbuilt = replace(run, status=Status.FAILED, image="", instance="", billed_seconds=None)
    assert counted(None, unbuilt) == {Count.RUNS: 1, Count.FAILED_RUNS: 1}
    assert counted(unbuilt, replace(unbuilt, created=AT)) == {}, "said again"
    assert counted(unbuilt, run)[Count.BILLED_SECONDS] == 3600


def test_a_run_that_was_refused_while_it_went_on_is_billed_when_it_stops(run: Run) -> None:
    refused = replace(run, status=Status.FAILED, billed_seconds=None)
    assert counted(None, refused) == {Count.RUNS: 1, Count.FAILED_RUNS: 1}
    assert counted(refused, replace(refused, billed_seconds=60)).keys() == {Count.BILLED_SECONDS, Count.COST}


@pytest.mark.parametrize("bad", [ReleaseStatus.FAILED, ReleaseStatus.ROLLED_BACK])
def test_a_release_that_fails_counts_once_for_each_try(run: Run, bad: ReleaseStatus) -> None:
    failed, again = released(run, bad), released(run, ReleaseStatus.FAILED)
    assert counted(released(run, ReleaseStatus.DEPLOYING), failed) == {Count.FAILED_RELEASES: 1}
    assert counted(run, failed) == {Count.FAILED_RELEASES: 1}, "refused at once"
    assert counted(failed, again) == {}
    assert counted(failed, released(run, bad, version=2)) == {Count.FAILED_RELEASES: 1}


@pytest.mark.parametrize("good", [ReleaseStatus.SERVING, ReleaseStatus.REPLACED, ReleaseStatus.WAITING])
def test_what_goes_well_is_no_failed_release(run: Run, good: ReleaseStatus) -> None:
    assert counted(released(run, ReleaseStatus.DEPLOYING), released(run, good)) == {}
