"""The endpoint serves what was approved last, and each merge request hears what became of its release."""

from dataclasses import replace
from typing import Any

import pytest

from mergemaker.domain.errors import RetryableError
from mergemaker.domain.release import Action, Approval
from mergemaker.domain.run import ReleaseStatus, Status
from mergemaker.steps.deploy import package_changed
from tests.fakes.deploys import ENDPOINT, changed, made, release, said, serving, status, told_of
from tests.fakes.registry import PACKAGES
from tests.fakes.world import Fakes


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


# Create and update --------------------------------------------------------------------------


def test_the_first_approval_creates_the_endpoint_and_the_merge_request_hears_when_it_serves(fakes: Fakes) -> None:
    run = made(fakes, 1)
    plan = release(fakes, run)
    assert plan is not None
    assert plan.action is Action.CREATE
    assert "🔄 deploying version 1" in said(fakes, 1)
    prepared = fakes.endpoints.configs[f"{ENDPOINT}-1"]
    assert (prepared.package.version, prepared.model) == (1, "shop-prices-1")
    assert prepared.environment.name == "staging"
    assert prepared.tags == {"mergemaker:project": "shop", "mergemaker:model": "prices"}
    fakes.endpoints.succeed(ENDPOINT)
    assert [served.job for served in changed(fakes)] == [run.job]
    assert "🟢 serving version 1" in said(fakes, 1)


def test_the_next_approval_updates_the_same_endpoint_and_the_older_release_is_marked_as_replaced(fakes: Fakes) -> None:
    first = serving(fakes, 1)
    second = made(fakes, 2)
    plan = release(fakes, second)
    assert plan is not None
    assert (plan.action, plan.endpoint, plan.previous) == (Action.UPDATE, ENDPOINT, 1)
    assert status(fakes, first) is ReleaseStatus.SERVING
    fakes.endpoints.succeed(ENDPOINT)
    changed(fakes)
    assert (status(fakes, first), status(fakes, second)) == (ReleaseStatus.REPLACED, ReleaseStatus.SERVING)
    assert "⚪ replaced by a later release: version" in said(fakes, 1)
    assert fakes.endpoints.deployed == [f"{ENDPOINT}-1", f"{ENDPOINT}-2"]


def test_each_environment_has_its_own_endpoint_on_its_own_instances(fakes: Fakes) -> None:
    run = serving(fakes, 1)
    release(fakes, run, to="production")
    fakes.endpoints.succeed("shop-prices-production")
    changed(fakes, "shop-prices-production")
    assert fakes.endpoints.configs["shop-prices-production-1"].environment.instance_count == 2
    assert status(fakes, run, "production") is status(fakes, run, "staging") is ReleaseStatus.SERVING
    assert len(said(fakes, 1).splitlines()) == 2


def test_an_approval_in_the_console_that_names_no_stage_goes_to_the_first_environment(fakes: Fakes) -> None:
    made(fakes, 1)
    fakes.registry.set(f"{PACKAGES}/shop-prices/1", approval=Approval.APPROVED)
    plan = told_of(fakes, 1)
    assert plan is not None
    assert plan.environment == "staging"


def test_an_approval_for_a_stage_that_is_no_environment_deploys_nothing(fakes: Fakes) -> None:
    made(fakes, 1)
    fakes.registry.set(f"{PACKAGES}/shop-prices/1", approval=Approval.APPROVED, stage="Development")
    assert told_of(fakes, 1) is None
    assert fakes.endpoints.deployed == []


@pytest.mark.parametrize("approval", [Approval.PENDING, Approval.REJECTED])
def test_what_is_not_approved_is_not_deployed_whatever_the_event_said(fakes: Fakes, approval: Approval) -> None:
    made(fakes, 1)
    fakes.registry.set(f"{PACKAGES}/shop-prices/1", approval=approval)
    assert told_of(fakes, 1) is None
    assert fakes.endpoints.calls.count("create") == 0


def test_a_package_that_is_gone_or_of_another_project_is_ignored(fakes: Fakes) -> None:
    assert told_of(fakes, 1) is None
    run = made(fakes, 1)
    package = fakes.registry.groups["shop-prices"][0]
    theirs = replace(
        package, project="other", group="other-prices", arn=f"{PACKAGES}/other-prices/1", approval=Approval.APPROVED
    )
    fakes.registry.groups["other-prices"] = [theirs]
    assert package_changed(theirs.arn, environments=fakes.environments, world=fakes.world, clock=fakes.now) is None
    assert status(fakes, run) is None
    assert fakes.endpoints.deployed == []


