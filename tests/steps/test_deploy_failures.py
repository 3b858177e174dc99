"""What fails is told with its reason or comes again; an endpoint waits for nobody but SageMaker."""

import pytest

from mergemaker.domain.errors import RetryableError, ServiceError
from mergemaker.domain.release import Action
from mergemaker.domain.run import ReleaseStatus
from tests.fakes.deploys import ENDPOINT, changed, made, release, said, serving, status, told_of
from tests.fakes.story import approved
from tests.fakes.world import Fakes

QUOTA = ServiceError("endpoint: AWS says ResourceLimitExceeded: quota of ml.m5.large is 0")


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


# GitLab is away -----------------------------------------------------------------------------


def test_with_gitlab_down_the_endpoint_is_created_and_updated_and_the_merge_requests_hear_later(fakes: Fakes) -> None:
    first, second = made(fakes, 1), made(fakes, 2)
    fakes.merge_requests.down = RetryableError("GitLab can't be reached")
    with pytest.raises(RetryableError, match="GitLab can't be reached"):
        release(fakes, first)
    assert status(fakes, first) is ReleaseStatus.DEPLOYING
    fakes.endpoints.succeed(ENDPOINT)
    with pytest.raises(RetryableError):
        changed(fakes)
    assert status(fakes, first) is ReleaseStatus.SERVING
    with pytest.raises(RetryableError):
        release(fakes, second)
    fakes.endpoints.succeed(ENDPOINT)
    assert fakes.endpoints.deployed == [f"{ENDPOINT}-1", f"{ENDPOINT}-2"]
    fakes.merge_requests.down = None
    told_of(fakes, 2)
    assert "🔄 deploying version 2" in said(fakes, 2)
    changed(fakes)
    assert "⚪ replaced by a later release: version 1" in said(fakes, 1)
    assert "🟢 serving version 2" in said(fakes, 2)


def test_with_gitlab_down_a_release_that_waited_starts_on_the_endpoints_event(fakes: Fakes) -> None:
    release(fakes, made(fakes, 1))
    second = made(fakes, 2)
    release(fakes, second)
    fakes.endpoints.succeed(ENDPOINT)
    fakes.merge_requests.down = RetryableError("GitLab can't be reached")
    with pytest.raises(RetryableError):
        changed(fakes)
    assert fakes.endpoints.deployed == [f"{ENDPOINT}-1", f"{ENDPOINT}-2"]
    assert status(fakes, second) is ReleaseStatus.DEPLOYING
    fakes.merge_requests.down = None
    fakes.endpoints.succeed(ENDPOINT)
    changed(fakes)
    assert "⚪ replaced" in said(fakes, 1)
    assert "🟢 serving version 2" in said(fakes, 2)


def test_what_could_not_be_told_when_the_record_changed_is_told_by_the_endpoints_next_event(fakes: Fakes) -> None:
    run = made(fakes, 1)
    release(fakes, run)
    fakes.endpoints.succeed(ENDPOINT)
    fakes.merge_requests.fail("edit_note")
    with pytest.raises(RetryableError):
        changed(fakes)
    assert (status(fakes, run), "🔄 deploying" in said(fakes, 1)) == (ReleaseStatus.SERVING, True)
    changed(fakes)
    assert "🟢 serving version 1" in said(fakes, 1)


def test_a_merge_request_that_is_gone_does_not_keep_the_others_from_hearing(fakes: Fakes) -> None:
    serving(fakes, 1)
    second = made(fakes, 2)
    release(fakes, second)
    fakes.merge_requests.delete(1)
    fakes.merge_requests.fail("create_note", ServiceError("GitLab says 404: there is no merge request !1"))
    fakes.endpoints.succeed(ENDPOINT)
    with pytest.raises(ServiceError, match="no merge request !1"):
        changed(fakes)
    assert "🟢 serving version 2" in said(fakes, 2)


# SageMaker refuses --------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["prepare", "create"])
def test_a_creation_that_sagemaker_refuses_for_good_is_told_as_failed_with_the_reason(fakes: Fakes, call: str) -> None:
    run = made(fakes, 1)
    fakes.endpoints.fail(call, QUOTA)
    release(fakes, run)
    assert status(fakes, run) is ReleaseStatus.FAILED
    assert "❌ failed version 1" in said(fakes, 1)
    assert "quota of ml.m5.large is 0" in said(fakes, 1)


def test_an_update_that_sagemaker_refuses_for_good_is_told_and_the_old_version_serves_on(fakes: Fakes) -> None:
    first, second = serving(fakes, 1), made(fakes, 2)
    fakes.endpoints.fail("update", QUOTA)
    release(fakes, second)
    changed(fakes)
    assert (status(fakes, first), status(fakes, second)) == (ReleaseStatus.SERVING, ReleaseStatus.FAILED)
    assert "quota of ml.m5.large is 0" in said(fakes, 2)


