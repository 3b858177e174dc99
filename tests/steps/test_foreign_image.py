"""Somebody else's image: what its tag means is settled when a run is submitted, and nothing is built."""

from dataclasses import replace

import pytest

from mergemaker.domain.errors import RetryableError
from mergemaker.domain.run import Run, Status
from mergemaker.steps.begin import How
from mergemaker.steps.report import report
from tests.fakes.made import MODEL_TOML, folder, origin
from tests.fakes.story import completed, heard, submitted
from tests.fakes.world import Fakes

PLACE = "763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-training"
BY_TAG, OLD, NEW = f"{PLACE}:2.3-cpu-py311", f"{PLACE}@sha256:{'1' * 64}", f"{PLACE}@sha256:{'2' * 64}"
OF = folder(f"image.uri = '{BY_TAG}'\n{MODEL_TOML}")


@pytest.fixture
def fakes() -> Fakes:
    made = Fakes()
    made.images.elsewhere[BY_TAG] = OLD
    return made


def reported(fakes: Fakes, image: str | None = None) -> Run:
    """A run to its end; with `image`, it ran that instead."""
    job = submitted(fakes, OF, image=False).job
    if image:
        found = fakes.jobs.jobs[job]
        fakes.jobs.jobs[job] = replace(found, work=replace(found.work, image=image))
    completed(fakes, job, {"rmse": 50.0})
    run = report(job, fakes.world)
    assert run is not None
    return run


def test_the_job_starts_at_once_with_what_the_tag_means_now(fakes: Fakes) -> None:
    done = submitted(fakes, OF, image=False)
    assert done.how is How.STARTED
    assert fakes.jobs.jobs[done.job].work.image == OLD
    assert fakes.images.builds == []


def test_a_tag_that_moved_makes_another_run_and_the_first_stays_what_it_was(fakes: Fakes) -> None:
    first = reported(fakes)
    fakes.images.elsewhere[BY_TAG] = NEW
    second = submitted(fakes, OF, image=False)
    assert (second.how, fakes.jobs.jobs[second.job].work.image) == (How.STARTED, NEW)
    again = report(first.job, fakes.world)
    assert again is not None
    assert (again.status, again.image, again.version) == (Status.COMPLETED, OLD, 1)


def test_a_merged_tree_finds_its_run_although_the_tag_moved(fakes: Fakes) -> None:
    run = reported(fakes)
    fakes.images.elsewhere[BY_TAG] = NEW
    assert OF.ingredients(data="").source == run.lineage.source


def test_where_the_registry_lets_nobody_look_the_job_runs_what_is_written(fakes: Fakes) -> None:
    fakes.images.elsewhere.clear()
    run = reported(fakes)
    assert (run.status, run.image) == (Status.COMPLETED, BY_TAG)


@pytest.mark.parametrize(
    "image",
    [NEW, f"{PLACE}-evil@sha256:{'1' * 64}", f"{PLACE}:other", "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop:x"],
)
def test_a_job_that_ran_another_image_than_its_name_says_comes_to_nothing(fakes: Fakes, image: str) -> None:
    run = reported(fakes, image)
    assert run.status is Status.FAILED
    assert "its tags do not match what it ran" in run.reason
    assert run.version is None


def test_a_tag_of_the_projects_own_registry_means_one_image_only(fakes: Fakes) -> None:
    place = f"{fakes.names.registry}/{fakes.names.repository}"
    own = folder(f"image.uri = '{place}:base-1'\n{MODEL_TOML}")
    fakes.images.elsewhere[f"{place}:base-1"] = f"{place}@sha256:{'1' * 64}"
    job = submitted(fakes, own, image=False).job
    fakes.images.elsewhere[f"{place}:base-1"] = f"{place}@sha256:{'2' * 64}"
    run = report(job, fakes.world)
    assert run is not None
    assert (run.status, "(image)" in run.reason) == (Status.FAILED, True)


def test_who_asks_again_is_told_of_the_run(fakes: Fakes) -> None:
    job = reported(fakes).job
    again = origin(merge_request=8, pipeline=80)
    assert submitted(fakes, OF, again, image=False).how is How.FOUND
    run = heard(fakes, job, again)
    assert run is not None
    assert run.asked_in(8) == again


def test_who_asks_before_sagemaker_knows_the_job_is_told_later_and_not_that_it_waits(fakes: Fakes) -> None:
    job = reported(fakes).job
    submitted(fakes, OF, origin(pipeline=80), image=False)
    fakes.jobs.jobs.clear()
    fakes.runs.runs.clear()
    with pytest.raises(RetryableError, match="neither waits nor is there"):
        heard(fakes, job, origin(pipeline=80))
