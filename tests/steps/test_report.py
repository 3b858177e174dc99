"""One note, one status, one row and one package a run, in whatever order and number the events come."""

import itertools

import pytest

from mergemaker.domain.errors import MergemakerError, RefusedError, RetryableError, ServiceError
from mergemaker.domain.names import note_marker, output_key, package_key, reports_key
from mergemaker.domain.run import Run, Status
from mergemaker.steps.report import report
from tests.fakes.made import MODEL_TOML, folder, lineage, origin, packed
from tests.fakes.merge_requests import CommitStatus
from tests.fakes.story import approved, asked, completed, submitted, trained
from tests.fakes.world import Fakes


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


def history(fakes: Fakes) -> list[str]:
    return fakes.files[reports_key("prices")].decode().splitlines()


# From the first state to the last -----------------------------------------------------------


def test_a_run_that_has_started_gets_a_note_and_a_status_on_its_pipeline(fakes: Fakes) -> None:
    job = submitted(fakes).job
    report(job, fakes.world)
    assert fakes.merge_requests.only(7).startswith(note_marker("prices"))
    assert job in fakes.merge_requests.only(7)
    assert fakes.merge_requests.status == CommitStatus(
        commit=origin().pipeline_commit,
        ref="refs/merge-requests/7/head",
        pipeline=70,
        name="mergemaker/prices",
        state="running",
        description="training: Starting",
    )
    assert reports_key("prices") not in fakes.files
    assert fakes.registry.groups == {}


def test_a_completed_run_gets_its_row_its_package_and_its_metrics_in_the_same_note(fakes: Fakes) -> None:
    job = submitted(fakes).job
    report(job, fakes.world)
    completed(fakes, job, {"rmse": 54.1 + 0.02345678901234})
    run = report(job, fakes.world)
    assert run is not None
    assert run.version == 1
    note = fakes.merge_requests.only(7)
    assert "`rmse` **54.1235**" in note
    assert "with version 1" in note
    assert history(fakes)[1].endswith(f",{54.1 + 0.02345678901234!r}")
    (package,) = fakes.registry.told
    assert (package.job, package.merge_request, package.group) == (job, 7, "shop-prices")
    kept = package_key("prices", job)
    assert package.artifact == run.artifact == f"s3://{fakes.names.bucket}/{kept}"
    assert package.artifact_etag == run.artifact_etag == fakes.files.etag(kept)
    assert fakes.files[kept] == fakes.files[output_key("prices", job, "model.tar.gz")]
    assert package.tags == {"mergemaker:project": "shop", "mergemaker:model": "prices"}
    assert fakes.merge_requests.status.state == "success"
    assert fakes.merge_requests.status.description == "rmse 54.1235"


def test_the_file_wins_over_what_sagemaker_found_in_the_log(fakes: Fakes) -> None:
    job = submitted(fakes).job
    completed(fakes, job, {"rmse": 0.1})
    fakes.jobs.move(job, Status.COMPLETED, metrics={"rmse": 0.10000000149011612, "loss": 2.0})
    run = report(job, fakes.world)
    assert run is not None
    assert run.metrics == {"rmse": 0.1, "loss": 2.0}


@pytest.mark.parametrize(
    ("status", "reason", "state"),
    [(Status.FAILED, "AlgorithmError: no such column", "failed"), (Status.STOPPED, "Somebody stopped it.", "canceled")],
)
def test_a_run_that_did_not_complete_tells_why_and_gets_no_row_and_no_package(
    fakes: Fakes, status: Status, reason: str, state: str
) -> None:
    job = submitted(fakes).job
    fakes.jobs.move(job, status, reason=reason)
    report(job, fakes.world)
    assert f"  {reason}" in fakes.merge_requests.only(7)
    assert fakes.merge_requests.status.state == state
    assert reports_key("prices") not in fakes.files
    assert fakes.registry.groups == {}


