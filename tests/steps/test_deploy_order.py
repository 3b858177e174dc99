"""Who released last is what serves, in whatever order the events come; and each project minds its own."""

from dataclasses import replace

import pytest

from mergemaker.domain.release import Action, Approval
from mergemaker.domain.run import ReleaseStatus
from mergemaker.steps.deploy import endpoint_changed, package_changed
from tests.fakes.deploys import ENDPOINT, changed, made, release, said, serving, status, told_of
from tests.fakes.registry import PACKAGES
from tests.fakes.world import NAMES, Fakes


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


def ends(fakes: Fakes) -> None:
    fakes.endpoints.succeed(ENDPOINT)
    changed(fakes)


# A, then B, then back to A ------------------------------------------------------------------


def test_a_revert_takes_the_endpoint_back_to_the_older_version_and_the_newer_is_told(fakes: Fakes) -> None:
    first = made(fakes, 1)
    release(fakes, first, pipeline=901)
    ends(fakes)
    second = made(fakes, 2)
    release(fakes, second, pipeline=902)
    ends(fakes)
    plan = release(fakes, first, pipeline=903)
    assert plan is not None
    assert (plan.action, plan.previous) == (Action.UPDATE, 2)
    ends(fakes)
    assert fakes.endpoints[ENDPOINT].version == 1
    assert (status(fakes, first), status(fakes, second)) == (ReleaseStatus.SERVING, ReleaseStatus.REPLACED)
    assert "🟢 serving version 1" in said(fakes, 1)
    assert "⚪ replaced by a later release: version 2" in said(fakes, 2)


def test_after_a_revert_a_late_or_repeated_event_of_the_newer_approval_changes_nothing(fakes: Fakes) -> None:
    first, second = made(fakes, 1), made(fakes, 2)
    release(fakes, first, pipeline=901)
    ends(fakes)
    release(fakes, second, pipeline=902)
    ends(fakes)
    release(fakes, first, pipeline=903)
    deployed = list(fakes.endpoints.deployed)
    told_of(fakes, 2)
    ends(fakes)
    for _ in range(3):
        plan = told_of(fakes, 2)
        assert plan is not None
        assert plan.action is Action.LEAVE
        changed(fakes)
    assert fakes.endpoints.deployed == deployed == [f"{ENDPOINT}-{version}" for version in (1, 2, 1)]
    assert (status(fakes, first), status(fakes, second)) == (ReleaseStatus.SERVING, ReleaseStatus.REPLACED)


def test_a_revert_while_the_endpoint_is_busy_waits_and_then_wins(fakes: Fakes) -> None:
    first, second = made(fakes, 1), made(fakes, 2)
    release(fakes, first, pipeline=901)
    ends(fakes)
    release(fakes, second, pipeline=902)
    release(fakes, first, pipeline=903)
    ends(fakes)
    ends(fakes)
    assert fakes.endpoints[ENDPOINT].version == 1
    assert (status(fakes, first), status(fakes, second)) == (ReleaseStatus.SERVING, ReleaseStatus.REPLACED)


def test_a_retried_release_job_deploys_again_what_was_rolled_back(fakes: Fakes) -> None:
    serving(fakes, 1)
    second = made(fakes, 2)
    release(fakes, second, pipeline=902)
    fakes.endpoints.roll_back(ENDPOINT, "no capacity")
    changed(fakes)
    plan = release(fakes, second, pipeline=902)
    assert plan is not None
    assert plan.action is Action.UPDATE


def test_an_approval_by_a_person_is_ordered_by_version(fakes: Fakes) -> None:
    older = made(fakes, 1)
    release(fakes, made(fakes, 2), pipeline=902)
    ends(fakes)
    newest = made(fakes, 3)
    fakes.registry.set(f"{PACKAGES}/shop-prices/1", approval=Approval.APPROVED, stage="staging")
    late = told_of(fakes, 1)
    fakes.registry.set(f"{PACKAGES}/shop-prices/3", approval=Approval.APPROVED, stage="staging")
    newer = told_of(fakes, 3)
    assert late is not None
    assert newer is not None
    assert (late.action, newer.action) == (Action.LEAVE, Action.UPDATE)
    assert (status(fakes, older), status(fakes, newest)) == (None, ReleaseStatus.DEPLOYING)


def test_of_several_that_wait_the_one_released_last_starts_not_the_newest_version(fakes: Fakes) -> None:
    release(fakes, made(fakes, 1), pipeline=901)
    second, third = made(fakes, 2), made(fakes, 3)
    release(fakes, third, pipeline=902)
    release(fakes, second, pipeline=903)
    ends(fakes)
    assert fakes.endpoints.deployed == [f"{ENDPOINT}-1", f"{ENDPOINT}-2"]
    ends(fakes)
    assert (status(fakes, second), status(fakes, third)) == (ReleaseStatus.SERVING, ReleaseStatus.REPLACED)
    assert "⚪ replaced by a later release: version 3" in said(fakes, 3)


# Two projects in one account ----------------------------------------------------------------


@pytest.fixture
def eu() -> Fakes:
    """Project `shop-eu`, whose model `prices` has a package group that could be `shop`'s of a model `eu-prices`."""
    return Fakes(names=replace(NAMES, project="shop-eu"))


def test_a_project_ignores_the_packages_of_one_whose_name_begins_like_its_own(fakes: Fakes, eu: Fakes) -> None:
    release(eu, made(eu, 1))
    package = eu.registry.groups["shop-eu-prices"][0]
    assert eu.endpoints.deployed == ["shop-eu-prices-staging-1"]
    world = replace(eu.world, names=fakes.names)
    assert package_changed(package.arn, environments=eu.environments, world=world, clock=eu.now) is None
    assert list(eu.endpoints.endpoints) == ["shop-eu-prices-staging"]


def test_a_project_ignores_the_endpoints_of_one_whose_name_begins_like_its_own(fakes: Fakes, eu: Fakes) -> None:
    release(eu, made(eu, 1))
    eu.endpoints.succeed("shop-eu-prices-staging")
    # In the other's run table there could be a model and a job of these names.
    run = eu.runs.runs["prices", eu.registry.groups["shop-eu-prices"][0].job]
    eu.runs.runs["eu-prices", run.job] = run
    world = replace(eu.world, names=fakes.names)
    name = "shop-eu-prices-staging"
    assert endpoint_changed(name, environments=eu.environments, world=world, clock=eu.now) == []
    assert status(eu, run) is ReleaseStatus.DEPLOYING