# Again, late, at the same time --------------------------------------------------------------


def test_the_same_approval_fifty_times_is_one_update(fakes: Fakes) -> None:
    run = serving(fakes, 1)
    for _ in range(50):
        plan = told_of(fakes, 1)
        assert plan is not None
        assert plan.action is Action.NOTHING
    assert fakes.endpoints.deployed == [f"{ENDPOINT}-1"]
    assert status(fakes, run) is ReleaseStatus.SERVING


def test_a_repeated_approval_while_it_deploys_starts_nothing_and_it_serves_in_the_end(fakes: Fakes) -> None:
    first = serving(fakes, 1)
    second = made(fakes, 2)
    release(fakes, second)
    # Not every describe call says what an endpoint is moving to.
    now = fakes.endpoints.endpoints[ENDPOINT]
    fakes.endpoints.endpoints[ENDPOINT] = replace(now, target=now.config)
    told_of(fakes, 2)
    fakes.endpoints.endpoints[ENDPOINT] = now
    fakes.endpoints.succeed(ENDPOINT)
    changed(fakes)
    assert status(fakes, second) is ReleaseStatus.SERVING
    assert status(fakes, first) is ReleaseStatus.REPLACED
    assert fakes.endpoints.deployed == [f"{ENDPOINT}-1", f"{ENDPOINT}-2"]


def test_a_late_approval_of_an_older_version_never_takes_the_endpoint_back(fakes: Fakes) -> None:
    older = made(fakes, 1)
    serving(fakes, 2)
    plan = release(fakes, older)
    assert plan is not None
    assert plan.action is Action.LEAVE
    assert fakes.endpoints[ENDPOINT].version == 2
    assert fakes.endpoints.deployed == [f"{ENDPOINT}-2"]


def test_a_release_waits_while_the_endpoint_is_busy_and_starts_on_its_event(fakes: Fakes) -> None:
    first, second = made(fakes, 1), made(fakes, 2)
    release(fakes, first)
    plan = release(fakes, second)
    assert plan is not None
    assert plan.action is Action.WAIT
    assert "⏳ waits for an earlier change of the endpoint" in said(fakes, 2)
    fakes.endpoints.succeed(ENDPOINT)
    changed(fakes)
    assert (status(fakes, first), status(fakes, second)) == (ReleaseStatus.SERVING, ReleaseStatus.DEPLOYING)
    fakes.endpoints.succeed(ENDPOINT)
    changed(fakes)
    assert (status(fakes, first), status(fakes, second)) == (ReleaseStatus.REPLACED, ReleaseStatus.SERVING)


def test_an_endpoint_that_got_free_between_plan_and_note_is_updated_at_once(fakes: Fakes) -> None:
    release(fakes, made(fakes, 1))
    second = made(fakes, 2)
    fakes.runs.meanwhile("change", lambda: fakes.endpoints.succeed(ENDPOINT))
    plan = release(fakes, second)
    assert plan is not None
    assert plan.action is Action.UPDATE
    assert status(fakes, second) is ReleaseStatus.DEPLOYING


def test_of_several_that_wait_the_newest_starts_and_the_others_are_told_that_they_were_replaced(fakes: Fakes) -> None:
    release(fakes, made(fakes, 1))
    second, third = made(fakes, 2), made(fakes, 3)
    release(fakes, second)
    release(fakes, third)
    for _ in range(2):
        fakes.endpoints.succeed(ENDPOINT)
        changed(fakes)
    assert fakes.endpoints.deployed == [f"{ENDPOINT}-1", f"{ENDPOINT}-3"]
    assert (status(fakes, second), status(fakes, third)) == (ReleaseStatus.REPLACED, ReleaseStatus.SERVING)
    assert "⚪ replaced by a later release: version" in said(fakes, 2)


def test_one_that_waits_for_staging_starts_although_a_newer_version_went_to_production(fakes: Fakes) -> None:
    release(fakes, made(fakes, 1))
    second, third = made(fakes, 2), made(fakes, 3)
    release(fakes, second)
    release(fakes, third, to="production")
    fakes.endpoints.succeed(ENDPOINT)
    changed(fakes)
    assert status(fakes, second) is ReleaseStatus.DEPLOYING