def test_a_run_of_a_branch_has_a_status_but_no_note(fakes: Fakes) -> None:
    run = trained(fakes, who=origin(merge_request=None, ref="main", branch="main"))
    assert run.version == 1
    assert fakes.merge_requests.notes == {}
    assert fakes.merge_requests.status.ref == "main"


# Order and number of events -----------------------------------------------------------------

STATES = [Status.IN_PROGRESS, Status.STOPPING, Status.COMPLETED, Status.FAILED, Status.STOPPED]


@pytest.mark.parametrize("order", list(itertools.permutations(STATES, 3)))
def test_whatever_order_states_are_seen_in_a_run_never_goes_back_from_an_end(
    fakes: Fakes, order: tuple[Status, ...]
) -> None:
    job = submitted(fakes).job
    completed(fakes, job, {"rmse": 1.0})
    seen: set[Status] = set()
    for status in order:
        before = {one for one in seen if one.final}
        seen.add(status)
        fakes.jobs.move(job, status)
        run = report(job, fakes.world)
        report(job, fakes.world)
        assert run is not None
        assert run.status.final or not before
        # What has a package has completed, whatever is heard of it afterwards.
        expected = (
            Status.COMPLETED if Status.COMPLETED in seen else status if status.final or not before else run.status
        )
        assert run.status is expected
    assert len(fakes.merge_requests.notes) == 1
    assert len(fakes.registry.groups.get("shop-prices", [])) == (Status.COMPLETED in order)


def test_the_same_event_a_hundred_times_is_one_note_one_row_one_package_and_one_edit(fakes: Fakes) -> None:
    job = submitted(fakes).job
    report(job, fakes.world)
    completed(fakes, job, {"rmse": 1.0})
    for _ in range(100):
        report(job, fakes.world)
    assert len(fakes.merge_requests.notes) == 1
    assert len(history(fakes)) == 2
    assert len(fakes.registry.groups["shop-prices"]) == 1
    assert fakes.merge_requests.calls.count("edit_note") == 1


@pytest.mark.parametrize(
    ("port", "call"),
    [
        ("jobs", "find"),
        ("runs", "change"),
        ("runs", "get"),
        ("runs", "note"),
        ("files", "read"),
        ("files", "write"),
        ("files", "list"),
        ("files", "copy"),
        ("registry", "register"),
        ("endpoints", "find"),
        ("merge_requests", "find_note"),
        ("merge_requests", "create_note"),
        ("merge_requests", "set_status"),
    ],
)
@pytest.mark.parametrize("after", [False, True])
def test_whatever_fails_the_next_try_makes_good_without_doing_anything_twice(
    fakes: Fakes, port: str, call: str, after: bool
) -> None:
    job = submitted(fakes).job
    completed(fakes, job, {"rmse": 1.0})
    getattr(fakes, port).fail(call, after=after)
    with pytest.raises(MergemakerError):
        report(job, fakes.world)
    report(job, fakes.world)
    assert "`rmse` **1**" in fakes.merge_requests.only(7)
    assert len(history(fakes)) == 2
    assert len(fakes.registry.groups["shop-prices"]) == 1
    assert fakes.merge_requests.status.state == "success"
    assert fakes.runs.held == set()


def test_a_lost_answer_to_an_edit_is_repeated_on_the_same_note(fakes: Fakes) -> None:
    job = submitted(fakes).job
    report(job, fakes.world)
    completed(fakes, job, {"rmse": 1.0})
    fakes.merge_requests.fail("edit_note", after=True)
    with pytest.raises(RetryableError):
        report(job, fakes.world)
    report(job, fakes.world)
    assert "`rmse` **1**" in fakes.merge_requests.only(7)


def test_a_note_that_somebody_else_is_writing_is_left_for_later(fakes: Fakes) -> None:
    job = submitted(fakes).job
    fakes.runs.held.add(("prices", 7))
    with pytest.raises(RetryableError, match="somebody else"):
        report(job, fakes.world)
    assert fakes.merge_requests.notes == {}