def test_after_a_refusal_the_retried_job_deploys(fakes: Fakes) -> None:
    run = made(fakes, 1)
    fakes.endpoints.fail("create", QUOTA)
    release(fakes, run)
    release(fakes, run, pipeline=902)
    assert "🔄 deploying version 1" in said(fakes, 1)
    assert "quota" not in said(fakes, 1)
    fakes.endpoints.succeed(ENDPOINT)
    changed(fakes)
    assert status(fakes, run) is ReleaseStatus.SERVING


@pytest.mark.parametrize("call", ["prepare", "update"])
def test_a_refusal_that_passes_leaves_the_release_waiting_and_it_is_never_said_to_be_rolled_back(
    fakes: Fakes, call: str
) -> None:
    serving(fakes, 1)
    second = made(fakes, 2)
    fakes.endpoints.fail(call)
    with pytest.raises(RetryableError):
        release(fakes, second)
    assert status(fakes, second) is ReleaseStatus.WAITING
    changed(fakes)
    assert status(fakes, second) is ReleaseStatus.DEPLOYING
    told_of(fakes, 2)
    fakes.endpoints.succeed(ENDPOINT)
    changed(fakes)
    assert "🟢 serving version 2" in said(fakes, 2)
    assert fakes.endpoints.deployed == [f"{ENDPOINT}-1", f"{ENDPOINT}-2"]


def test_a_change_whose_answer_was_lost_is_on_its_way_and_if_it_fails_was_rolled_back(fakes: Fakes) -> None:
    serving(fakes, 1)
    second = made(fakes, 2)
    fakes.endpoints.fail("update", after=True)
    with pytest.raises(RetryableError):
        release(fakes, second)
    plan = told_of(fakes, 2)
    assert plan is not None
    assert plan.action is Action.NOTHING
    assert "🔄 deploying version 2" in said(fakes, 2)
    fakes.endpoints.roll_back(ENDPOINT, "no answer to the ping")
    changed(fakes)
    assert status(fakes, second) is ReleaseStatus.ROLLED_BACK
    assert fakes.endpoints.deployed == [f"{ENDPOINT}-1", f"{ENDPOINT}-2"]


def test_a_change_that_ended_before_its_lost_answer_was_missed_serves(fakes: Fakes) -> None:
    run = made(fakes, 1)

    def ends() -> None:
        fakes.endpoints.succeed(ENDPOINT)
        changed(fakes)
        raise RetryableError("the answer is lost")

    fakes.endpoints.after("create", ends)
    with pytest.raises(RetryableError, match="the answer is lost"):
        release(fakes, run)
    told_of(fakes, 1)
    assert status(fakes, run) is ReleaseStatus.SERVING
    assert "🟢 serving version 1" in said(fakes, 1)


# Endpoints that need time, or a person ------------------------------------------------------


def test_an_endpoint_that_somebody_is_deleting_is_created_anew_when_it_is_gone(fakes: Fakes) -> None:
    serving(fakes, 1)
    second = made(fakes, 2)
    fakes.endpoints.deletes_slowly = True
    fakes.endpoints.delete(ENDPOINT)
    with pytest.raises(RetryableError, match="is being deleted"):
        release(fakes, second)
    fakes.endpoints.gone(ENDPOINT)
    plan = told_of(fakes, 2)
    assert plan is not None
    assert plan.action is Action.CREATE
    assert "🔄 deploying version 2" in said(fakes, 2)


def test_an_endpoint_that_needs_a_person_is_left_as_it_is_and_the_merge_request_is_told_why(fakes: Fakes) -> None:
    first, second = serving(fakes, 1), made(fakes, 2)
    fakes.endpoints.strand(ENDPOINT, "no capacity to go back")
    calls = len(fakes.endpoints.calls)
    plan = release(fakes, second)
    assert plan is not None
    assert plan.action is Action.REFUSE
    assert set(fakes.endpoints.calls[calls:]) == {"find"}
    assert "❌ failed version 2" in said(fakes, 2)
    assert "the endpoint needs a person: no capacity to go back" in said(fakes, 2)
    changed(fakes)
    assert "❌ failed version 1" in said(fakes, 1)
    assert (status(fakes, first), status(fakes, second)) == (ReleaseStatus.FAILED, ReleaseStatus.FAILED)


def test_a_release_that_got_stuck_on_its_way_has_failed_and_was_not_rolled_back(fakes: Fakes) -> None:
    serving(fakes, 1)
    second = made(fakes, 2)
    release(fakes, second)
    fakes.endpoints.strand(ENDPOINT, "the rollback failed, too")
    changed(fakes)
    assert status(fakes, second) is ReleaseStatus.FAILED
    assert "the rollback failed, too" in said(fakes, 2)


def test_when_a_person_has_mended_the_endpoint_the_retried_job_deploys(fakes: Fakes) -> None:
    serving(fakes, 1)
    second = made(fakes, 2)
    fakes.endpoints.strand(ENDPOINT, "no capacity")
    release(fakes, second)
    fakes.endpoints.succeed(ENDPOINT)
    told_of(fakes, approved(fakes, second, pipeline=903).version)
    fakes.endpoints.succeed(ENDPOINT)
    changed(fakes)
    assert "🟢 serving version 2" in said(fakes, 2)