def test_a_release_whose_end_was_overtaken_by_the_next_update_was_not_rolled_back(fakes: Fakes) -> None:
    """Version 2's event comes when version 3 is on its way already."""
    serving(fakes, 1)
    second, third = made(fakes, 2), made(fakes, 3)
    release(fakes, second)
    fakes.endpoints.succeed(ENDPOINT)
    release(fakes, third)
    assert changed(fakes) == []
    fakes.endpoints.succeed(ENDPOINT)
    changed(fakes)
    assert (status(fakes, second), status(fakes, third)) == (ReleaseStatus.REPLACED, ReleaseStatus.SERVING)


# Failure ------------------------------------------------------------------------------------


def test_a_failed_creation_is_told_and_the_next_approval_makes_the_endpoint_anew(fakes: Fakes) -> None:
    first = made(fakes, 1)
    release(fakes, first)
    fakes.endpoints.break_down(ENDPOINT, "the container did not pass the ping")
    changed(fakes)
    assert "❌ failed version 1" in said(fakes, 1)
    assert "`the container did not pass the ping`" in said(fakes, 1)
    second = made(fakes, 2)
    plan = release(fakes, second)
    assert plan is not None
    assert plan.action is Action.CREATE
    assert fakes.endpoints.calls.count("delete") == 1
    assert fakes.endpoints[ENDPOINT].version == 2


def test_an_endpoint_whose_deletion_takes_time_is_created_by_a_later_try(fakes: Fakes) -> None:
    run = made(fakes, 1)
    release(fakes, run)
    fakes.endpoints.break_down(ENDPOINT, "no")
    fakes.endpoints.deletes_slowly = True
    for _ in range(2):
        with pytest.raises(RetryableError, match="is being deleted"):
            told_of(fakes, 1)
    assert changed(fakes) == []
    fakes.endpoints.gone(ENDPOINT)
    plan = told_of(fakes, 1)
    assert plan is not None
    assert plan.action is Action.CREATE
    assert status(fakes, run) is ReleaseStatus.DEPLOYING


def test_a_silent_rollback_is_told_with_its_reason_and_the_old_version_is_still_said_to_serve(fakes: Fakes) -> None:
    first = serving(fakes, 1)
    second = made(fakes, 2)
    release(fakes, second)
    fakes.endpoints.roll_back(ENDPOINT, "the new fleet did not answer")
    changed(fakes)
    assert (status(fakes, first), status(fakes, second)) == (ReleaseStatus.SERVING, ReleaseStatus.ROLLED_BACK)
    assert "↩️ rolled back version 2" in said(fakes, 2)
    assert "`the new fleet did not answer`" in said(fakes, 2)


def test_a_version_that_was_rolled_back_can_be_approved_again(fakes: Fakes) -> None:
    serving(fakes, 1)
    second = made(fakes, 2)
    release(fakes, second)
    fakes.endpoints.roll_back(ENDPOINT, "no capacity")
    changed(fakes)
    told_of(fakes, 2)
    fakes.endpoints.succeed(ENDPOINT)
    changed(fakes)
    assert status(fakes, second) is ReleaseStatus.SERVING
    assert "no capacity" not in said(fakes, 2)


# Whose endpoint -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["other-prices-staging", "shop-prices-demo", "shop-staging", "MyEndpoint"])
def test_an_endpoint_that_is_not_ours_is_ignored(fakes: Fakes, name: str) -> None:
    assert changed(fakes, name) == []
    assert fakes.endpoints.calls == []


def test_an_endpoint_that_is_gone_or_busy_tells_nothing(fakes: Fakes) -> None:
    run = made(fakes, 1)
    assert changed(fakes) == []
    release(fakes, run)
    assert changed(fakes) == []
    assert status(fakes, run) is ReleaseStatus.DEPLOYING


# What the registry says, against the record of the run ----------------------------------------

