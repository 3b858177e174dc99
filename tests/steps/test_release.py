"""A release approves exactly what was reviewed, or nothing."""

import pytest

from mergemaker.domain.errors import RefusedError, RetryableError
from mergemaker.domain.release import Approval, Package
from mergemaker.domain.run import Run
from mergemaker.steps.release import Merged, Released, release
from tests.fakes.made import HEAD, digest, folder, origin
from tests.fakes.story import merged, trained
from tests.fakes.world import Fakes

MAIN = "b" * 40


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


def released(fakes: Fakes, merge: Merged, to: str = "staging") -> Released:
    return release(model="prices", environment=to, merged=merge, names=fakes.names, registry=fakes.registry)


def package_of(fakes: Fakes, run: Run) -> Package:
    return next(package for package in fakes.registry.groups["shop-prices"] if package.job == run.job)


@pytest.mark.parametrize(
    "merge",
    [
        pytest.param(merged(), id="merge commit"),
        pytest.param(merged(parents=(MAIN,)), id="squash"),
        pytest.param(merged(commit=HEAD, parents=(MAIN,)), id="fast-forward"),
        pytest.param(merged(parents=()), id="first commit"),
    ],
)
def test_however_it_was_merged_the_reviewed_run_is_approved(fakes: Fakes, merge: Merged) -> None:
    run = trained(fakes)
    done = released(fakes, merge)
    assert (done.package.job, done.again) == (run.job, False)
    now = package_of(fakes, run)
    assert (now.approval, now.stage) == (Approval.APPROVED, "staging")
    assert fakes.registry.descriptions[now.arn] == f"Merged as {merge.commit[:8]}, pipeline 90"


def test_a_run_of_an_earlier_commit_that_did_the_same_work_is_the_reviewed_one(fakes: Fakes) -> None:
    run = trained(fakes, who=origin(commit="d" * 40))
    assert released(fakes, merged()).package.job == run.job


def test_of_two_runs_that_did_the_same_work_the_merged_commits_is_taken(fakes: Fakes) -> None:
    of_head = trained(fakes)
    fakes.files.put("prices/input/train/rows.csv", b"newer data")
    trained(fakes, who=origin(commit="d" * 40, merge_request=8))
    assert released(fakes, merged()).package.job == of_head.job


def test_of_two_runs_of_other_commits_that_did_the_same_work_the_newest_is_taken(fakes: Fakes) -> None:
    trained(fakes, who=origin(commit="d" * 40))
    fakes.files.put("prices/input/train/rows.csv", b"newer data")
    newer = trained(fakes, who=origin(commit="e" * 40))
    assert released(fakes, merged()).package.job == newer.job


def test_a_merge_of_other_files_than_the_reviewed_ones_is_refused(fakes: Fakes) -> None:
    run = trained(fakes)
    with pytest.raises(RefusedError, match=rf"the merged files are not those that run {run.job} was trained from"):
        released(fakes, merged(folder(code="main has moved")))
    assert package_of(fakes, run).approval is Approval.PENDING


def test_a_merge_without_a_run_is_refused(fakes: Fakes) -> None:
    with pytest.raises(RefusedError, match="the registry has no run of the merged files"):
        released(fakes, merged())
    trained(fakes, folder(code="unrelated"), origin(commit="d" * 40))
    with pytest.raises(RefusedError, match="the registry has no run of the merged files"):
        released(fakes, merged())


def test_an_unrelated_run_is_never_approved(fakes: Fakes) -> None:
    other = trained(fakes, folder(code="unrelated"), origin(commit="d" * 40))
    with pytest.raises(RefusedError):
        released(fakes, merged(source=digest("nothing")))
    assert package_of(fakes, other).approval is Approval.PENDING


def test_a_package_that_somebody_rejected_is_not_released(fakes: Fakes) -> None:
    run = trained(fakes)
    fakes.registry.set(package_of(fakes, run).arn, approval=Approval.REJECTED)
    with pytest.raises(RefusedError, match="version 1 was rejected in the registry; nothing was released"):
        released(fakes, merged())
    assert package_of(fakes, run).approval is Approval.REJECTED


def test_the_same_release_again_changes_nothing(fakes: Fakes) -> None:
    trained(fakes)
    released(fakes, merged())
    again = released(fakes, merged(pipeline=91))
    assert again.again
    assert fakes.registry.calls.count("approve") == 1


def test_the_next_environment_is_another_release(fakes: Fakes) -> None:
    run = trained(fakes)
    released(fakes, merged())
    assert not released(fakes, merged(), to="production").again
    assert package_of(fakes, run).stage == "production"


@pytest.mark.parametrize("after", [False, True])
def test_a_failed_approval_is_made_good_by_the_next_try(fakes: Fakes, after: bool) -> None:
    run = trained(fakes)
    fakes.registry.fail("approve", after=after)
    with pytest.raises(RetryableError):
        released(fakes, merged())
    assert released(fakes, merged()).again is after
    assert package_of(fakes, run).approval is Approval.APPROVED