def test_what_came_to_be_known_while_it_waited_for_the_note_is_in_it(fakes: Fakes) -> None:
    """Two functions, one slow: the slow one has read the job while it ran, and gets the note last."""
    job = submitted(fakes).job

    def faster() -> None:
        completed(fakes, job, {"rmse": 1.0})
        report(job, fakes.world)

    fakes.runs.meanwhile("note", faster)
    report(job, fakes.world)
    assert "✅" in fakes.merge_requests.only(7)
    assert fakes.merge_requests.status.state == "success"


# What any branch's script can do to an output: it writes with the same role ------------------


def test_an_output_that_is_replaced_after_the_package_was_made_changes_nothing(fakes: Fakes) -> None:
    run = trained(fakes, rmse=54.25)
    note, told = fakes.merge_requests.only(7), history(fakes)
    completed(fakes, run.job, {"rmse": 0.0})
    fakes.files.put(output_key("prices", run.job, "model.tar.gz"), b"evil")
    fakes.jobs.move(run.job, Status.COMPLETED, metrics={"rmse": 0.0})
    report(run.job, fakes.world)
    assert fakes.runs.runs["prices", run.job].metrics == {"rmse": 54.25}
    assert (fakes.merge_requests.only(7), history(fakes)) == (note, told)
    assert fakes.files[package_key("prices", run.job)] == b"the model of " + run.job.encode()


def test_a_try_after_one_that_died_registers_what_that_one_had_copied(fakes: Fakes) -> None:
    job = submitted(fakes).job
    completed(fakes, job, {"rmse": 1.0})
    fakes.registry.fail("register")
    with pytest.raises(RetryableError):
        report(job, fakes.world)
    fakes.files.put(output_key("prices", job, "model.tar.gz"), b"evil")
    report(job, fakes.world)
    (package,) = fakes.registry.told
    assert fakes.files[package_key("prices", job)] == b"the model of " + job.encode()
    assert package.artifact_etag == fakes.files.etag(package_key("prices", job))


def test_an_artifact_that_changes_while_it_is_copied_makes_no_package_in_this_try(fakes: Fakes) -> None:
    job = submitted(fakes).job
    completed(fakes, job, {"rmse": 1.0})
    fakes.files.meanwhile("copy", lambda: fakes.files.put(output_key("prices", job, "model.tar.gz"), b"other"))
    with pytest.raises(RetryableError, match="has changed"):
        report(job, fakes.world)
    assert package_key("prices", job) not in fakes.files
    assert fakes.registry.groups == {}


def test_who_asks_for_a_run_that_has_its_package_is_told_of_it_as_it_was(fakes: Fakes) -> None:
    run = trained(fakes, rmse=54.25)
    completed(fakes, run.job, {"rmse": 0.0})
    asked(fakes, who=origin(merge_request=8, pipeline=80))
    assert "`rmse` **54.25**" in fakes.merge_requests.only(8)


# Two runs, several notes --------------------------------------------------------------------


def test_the_newer_run_of_a_merge_request_takes_over_the_note(fakes: Fakes) -> None:
    trained(fakes, rmse=60.0)
    trained(fakes, folder(code="better"), origin(pipeline=71), rmse=50.0)
    assert "`rmse` **50**" in fakes.merge_requests.only(7)


def test_an_older_run_that_ends_later_does_not_overwrite_the_newer(fakes: Fakes) -> None:
    older = submitted(fakes).job
    newer = trained(fakes, folder(code="better"), origin(pipeline=71, pipeline_commit="e" * 40), rmse=50.0)
    completed(fakes, older, {"rmse": 60.0})
    report(older, fakes.world)
    assert "`rmse` **50**" in fakes.merge_requests.only(7)
    assert newer.job in fakes.merge_requests.only(7)
    assert (fakes.merge_requests.status.commit, fakes.merge_requests.status.description) == (
        origin().pipeline_commit,
        "rmse 60",
    )
    assert len(history(fakes)) == 3


