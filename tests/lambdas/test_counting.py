"""Metrics: a line for what has come about, once, however often the word of it comes."""

from typing import Any

import pytest

from lambdas.counting import CountedRuns, embedded
from lambdas.release.handler import handler as release
from lambdas.report.handler import handler as report
from mergemaker.domain.run import Run, Status
from mergemaker.domain.watching import Count
from tests.fakes.made import folder
from tests.fakes.registry import PACKAGES
from tests.fakes.story import approved, completed, submitted, trained
from tests.fakes.world import Fakes
from tests.lambdas.conftest import Log, event, message
from tests.lambdas.test_handlers import job_event

pytestmark = pytest.mark.usefixtures("function")


def counted(lines: list[dict[str, Any]]) -> list[dict[str, float]]:
    """Values of each line's metrics, found as CloudWatch finds them."""
    metrics = [line for line in lines if "_aws" in line]
    return [
        {one["Name"]: line[one["Name"]] for one in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]} for line in metrics
    ]


def test_a_run_is_counted_at_its_end_and_once(fakes: Fakes, log: Log) -> None:
    job = submitted(fakes).job
    report({"Records": [message(1, job_event(job))]}, None)
    assert counted(log()) == []
    completed(fakes, job, {"rmse": 1.0}, billed_seconds=1800)
    report({"Records": [message(2, job_event(job)), message(3, job_event(job))]}, None)
    lines = log()
    assert counted(lines) == [{"Runs": 1, "FailedRuns": 0, "BilledSeconds": 1800, "Cost": pytest.approx(0.115 / 2)}]
    (line,) = (line for line in lines if "_aws" in line)
    assert (line["Project"], line["run"], line["model"], line["merge_request"]) == ("shop", job, "prices", 7)


def test_a_run_that_failed_counts_as_one_although_gitlab_is_away(fakes: Fakes, log: Log) -> None:
    job = submitted(fakes).job
    fakes.jobs.move(job, Status.FAILED, billed_seconds=60)
    fakes.merge_requests.fail("create_note")
    for _ in range(2):
        report({"Records": [message(1, job_event(job))]}, None)
    (counts,) = counted(log())
    assert (counts["Runs"], counts["FailedRuns"], counts["BilledSeconds"]) == (1, 1, 60)


def test_a_release_that_the_endpoint_took_back_counts_once(fakes: Fakes, log: Log) -> None:
    for version, code in ((1, "one"), (2, "two")):
        approved(fakes, trained(fakes, folder(code=code)), pipeline=900 + version)
        package = event("Model Package", ModelPackageArn=f"{PACKAGES}/shop-prices/{version}")
        release({"Records": [message(1, package)]}, None)
        if version == 1:
            fakes.endpoints.succeed("shop-prices-staging")
            release({"Records": [message(2, event("Endpoint", EndpointName="shop-prices-staging"))]}, None)
    assert counted(log()) == []
    fakes.endpoints.roll_back("shop-prices-staging", "the container did not answer")
    for _ in range(2):
        release({"Records": [message(3, event("Endpoint", EndpointName="shop-prices-staging"))]}, None)
    assert counted(log()) == [{"FailedReleases": 1}]


def test_where_somebody_else_was_faster_it_is_theirs_to_count(fakes: Fakes, log: Log) -> None:
    """`change` is called with what was read first, and then with what the other one has written."""
    run = trained(fakes)
    unfinished = Run(**{**vars(run), "status": Status.IN_PROGRESS})

    class Contended:
        """A table in which somebody else ends the run between reading and writing."""

        def __getattr__(self, name: str) -> Any:
            return getattr(fakes.runs, name)

        def change(self, model: str, job: str, change: Any) -> Run:
            change(unfinished)
            after: Run = change(run)
            return after

    CountedRuns(Contended(), "shop").change(run.model, run.job, lambda _before: run)
    assert counted(log()) == []


def test_a_line_of_metrics_is_as_cloudwatch_wants_it() -> None:
    """See the CloudWatch User Guide, specification of the embedded metric format."""
    line: Any = embedded({Count.RUNS: 1, Count.COST: 0.25}, "shop")
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert type(line["_aws"]["Timestamp"]) is int
    assert line["_aws"]["Timestamp"] > 1_700_000_000_000, "milliseconds"
    assert directive["Namespace"] == "Mergemaker"
    assert directive["Dimensions"] == [["Project"]]
    assert directive["Metrics"] == [{"Name": "Runs", "Unit": "Count"}, {"Name": "Cost", "Unit": "None"}]
    assert all(type(key) is str for key in line)
    assert (line["Project"], line["Runs"], line["Cost"]) == ("shop", 1, 0.25)
