"""A run is made again from its record alone, and nobody on GitLab takes it for the one that was reviewed."""

from dataclasses import replace

import pytest

from mergemaker.domain.errors import RefusedError, RetryableError, UsageError
from mergemaker.domain.lineage import NO_PIPELINE
from mergemaker.domain.run import Status
from mergemaker.steps.begin import How
from mergemaker.steps.report import report
from mergemaker.steps.reproduce import Reproduced, reproduce
from tests.fakes.made import HEAD, MODEL_TOML, folder, origin
from tests.fakes.story import DATA, approved, completed, submitted, trained
from tests.fakes.world import Fakes

MANNERED = f"[train]\nspot = true\n{MODEL_TOML}".replace(
    'prefix = "train/"', 'prefix = "train/"\ninput_mode = "FastFile"\ncontent_type = "text/csv"'
)


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


def again(fakes: Fakes, run: str) -> Reproduced:
    return reproduce(run, names=fakes.names, files=fakes.files, jobs=fakes.jobs)


def test_it_does_the_same_on_the_same_image_though_branch_input_and_dockerfile_have_changed(fakes: Fakes) -> None:
    first = trained(fakes).job
    fakes.files.put(DATA, b"4,5,6")
    other = submitted(fakes, folder(MODEL_TOML.replace("depth = 3", "depth = 9"), code="other", image="other")).job

    job = again(fakes, first).job

    assert job == f"{first}-2"
    assert fakes.jobs.jobs[job].work == fakes.jobs.jobs[first].work
    assert fakes.jobs.jobs[job].work != fakes.jobs.jobs[other].work


def test_the_manner_is_that_of_the_settings_then_and_checkpoints_begin_anew(fakes: Fakes) -> None:
    first = submitted(fakes, folder(MANNERED)).job

    job = again(fakes, first).job

    asked, before = fakes.jobs.requests[job], fakes.jobs.requests[first]
    assert asked.input_modes == {"training": "FastFile"}
    assert asked.checkpoints == f"s3://{fakes.names.bucket}/prices/checkpoints/{job}/"
    assert replace(asked, name=first, lineage=before.lineage, checkpoints=before.checkpoints) == before


def test_the_record_names_what_it_repeats_and_where_that_came_from(fakes: Fakes) -> None:
    first = submitted(fakes, folder(MANNERED)).job
    job = again(fakes, first).job
    completed(fakes, job, {"rmse": 54.25})

    run = report(job, fakes.world)

    assert run is not None
    assert (run.status, run.metrics["rmse"]) == (Status.COMPLETED, 54.25)
    assert (run.lineage.repeats, run.lineage.origin.commit, run.lineage.origin.branch) == (first, HEAD, "deeper-trees")
    assert (run.lineage.origin.merge_request, run.lineage.origin.pipeline) == (None, NO_PIPELINE)


def test_nobody_on_gitlab_is_told_and_a_merge_still_releases_what_was_reviewed(fakes: Fakes) -> None:
    reviewed = trained(fakes)
    note, statuses = fakes.merge_requests.only(7), list(fakes.merge_requests.statuses)
    job = again(fakes, reviewed.job).job
    report(job, fakes.world)
    completed(fakes, job, {"rmse": 60.0})
    report(job, fakes.world)

    assert fakes.merge_requests.only(7) == note
    assert list(fakes.merge_requests.statuses) == statuses
    assert approved(fakes, reviewed).job == reviewed.job


def test_submit_finds_the_run_and_not_its_reproduction(fakes: Fakes) -> None:
    first = trained(fakes).job
    completed(fakes, again(fakes, first).job)

    found = submitted(fakes, who=origin(pipeline=71))

    assert (found.job, found.how) == (first, How.FOUND)


def test_a_reproduction_can_be_reproduced(fakes: Fakes) -> None:
    first = submitted(fakes).job
    second = again(fakes, first).job
    third = again(fakes, second).job
    assert (second, third) == (f"{first}-2", f"{first}-3")
    assert fakes.jobs.requests[third].lineage.repeats == second


@pytest.mark.parametrize("name", ["prices-0123456789ab", "", "a b", "prices/1", "ü", "x" * 64])
def test_a_run_that_is_not_there_is_no_run(fakes: Fakes, name: str) -> None:
    with pytest.raises(UsageError, match=f"there is no run '{name}' of project shop in eu-west-1"):
        again(fakes, name)


@pytest.mark.parametrize("lineage", [None, "another project's"])
def test_a_job_that_is_not_the_projects_is_no_run(fakes: Fakes, lineage: str | None) -> None:
    first = submitted(fakes).job
    there = fakes.jobs.jobs[first].lineage
    assert there is not None
    fakes.jobs.move(first, Status.COMPLETED, lineage=replace(there, project="shop-eu") if lineage else None)
    with pytest.raises(UsageError, match="there is no run"):
        again(fakes, first)


def test_a_job_that_did_not_run_what_its_tags_say_is_not_run_again(fakes: Fakes) -> None:
    first = submitted(fakes).job
    work = replace(fakes.jobs.jobs[first].work, environment={"LD_PRELOAD": "/tmp/x.so"})
    fakes.jobs.move(first, Status.COMPLETED, work=work)
    with pytest.raises(RefusedError, match="is not what its tags say"):
        again(fakes, first)
    assert list(fakes.jobs.jobs) == [first]


def test_settings_that_were_replaced_are_not_believed(fakes: Fakes) -> None:
    first = submitted(fakes).job
    fakes.files.put(f"prices/code/{fakes.jobs.requests[first].lineage.spec}.toml", b"")
    with pytest.raises(RefusedError, match="settings"):
        again(fakes, first)


def test_who_starts_the_same_attempt_at_the_same_moment_is_told_so(fakes: Fakes) -> None:
    first = submitted(fakes).job
    fakes.jobs.meanwhile("start", lambda: again(fakes, first))
    with pytest.raises(RefusedError, match=f"somebody started {first}-2 at this very moment"):
        again(fakes, first)


def test_what_fails_on_the_way_starts_nothing(fakes: Fakes) -> None:
    first = submitted(fakes).job
    fakes.jobs.fail("start")
    with pytest.raises(RetryableError):
        again(fakes, first)
    assert list(fakes.jobs.jobs) == [first]
