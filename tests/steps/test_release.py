"""A release approves exactly what was reviewed, or nothing."""

from dataclasses import replace

import pytest

from mergemaker.domain.errors import RefusedError, RetryableError
from mergemaker.domain.release import Approval, Package
from mergemaker.domain.run import Run
from mergemaker.steps.release import Merged, release
from tests.fakes.made import HEAD, digest, folder, origin
from tests.fakes.registry import PACKAGES
from tests.fakes.story import merged, trained
from tests.fakes.world import Fakes

MAIN = "b" * 40


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


def released(fakes: Fakes, merge: Merged, to: str = "staging") -> Package:
    return release(model="prices", environment=to, merged=merge, names=fakes.names, registry=fakes.registry)


def package_of(fakes: Fakes, run: Run) -> Package:
    return next(package for package in fakes.registry.groups["shop-prices"] if package.job == run.job)


@pytest.mark.parametrize(
    "merge",
    [
        pytest.param(merged(), id="merge commit"),
        pytest.param(merged(parents=(MAIN,)), id="squash"),
        pytest.param(merged(parents=(MAIN,), merge_request=7), id="squash that names the merge request"),
        pytest.param(merged(commit=HEAD, parents=(MAIN,)), id="fast-forward"),
        pytest.param(merged(parents=()), id="first commit"),
    ],
)
def test_however_it_was_merged_the_reviewed_run_is_approved(fakes: Fakes, merge: Merged) -> None:
    run = trained(fakes)
    done = released(fakes, merge)
    assert done.job == run.job
    now = package_of(fakes, run)
    assert (now.approval, now.stage) == (Approval.APPROVED, "staging")
    assert fakes.registry.descriptions[now.arn] == f"Merged as {merge.commit[:8]}, pipeline 90"


def test_a_run_of_an_earlier_commit_that_did_the_same_work_is_the_reviewed_one(fakes: Fakes) -> None:
    run = trained(fakes, who=origin(commit="d" * 40))
    assert released(fakes, merged()).job == run.job


def test_of_two_runs_that_did_the_same_work_the_merged_commits_is_taken(fakes: Fakes) -> None:
    of_head = trained(fakes)
    fakes.files.put("prices/input/train/rows.csv", b"newer data")
    trained(fakes, who=origin(commit="d" * 40, merge_request=8))
    assert released(fakes, merged()).job == of_head.job


OTHERS = origin(commit="d" * 40, merge_request=8)


@pytest.mark.parametrize(
    "merge",
    [
        pytest.param(merged(), id="by the merge commit's second parent"),
        pytest.param(merged(commit=HEAD, parents=(MAIN,)), id="by the fast-forwarded commit"),
        pytest.param(merged(parents=(MAIN,), merge_request=7), id="by the squash commit's message"),
    ],
)
@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_of_runs_on_different_data_the_merge_requests_own_is_released(fakes: Fakes, merge: Merged, first: str) -> None:
    runs = {}
    for whose in ("ours", "theirs") if first == "ours" else ("theirs", "ours"):
        fakes.files.put("prices/input/train/rows.csv", whose.encode())
        runs[whose] = trained(fakes, who=origin() if whose == "ours" else OTHERS)
    assert released(fakes, merge).job == runs["ours"].job


def test_of_its_own_runs_on_different_data_the_newest_is_released(fakes: Fakes) -> None:
    trained(fakes, who=origin(commit="d" * 40))
    fakes.files.put("prices/input/train/rows.csv", b"newer data")
    newer = trained(fakes, who=origin(commit="e" * 40))
    assert released(fakes, merged(parents=(MAIN,), merge_request=7)).job == newer.job


def test_of_runs_on_different_data_in_other_merge_requests_none_is_released(fakes: Fakes) -> None:
    """Nobody has said on which data the merged files were meant to be trained."""
    runs = []
    for number in (8, 9):
        fakes.files.put("prices/input/train/rows.csv", b"data of %d" % number)
        runs.append(trained(fakes, who=origin(commit=f"{number:040x}", merge_request=number)))
    with pytest.raises(RefusedError, match=r"versions 2, 1 were all .* Approve the right one in SageMaker's registry"):
        released(fakes, merged(merge_request=7))
    assert [package_of(fakes, run).approval for run in runs] == [Approval.PENDING] * 2


def test_the_same_run_key_twice_is_the_same_work_and_the_newer_is_released(fakes: Fakes) -> None:
    """A completed run whose job was deleted from SageMaker's list is trained again under another name."""
    first = trained(fakes, who=OTHERS)
    again = replace(package_of(fakes, first), arn=f"{PACKAGES}/shop-prices/2", version=2, job=f"{first.job}-2")
    fakes.registry.groups["shop-prices"].append(again)
    assert released(fakes, merged()).job == again.job


def test_a_package_of_another_project_with_the_same_group_is_not_released(fakes: Fakes) -> None:
    """`shop-eu` with model `prices` and `shop` with model `eu-prices` share a group's name."""
    run = trained(fakes)
    group = fakes.registry.groups["shop-prices"]
    group[0] = replace(group[0], project="shop-eu")
    with pytest.raises(RefusedError, match="no finished run of the merged files is in the registry"):
        released(fakes, merged())
    assert package_of(fakes, run).approval is Approval.PENDING


def test_a_merge_of_other_files_than_the_reviewed_ones_is_refused(fakes: Fakes) -> None:
    run = trained(fakes)
    with pytest.raises(RefusedError, match=rf"the merged files are not those that run {run.job} was trained from"):
        released(fakes, merged(folder(code="main has moved")))
    assert package_of(fakes, run).approval is Approval.PENDING


def test_a_merge_without_a_run_is_refused(fakes: Fakes) -> None:
    with pytest.raises(RefusedError, match="no finished run of the merged files is in the registry"):
        released(fakes, merged())
    trained(fakes, folder(code="unrelated"), origin(commit="d" * 40))
    with pytest.raises(RefusedError, match="no finished run of the merged files is in the registry"):
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


def test_the_same_release_again_approves_again_so_that_a_retried_job_deploys_again(fakes: Fakes) -> None:
    run = trained(fakes)
    released(fakes, merged())
    assert package_of(fakes, run).released_by == 90
    released(fakes, merged(pipeline=91))
    assert fakes.registry.calls.count("approve") == 2
    assert package_of(fakes, run).released_by == 91


@pytest.mark.parametrize(
    "merge", [merged(), merged(commit=HEAD, parents=(MAIN,))], ids=["merge commit", "fast-forward"]
)
def test_a_retried_job_releases_what_was_reviewed_and_not_what_the_branch_trained_since(
    fakes: Fakes, merge: Merged
) -> None:
    """As a schedule does, on newer data, at the very commit that was merged."""
    reviewed = trained(fakes)
    fakes.files.put("prices/input/train/rows.csv", b"newer data")
    trained(fakes, who=origin(merge_request=None, commit=merge.commit, pipeline=95))
    assert released(fakes, merge).job == reviewed.job


def test_the_next_environment_is_another_release(fakes: Fakes) -> None:
    run = trained(fakes)
    released(fakes, merged())
    released(fakes, merged(), to="production")
    assert package_of(fakes, run).stage == "production"


@pytest.mark.parametrize("after", [False, True])
def test_a_failed_approval_is_made_good_by_the_next_try(fakes: Fakes, after: bool) -> None:
    run = trained(fakes)
    fakes.registry.fail("approve", after=after)
    with pytest.raises(RetryableError):
        released(fakes, merged())
    assert released(fakes, merged()).job == run.job
    assert package_of(fakes, run).approval is Approval.APPROVED