def test_a_second_attempt_in_the_same_pipeline_takes_over_the_note(fakes: Fakes) -> None:
    first = submitted(fakes).job
    fakes.jobs.move(first, Status.FAILED, reason="no luck")
    report(first, fakes.world)
    second = submitted(fakes).job
    report(second, fakes.world)
    report(first, fakes.world)
    assert second in fakes.merge_requests.only(7)


def test_models_and_merge_requests_have_their_own_notes(fakes: Fakes) -> None:
    trained(fakes)
    trained(fakes, folder(code="other"), origin(merge_request=8))
    fakes.files.put("rents/input/train/rows.csv", b"1")
    trained(fakes, folder(model="rents"))
    assert len(fakes.merge_requests.bodies(7)) == 2
    assert len(fakes.merge_requests.bodies(8)) == 1


def test_a_note_that_a_person_deleted_is_written_anew_at_the_next_change(fakes: Fakes) -> None:
    job = submitted(fakes).job
    report(job, fakes.world)
    fakes.merge_requests.delete(1)
    completed(fakes, job, {"rmse": 1.0})
    report(job, fakes.world)
    assert "`rmse` **1**" in fakes.merge_requests.only(7)


def test_a_marker_in_somebody_elses_note_is_no_note_of_ours(fakes: Fakes) -> None:
    theirs = f"{note_marker('prices')}\nmine!"
    fakes.merge_requests.write(7, theirs)
    report(submitted(fakes).job, fakes.world)
    assert fakes.merge_requests.bodies(7)[0] == theirs
    assert len(fakes.merge_requests.bodies(7)) == 2


def test_a_merge_request_that_is_gone_fails_without_a_second_row_or_package(fakes: Fakes) -> None:
    job = submitted(fakes, who=origin(merge_request=404)).job
    completed(fakes, job, {"rmse": 1.0})
    for _ in range(2):
        with pytest.raises(ServiceError, match="no merge request !404"):
            report(job, fakes.world)
    assert len(history(fakes)) == 2
    assert len(fakes.registry.groups["shop-prices"]) == 1


# The history --------------------------------------------------------------------------------


def test_two_runs_that_end_at_the_same_moment_both_get_their_row(fakes: Fakes) -> None:
    one, two = submitted(fakes).job, submitted(fakes, folder(code="other"), origin(merge_request=8)).job
    completed(fakes, one, {"rmse": 1.0})
    completed(fakes, two, {"mae": 2.0})
    fakes.files.meanwhile("write", lambda: report(two, fakes.world))
    report(one, fakes.world)
    text = "\n".join(history(fakes))
    assert one in text
    assert two in text
    assert len(history(fakes)) == 3


# What a job left behind ---------------------------------------------------------------------


def with_output(fakes: Fakes, output: bytes) -> Run:
    job = submitted(fakes).job
    completed(fakes, job, metrics=None)
    fakes.files.put(output_key("prices", job, "output.tar.gz"), output)
    run = report(job, fakes.world)
    assert run is not None
    return run


@pytest.mark.parametrize(
    "output",
    [b"", b"no archive", packed({"metrics.json": b'{"rmse": 1}'})[:40]],
    ids=["empty", "no archive", "cut off"],
)
def test_an_output_that_can_not_be_read_is_remarked_upon_and_the_run_is_kept(fakes: Fakes, output: bytes) -> None:
    run = with_output(fakes, output)
    assert run.version == 1
    assert run.metrics == {}
    assert "output.tar.gz can't be read" in fakes.merge_requests.only(7)


def test_a_run_without_output_has_no_remark(fakes: Fakes) -> None:
    job = submitted(fakes).job
    completed(fakes, job, metrics=None)
    report(job, fakes.world)
    assert "⚠️" not in fakes.merge_requests.only(7)