OTHERS = {
    "image": {"image": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop@sha256:" + "e" * 64},
    "artifact": {"artifact": "s3://shop-111122223333-eu-west-1/prices/output/prices-evil/output/model.tar.gz"},
    "etag": {"artifact_etag": "e" * 32},
    "no artifact": {"artifact": "", "artifact_etag": ""},
}


def tampered(fakes: Fakes, version: int, **others: Any) -> None:
    """Who may approve a package changes it in the same call."""
    group = fakes.registry.groups["shop-prices"]
    group[version - 1] = replace(group[version - 1], approval=Approval.APPROVED, stage="staging", **others)


@pytest.mark.parametrize("others", OTHERS.values(), ids=OTHERS)
def test_a_package_that_is_not_what_its_run_made_is_refused_and_the_merge_request_hears(
    fakes: Fakes, others: dict[str, str]
) -> None:
    first = serving(fakes, 1)
    second = made(fakes, 2)
    tampered(fakes, 2, **others)
    plan = told_of(fakes, 2)
    assert plan is not None
    assert plan.action is Action.REFUSE
    assert "\n" not in plan.why
    assert (status(fakes, first), status(fakes, second)) == (ReleaseStatus.SERVING, ReleaseStatus.FAILED)
    assert plan.why in said(fakes, 2)
    assert list(fakes.endpoints.configs) == fakes.endpoints.deployed == [f"{ENDPOINT}-1"]


def test_a_package_that_was_changed_while_it_waited_is_not_released_when_its_turn_comes(fakes: Fakes) -> None:
    release(fakes, made(fakes, 1))
    second = made(fakes, 2)
    release(fakes, second)
    tampered(fakes, 2, **OTHERS["artifact"])
    fakes.endpoints.succeed(ENDPOINT)
    changed(fakes)
    assert status(fakes, second) is ReleaseStatus.FAILED
    assert "another artifact" in said(fakes, 2)
    assert fakes.endpoints.deployed == [f"{ENDPOINT}-1"]


def test_a_failed_endpoint_is_not_deleted_for_a_package_that_was_changed(fakes: Fakes) -> None:
    release(fakes, made(fakes, 1))
    fakes.endpoints.break_down(ENDPOINT, "no")
    made(fakes, 2)
    tampered(fakes, 2, **OTHERS["image"])
    told_of(fakes, 2)
    assert "delete" not in fakes.endpoints.calls


def test_a_package_that_says_it_is_of_another_packages_run_is_refused(fakes: Fakes) -> None:
    run = made(fakes, 1)
    group = fakes.registry.groups["shop-prices"]
    copy = replace(group[0], arn=f"{PACKAGES}/shop-prices/2", version=2, approval=Approval.APPROVED)
    group.append(copy)
    plan = told_of(fakes, 2)
    assert plan is not None
    assert plan.action is Action.REFUSE
    assert "another version" in plan.why
    assert status(fakes, run) is ReleaseStatus.FAILED
    assert fakes.endpoints.deployed == []


@pytest.mark.parametrize("job", ["", "prices-evil"], ids=["that says none", "that is not there"])
def test_a_package_of_a_run_that_nobody_knows_is_refused(fakes: Fakes, job: str) -> None:
    made(fakes, 1)
    tampered(fakes, 1, job=job)
    plan = told_of(fakes, 1)
    assert plan is not None
    assert plan.action is Action.REFUSE
    assert fakes.endpoints.configs == {}


def test_a_package_of_a_run_that_failed_is_refused(fakes: Fakes) -> None:
    run = made(fakes, 1)
    fakes.runs.runs["prices", run.job] = replace(run, status=Status.FAILED)
    tampered(fakes, 1)
    plan = told_of(fakes, 1)
    assert plan is not None
    assert plan.action is Action.REFUSE


def test_an_approval_that_comes_before_its_run_is_written_down_comes_again(fakes: Fakes) -> None:
    run = made(fakes, 1)
    fakes.runs.runs["prices", run.job] = replace(run, version=None)
    tampered(fakes, 1)
    with pytest.raises(RetryableError, match="still being reported"):
        told_of(fakes, 1)
    fakes.runs.runs["prices", run.job] = run
    told_of(fakes, 1)
    assert fakes.endpoints.deployed == [f"{ENDPOINT}-1"]


def test_the_event_that_a_release_serves_may_come_fifty_times(fakes: Fakes) -> None:
    serving(fakes, 1)
    edits = fakes.merge_requests.calls.count("edit_note")
    for _ in range(50):
        changed(fakes)
    assert fakes.merge_requests.calls.count("edit_note") == edits
