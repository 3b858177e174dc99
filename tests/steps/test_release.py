"""A release approves exactly what was reviewed, or nothing."""

from dataclasses import replace
from typing import Any

import pytest

from mergemaker.domain.errors import RefusedError, RetryableError
from mergemaker.domain.job import from_json, to_json
from mergemaker.domain.lineage import Origin
from mergemaker.domain.names import job_name, submission_key, submissions_prefix
from mergemaker.domain.release import Approval, Package
from mergemaker.domain.run import Run
from mergemaker.steps.release import Merged, release
from tests.fakes.made import HEAD, digest, folder, origin
from tests.fakes.registry import PACKAGES
from tests.fakes.story import merged, submitted, trained
from tests.fakes.world import Fakes

MAIN = "b" * 40


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


def released(fakes: Fakes, merge: Merged, to: str = "staging") -> Package:
    return release(
        model="prices", environment=to, merged=merge, names=fakes.names, registry=fakes.registry, files=fakes.files
    )


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


# What a schedule trained ------------------------------------------------------------------------

SCHEDULE = origin(merge_request=None, commit=MAIN, ref="main", branch="main", pipeline=80)
README = origin(merge_request=9, commit="9" * 40, branch="words", ref="refs/merge-requests/9/head", pipeline=85)
README_MERGED = merged(commit="e" * 40, parents=("c" * 40, README.commit), pipeline=95)


def retrained(fakes: Fakes, who: Origin = SCHEDULE, data: bytes = b"newer data") -> Run:
    fakes.files.put("prices/input/train/rows.csv", data)
    return trained(fakes, who=who)


def test_what_a_schedule_trained_is_released_by_the_merge_request_that_found_it(fakes: Fakes) -> None:
    trained(fakes)
    released(fakes, merged())
    newer = retrained(fakes)
    assert submitted(fakes, who=README).job == newer.job
    assert released(fakes, README_MERGED).job == newer.job


def test_so_it_is_where_a_squash_names_the_merge_request(fakes: Fakes) -> None:
    trained(fakes)
    newer = retrained(fakes)
    submitted(fakes, who=README)
    assert released(fakes, merged(parents=(MAIN,), merge_request=9, pipeline=95)).job == newer.job


def test_of_two_runs_that_it_asked_for_the_one_that_it_found_again_last_is_released(fakes: Fakes) -> None:
    """As after data that was put back: the note shows the older run."""
    first = trained(fakes)
    retrained(fakes, origin(pipeline=71))
    fakes.files.put("prices/input/train/rows.csv", b"1,2,3")
    assert submitted(fakes, who=origin(pipeline=72)).job == first.job
    assert released(fakes, merged()).job == first.job


def test_a_retried_job_releases_nothing_that_only_a_schedule_trained(fakes: Fakes) -> None:
    """The merge request trained nothing, and nobody has seen the run."""
    run = trained(fakes, who=replace(SCHEDULE, commit="c" * 40))
    with pytest.raises(RefusedError, match="no finished run of the merged files is in the registry"):
        released(fakes, merged())
    assert package_of(fakes, run).approval is Approval.PENDING


def test_but_what_a_person_approved_in_the_registry_stays(fakes: Fakes) -> None:
    trained(fakes)
    released(fakes, merged())
    newer = retrained(fakes)
    fakes.registry.set(package_of(fakes, newer).arn, approval=Approval.APPROVED)
    assert released(fakes, replace(README_MERGED, merge_request=9)).job == newer.job


def test_a_merge_request_that_trained_nothing_takes_nothing_back(fakes: Fakes) -> None:
    trained(fakes)
    released(fakes, merged())
    newer = retrained(fakes)
    submitted(fakes, who=README)
    released(fakes, README_MERGED)
    retrained(fakes, replace(SCHEDULE, pipeline=96), b"newer still")
    later = merged(commit="f" * 40, parents=("e" * 40, "8" * 40), merge_request=10, pipeline=99)
    assert released(fakes, later).job == newer.job


@pytest.mark.parametrize("parents", [(MAIN,), (MAIN, "d" * 40)], ids=["alone", "with a merge commit"])
def test_of_a_squash_that_does_not_say_whose_it_is_nothing_is_guessed(fakes: Fakes, parents: tuple[str, ...]) -> None:
    trained(fakes)
    released(fakes, merged())
    retrained(fakes)
    submitted(fakes, who=README)
    with pytest.raises(RefusedError, match="versions 2, 1 were all trained from the merged files"):
        released(fakes, merged(parents=parents, pipeline=95))


# What anybody may have left where submissions are -------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"pipeline": 86}, id="under another pipeline"),
        pytest.param({"project": "shop-eu"}, id="of another project"),
        pytest.param({"run_key": digest("another")}, id="of another run"),
        pytest.param({"merge_request": None}, id="of no merge request"),
    ],
)
def test_a_submission_that_says_something_else_makes_nothing_reviewed(fakes: Fakes, change: dict[str, Any]) -> None:
    run = retrained(fakes)
    submitted(fakes, who=README)
    key = submission_key("prices", run.job, README.pipeline)
    request = from_json(fakes.files[key].decode())
    lineage = request.lineage
    if "run_key" in change or "project" in change:
        lineage = replace(lineage, **change)
    else:
        lineage = replace(lineage, origin=replace(lineage.origin, **change))
    name = job_name("prices", lineage.run_key) if "run_key" in change else request.name
    fakes.files.put(key, to_json(replace(request, name=name, lineage=lineage)).encode())
    with pytest.raises(RefusedError):
        released(fakes, README_MERGED)
    assert package_of(fakes, run).approval is Approval.PENDING


@pytest.mark.parametrize("junk", [b"", b"{}", b"[" * 100_000, b"x" * 2_000_000, b"\xff"])
@pytest.mark.parametrize("name", ["84.json", "86.json", "x.json", "86.json/7.json", "-1.json", "086.json", "9" * 900])
def test_junk_beside_a_submission_does_not_hide_it(fakes: Fakes, junk: bytes, name: str) -> None:
    run = retrained(fakes)
    submitted(fakes, who=README)
    fakes.files.put(f"{submissions_prefix('prices', run.job)}{name}", junk)
    assert released(fakes, README_MERGED).job == run.job


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
