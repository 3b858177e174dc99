"""What a reviewer must see in each state."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from mergemaker.domain.model import Goal, Metric
from mergemaker.domain.names import note_marker
from mergemaker.domain.release import Endpoint, EndpointStatus
from mergemaker.domain.report import Report, duration, render, summary
from mergemaker.domain.run import Release, ReleaseStatus, Run, Status
from tests.fakes.made import lineage, origin, run
from tests.fakes.markdown import cells, links
from tests.fakes.world import NAMES

RMSE, R2 = Metric("rmse", Goal.MINIMIZE, None), Metric("r2", Goal.MAXIMIZE, None)
AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def report(baseline: Run | None = None, endpoint: Endpoint | None = None, **changed: Any) -> Report:
    if baseline is not None and endpoint is None:
        config = f"shop-prices-staging-{baseline.version}"
        endpoint = Endpoint("shop-prices-staging", EndpointStatus.IN_SERVICE, config, config, "")
    made = run(**changed)
    return Report(
        run=made,
        origin=made.lineage.origin,
        metrics=(RMSE, R2),
        baseline=baseline,
        endpoint=endpoint,
        environment="staging",
        names=NAMES,
    )


def live(**changed: Any) -> Run:
    return run(**{"job": "prices-ffffffffffff", "version": 3, "metrics": {"rmse": 60.0, "r2": 0.5}, **changed})


def headline(made: Report) -> str:
    return render(made).splitlines()[2]


def test_the_first_line_is_the_marker_and_nothing_else() -> None:
    assert render(report()).splitlines()[:2] == [note_marker("prices"), ""]


def test_the_same_report_gives_the_same_text() -> None:
    assert render(report(live())) == render(report(live()))


# Each state ---------------------------------------------------------------------------------


def test_a_run_that_trains_says_what_it_does_and_where_its_log_is() -> None:
    made = report(status=Status.IN_PROGRESS, phase="Downloading", artifact="", metrics={}, version=None)
    assert headline(made) == "### 🔄 **prices** · training: `Downloading`"
    facts = {row[0]: row[1] for row in cells(render(made)) if len(row) == 2}
    assert facts["run"] == "prices-0123456789ab"
    assert facts["artifact"] == (
        "s3://shop-111122223333-eu-west-1/prices/output/prices-0123456789ab/output/model.tar.gz"
    )
    assert "history" not in facts
    log = next(link for link in links(render(made)) if "cloudwatch" in link)
    assert "$252Faws$252Fsagemaker$252FTrainingJobs" in log
    assert "prices-0123456789ab" in log
    assert "**Merging creates** the endpoint `shop-prices-staging`." in render(made)
    assert ["depth", "3"] in cells(render(made))


def test_a_run_that_waits_for_its_image_has_no_log_yet() -> None:
    made = report(status=Status.WAITING, phase="", instance="", image="", artifact="", metrics={}, version=None)
    assert headline(made) == "### ⏳ **prices** · waits for its image"
    assert links(render(made)) == []


def test_a_run_that_waits_for_its_smoke_run_links_to_that_one_as_soon_as_it_is_known() -> None:
    waits: dict[str, Any] = {"status": Status.WAITING, "image": "", "artifact": "", "metrics": {}, "version": None}
    made = report(**waits, phase="smoke")
    assert (headline(made), links(render(made))) == ("### ⏳ **prices** · smoke run first", [])
    made = report(**waits, phase="prices-ba9876543210")
    assert headline(made) == "### ⏳ **prices** · smoke run first"
    job, log = links(render(made))
    assert job.endswith("#/jobs/prices-ba9876543210")
    assert "TrainingJobs" in log
    assert "prices-ba9876543210" in log


def test_a_completed_run_shows_its_metrics_in_the_files_order_and_links_the_history() -> None:
    made = report(metrics={"zeta": 1.0, "r2": 0.5, "alpha": 2.0, "rmse": 54.25})
    assert headline(made) == "### ✅ **prices** · `rmse` **54.25** · trained in 3 min 05 s"
    assert cells(render(made))[:5] == [
        ["metric", "this run"],
        ["rmse ↓", "54.25"],
        ["r2 ↑", "0.5"],
        ["alpha", "2"],
        ["zeta", "1"],
    ]
    assert any("prices%2Freports.csv" in link for link in links(render(made)))
    assert "**Merging creates** the endpoint `shop-prices-staging` with version 4." in render(made)


def test_a_completed_run_is_compared_with_what_is_live() -> None:
    made = report(live())
    assert headline(made).startswith("### ✅ **prices** · `rmse` **54.25** · 🟢 9.6% better than staging · ")
    assert cells(render(made))[:3] == [
        ["metric", "this run", "live in staging (version 3)", "change"],
        ["rmse ↓", "54.25", "60", "🟢 −5.75"],
        ["r2 ↑", "0.5", "0.5", "+0"],
    ]
    assert "**Merging updates** the endpoint `shop-prices-staging` with version 4 (now version 3)." in render(made)


def test_a_worse_run_says_so_in_the_first_line() -> None:
    made = report(live(metrics={"rmse": 50.0}))
    assert "🔴 8.5% worse than staging" in headline(made)
    assert ["r2 ↑", "0.5", "–", "new"] in cells(render(made))
    assert ["rmse ↓", "54.25", "50", "🔴 +4.25"] in cells(render(made))


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [
        (1.0, 1.0, "· as good as staging"),
        (float("nan"), 1.0, "· not comparable with staging"),
        (1.0, float("nan"), "· not comparable with staging"),
        (1.0, 0.0, "· 🔴 worse than staging"),
        (1.0, float("inf"), "· 🟢 better than staging"),
        (float("inf"), 1.0, "· 🔴 worse than staging"),
    ],
)
def test_odd_numbers_are_compared_without_nonsense(now: float, before: float, said: str) -> None:
    assert said in headline(report(live(metrics={"rmse": before}), metrics={"rmse": now}))


def test_an_endpoint_that_serves_what_has_no_record_is_updated_not_created() -> None:
    by_hand = Endpoint("shop-prices-staging", EndpointStatus.IN_SERVICE, "by-hand", "by-hand", "")
    assert "**Merging updates** the endpoint `shop-prices-staging` with version 4." in render(report(endpoint=by_hand))


def test_hyperparameters_that_differ_from_the_live_runs_are_told_and_all_are_folded_away() -> None:
    made = report(
        live(hyperparameters={"depth": "3", "loss": '"l2"', "same": "1", "gone": "2"}),
        hyperparameters={"depth": "4", "loss": '"l1"', "same": "1", "new": "[1, 2]"},
    )
    body = render(made)
    assert (
        "**Changed** since staging: `depth` `3` → `4`, `gone` `2` → –, `loss` `l2` → `l1`, `new` – → `[1, 2]`" in body
    )
    assert "<details><summary>Hyperparameters</summary>" in body
    assert cells(body)[-4:] == [["depth", "4"], ["loss", "l1"], ["new", "[1, 2]"], ["same", "1"]]


def test_a_failed_run_shows_its_reason_and_offers_no_merge() -> None:
    made = report(status=Status.FAILED, reason="AlgorithmError: no such column\nexit code: 1", metrics={}, version=None)
    body = render(made)
    assert headline(made) == "### ❌ **prices** · failed"
    assert "```text\n  AlgorithmError: no such column\n  exit code: 1\n```" in body
    assert "Merging" not in body
    assert "artifact" not in body
    assert any("cloudwatch" in link for link in links(body))


def test_a_stopped_run_shows_who_stopped_it() -> None:
    made = report(status=Status.STOPPED, reason="Somebody stopped it.", metrics={}, version=None)
    assert headline(made) == "### ⏹️ **prices** · stopped"
    assert "  Somebody stopped it." in render(made)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (ReleaseStatus.WAITING, "⏳ waits for an earlier change of the endpoint version 4"),
        (ReleaseStatus.DEPLOYING, "🔄 deploying version 4"),
        (ReleaseStatus.SERVING, "🟢 serving version 4"),
        (ReleaseStatus.FAILED, "❌ failed version 4"),
        (ReleaseStatus.ROLLED_BACK, "↩️ rolled back version 4"),
        (ReleaseStatus.REPLACED, "⚪ replaced by a later release: version 4"),
    ],
)
def test_after_the_merge_the_note_tells_of_the_release_instead(status: ReleaseStatus, words: str) -> None:
    body = render(report(releases={"staging": Release("staging", 4, status, AT, "ping failed")}))
    assert f"- **staging**: {words}, 01 Mar 2026 12:30 UTC: `ping failed`" in body
    assert "Merging" not in body


def test_remarks_are_told() -> None:
    assert "- ⚠️ `metrics.json is not valid JSON`" in render(report(remarks=("metrics.json is not valid JSON",)))


def test_without_metrics_there_is_no_empty_table() -> None:
    made = report(metrics={}, hyperparameters={}, billed_seconds=None)
    assert headline(made) == "### ✅ **prices** · trained"
    assert "metric" not in render(made)
    assert "details" not in render(made)


def test_who_found_an_earlier_run_is_told_which_commit_it_trained() -> None:
    asked = origin(commit="e" * 40, branch="same-again", merge_request=8, pipeline=80)
    facts = {row[0]: row[1] for row in cells(render(replace(report(), origin=asked))) if len(row) == 2}
    assert facts["run"] == "prices-0123456789ab, which trained commit a1b2c3d4 before"
    assert facts["commit"] == "eeeeeeee on same-again"


def test_a_run_that_was_forced_says_which_one_it_repeats() -> None:
    made = replace(report(), run=run(job="prices-0123456789ab-2", lineage=lineage(repeats="prices-0123456789ab")))
    facts = {row[0]: row[1] for row in cells(render(made)) if len(row) == 2}
    assert facts["run"] == "prices-0123456789ab-2, again after prices-0123456789ab"


def test_who_asked_for_the_run_first_is_told_its_commit_once() -> None:
    assert "before" not in render(report())
    assert "before" not in render(replace(report(), origin=origin(pipeline=71)))


# The commit status --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "rmse 54.25"),
        ({"metrics": {}}, "trained"),
        ({"status": Status.WAITING, "phase": ""}, "waits for its image"),
        ({"status": Status.WAITING, "phase": "prices-prepare-0123456789ab"}, "waits for its data"),
        ({"status": Status.WAITING, "phase": "prices-0123456789ab", "image": ""}, "smoke run first"),
        ({"status": Status.IN_PROGRESS, "phase": ""}, "training: starting"),
        ({"status": Status.STOPPING}, "stopping"),
        ({"status": Status.STOPPED}, "stopped"),
        ({"status": Status.STOPPED, "reason": "merge request !7 was closed"}, "stopped: merge request !7 was closed"),
        ({"status": Status.FAILED, "reason": "a\n b\x00\u202ec"}, "failed: a bc"),
        ({"status": Status.FAILED, "reason": "x" * 2000}, f"failed: {'x' * 247}"),
    ],
)
def test_the_commit_status_says_it_in_one_line_that_gitlab_takes(changed: dict[str, Any], said: str) -> None:
    assert summary(report(**changed)) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (59, "59 s"), (60, "1 min 00 s"), (3599, "59 min 59 s"), (7800, "2 h 10 min")]
)
def test_durations_are_for_people(seconds: int, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("region", "host"), [("cn-north-1", "amazonaws.cn"), ("us-gov-west-1", "amazonaws-us-gov.com")]
)
def test_links_lead_to_the_partitions_own_console(region: str, host: str) -> None:
    made = replace(report(), names=replace(NAMES, region=region))
    assert all(f"https://{region}.console.{host}/" in link for link in links(render(made)))


def test_a_branch_pipelines_run_is_shown_too() -> None:
    assert "a1b2c3d4 on `main`" in render(report(lineage=lineage(origin=origin(merge_request=None, branch="main"))))