def test_broken_metrics_are_remarked_upon_and_the_run_is_kept(fakes: Fakes) -> None:
    run = with_output(fakes, packed({"metrics.json": b'{"rmse": "low", "r2": 0.5}'}))
    assert run.metrics == {"r2": 0.5}
    assert "1 of 2 values in metrics.json are not numbers" in fakes.merge_requests.only(7)


@pytest.mark.parametrize("left", [None, MODEL_TOML.replace("minimize", "maximize").encode()], ids=["none", "others"])
def test_a_run_whose_settings_are_gone_or_are_others_is_refused_by_name(fakes: Fakes, left: bytes | None) -> None:
    job = submitted(fakes).job
    key = f"prices/code/{fakes.jobs.requests[job].lineage.spec}.toml"
    fakes.files.delete(key)
    if left:
        fakes.files.put(key, left)
    with pytest.raises(RefusedError, match=r"its settings prices/code/.*\.toml are not in the bucket"):
        report(job, fakes.world)


def test_a_run_whose_artifact_is_not_there_yet_is_tried_again(fakes: Fakes) -> None:
    job = submitted(fakes).job
    fakes.jobs.move(job, Status.COMPLETED)
    with pytest.raises(RetryableError, match=r"model\.tar\.gz is not there \(yet\)"):
        report(job, fakes.world)


# Whose job ----------------------------------------------------------------------------------


def test_a_job_without_our_tags_is_ignored(fakes: Fakes) -> None:
    job = submitted(fakes).job
    fakes.jobs.move(job, Status.COMPLETED, lineage=None)
    assert report(job, fakes.world) is None
    assert fakes.merge_requests.calls == []


def test_a_job_of_another_project_is_ignored(fakes: Fakes) -> None:
    job = submitted(fakes).job
    fakes.jobs.move(job, Status.COMPLETED, lineage=lineage(project="other"))
    assert report(job, fakes.world) is None
    assert fakes.merge_requests.calls == []


def test_a_job_that_is_not_there_is_ignored(fakes: Fakes) -> None:
    assert report("nobody", fakes.world) is None


# The baseline -------------------------------------------------------------------------------


def live(fakes: Fakes, *, rmse: float = 60.0) -> Run:
    """A run that is released to staging and serves."""
    run = trained(fakes, folder(code="live"), origin(merge_request=3, pipeline=30), rmse=rmse)
    package = approved(fakes, run)
    fakes.endpoints.prepare(
        package, config=f"shop-prices-staging-{run.version}", model="m", environment=fakes.environments[0], tags={}
    )
    fakes.endpoints.create("shop-prices-staging", config=f"shop-prices-staging-{run.version}", tags={})
    fakes.endpoints.succeed("shop-prices-staging")
    return run


def test_a_run_is_compared_with_what_is_live_in_the_first_environment(fakes: Fakes) -> None:
    live(fakes)
    trained(fakes, rmse=54.0)
    note = fakes.merge_requests.only(7)
    assert "🟢 10.0% better than staging" in note
    assert "**Merging updates** the endpoint `shop-prices-staging` with version 2 (now version 1)." in note


def test_a_run_that_is_live_itself_is_compared_with_nothing(fakes: Fakes) -> None:
    run = live(fakes)
    report(run.job, fakes.world)
    assert "better" not in fakes.merge_requests.only(3)


def test_an_endpoint_made_by_hand_is_no_baseline_but_is_updated_by_a_merge(fakes: Fakes) -> None:
    run = live(fakes)
    del fakes.runs.runs["prices", run.job]
    trained(fakes, rmse=54.0)
    note = fakes.merge_requests.only(7)
    assert "better" not in note
    assert "**Merging updates** the endpoint" in note


def test_settings_are_those_of_the_submit_not_of_today(fakes: Fakes) -> None:
    first = submitted(fakes).job
    submitted(fakes, folder(MODEL_TOML.replace("minimize", "maximize"), code="other"), origin(merge_request=8))
    completed(fakes, first, {"rmse": 1.0})
    report(first, fakes.world)
    assert "`rmse` ↓" in fakes.merge_requests.only(7)
