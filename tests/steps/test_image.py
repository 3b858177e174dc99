"""The end of a build starts what waited for it, or tells why it can't start."""

import pytest

from mergemaker.domain.errors import MergemakerError, RetryableError, ServiceError, UsageError
from mergemaker.domain.names import waiting_prefix
from mergemaker.domain.run import Status
from mergemaker.steps.begin import How
from mergemaker.steps.image import build_ended
from mergemaker.steps.report import report
from tests.fakes.made import folder, origin
from tests.fakes.story import completed, submitted
from tests.fakes.world import Fakes

TAG = folder().image_tag


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


def ended(fakes: Fakes, build: str) -> list[str]:
    return build_ended(TAG, build, world=fakes.world, clock=fakes.now)


def waiting(fakes: Fakes) -> list[str]:
    return [key for key in fakes.files.objects if key.startswith(waiting_prefix("prices", TAG))]


def test_all_that_waited_for_the_image_start_with_it(fakes: Fakes) -> None:
    one = submitted(fakes, image=False).job
    two = submitted(fakes, folder(code="other"), origin(merge_request=8), image=False).job
    assert sorted(ended(fakes, fakes.images.finish(TAG))) == sorted([one, two])
    assert fakes.jobs.jobs[one].work.image == fakes.images.images[TAG]
    assert fakes.jobs.requests[two].lineage.origin.merge_request == 8
    assert waiting(fakes) == []


def test_a_second_event_of_the_same_build_does_nothing(fakes: Fakes) -> None:
    submitted(fakes, image=False)
    build = fakes.images.finish(TAG)
    ended(fakes, build)
    calls = list(fakes.jobs.calls)
    assert ended(fakes, build) == []
    assert fakes.jobs.calls == calls


def test_a_failed_build_is_told_on_the_merge_request_of_each_run_that_waited(fakes: Fakes) -> None:
    submitted(fakes, image=False)
    submitted(fakes, folder(code="other"), origin(merge_request=8), image=False)
    ended(fakes, fakes.images.break_build(TAG, "build 1 ended as FAILED\nno matching distribution for scikit-lern"))
    for merge_request in (7, 8):
        note = fakes.merge_requests.only(merge_request)
        assert "❌ **prices** · failed" in note
        assert "  the image could not be built: build 1 ended as FAILED" in note
        assert "  no matching distribution for scikit-lern" in note
    assert fakes.merge_requests.status.state == "failed"
    assert waiting(fakes) == []
    assert fakes.jobs.jobs == {}


def test_after_a_failed_build_the_next_submit_builds_and_trains_under_the_same_name(fakes: Fakes) -> None:
    first = submitted(fakes, image=False).job
    ended(fakes, fakes.images.break_build(TAG, "out of luck"))
    again = submitted(fakes, image=False)
    assert (again.job, again.how) == (first, How.WAITS_FOR_IMAGE)
    assert len(fakes.images.builds) == 2
    ended(fakes, fakes.images.finish(TAG))
    fakes.jobs.move(first, Status.IN_PROGRESS, created=fakes.now())
    report(first, fakes.world)
    assert "training" in fakes.merge_requests.only(7)
    completed(fakes, first, {"rmse": 50.0})
    report(first, fakes.world)
    assert "✅ **prices** · `rmse` **50**" in fakes.merge_requests.only(7)


def test_a_late_word_of_the_failed_build_does_not_hide_the_run_that_came_after(fakes: Fakes) -> None:
    job = submitted(fakes).job
    completed(fakes, job, {"rmse": 50.0})
    report(job, fakes.world)
    assert ended(fakes, fakes.images.break_build("other-0123456789abcdef", "no")) == []
    assert "✅" in fakes.merge_requests.only(7)


def test_a_run_that_sagemaker_refuses_for_good_is_told_why_and_the_others_start(fakes: Fakes) -> None:
    jobs = {}
    for merge_request in (7, 8, 9):
        who = origin(merge_request=merge_request, pipeline=10 * merge_request)
        jobs[merge_request] = submitted(fakes, folder(code=f"code {merge_request}"), who, image=False).job
    first = min(jobs, key=lambda merge_request: jobs[merge_request])
    fakes.jobs.fail("start", ServiceError("AWS says ResourceLimitExceeded: quota of ml.m5.large is 0"))
    ended(fakes, fakes.images.finish(TAG))
    assert sorted(fakes.jobs.jobs) == sorted(job for merge_request, job in jobs.items() if merge_request != first)
    assert "❌ **prices** · failed" in fakes.merge_requests.only(first)
    assert "the job could not be started: AWS says ResourceLimitExceeded: quota" in fakes.merge_requests.only(first)
    assert (fakes.merge_requests.status.state, fakes.merge_requests.status.pipeline) == ("failed", 10 * first)
    assert waiting(fakes) == []


def test_while_gitlab_is_away_the_others_start_and_the_refusal_is_told_later(fakes: Fakes) -> None:
    one = submitted(fakes, image=False).job
    two = submitted(fakes, folder(code="other"), origin(merge_request=8, pipeline=80), image=False).job
    fakes.jobs.fail("start", ServiceError("quota"))
    fakes.merge_requests.down = RetryableError("GitLab can't be reached")
    build = fakes.images.finish(TAG)
    with pytest.raises(RetryableError, match="GitLab"):
        ended(fakes, build)
    assert len(fakes.jobs.jobs) == 1
    assert len(waiting(fakes)) == 1
    fakes.merge_requests.down = None
    ended(fakes, build)
    assert sorted(fakes.jobs.jobs) == sorted([one, two]), "what was refused may be taken by now"
    assert waiting(fakes) == []


def test_a_refused_run_is_started_by_the_next_submit_under_the_same_name(fakes: Fakes) -> None:
    job = submitted(fakes, image=False).job
    fakes.jobs.fail("start", ServiceError("quota"))
    ended(fakes, fakes.images.finish(TAG))
    again = submitted(fakes, who=origin(pipeline=71))
    assert (again.job, again.how) == (job, How.STARTED)
    fakes.jobs.move(job, Status.IN_PROGRESS, created=fakes.now())
    report(job, fakes.world)
    assert "training" in fakes.merge_requests.only(7)


def test_a_failed_builds_event_leaves_the_runs_alone_that_wait_for_a_newer_build(fakes: Fakes) -> None:
    submitted(fakes, image=False)
    failed = fakes.images.break_build(TAG, "the network was away")
    job = submitted(fakes, who=origin(pipeline=71), image=False).job
    assert ended(fakes, failed) == []
    assert len(waiting(fakes)) == 1
    assert fakes.merge_requests.notes == {}
    assert ended(fakes, fakes.images.finish(TAG)) == [job]
    assert list(fakes.jobs.jobs) == [job]


def test_an_image_that_ecr_does_not_show_yet_is_tried_again(fakes: Fakes) -> None:
    submitted(fakes, image=False)
    fakes.images.going_on.clear()
    with pytest.raises(RetryableError, match="not in the registry yet"):
        ended(fakes, "arn:aws:codebuild:eu-west-1:111122223333:build/shop-image:1")
    assert len(waiting(fakes)) == 1


@pytest.mark.parametrize(
    ("port", "call"), [("jobs", "start"), ("files", "delete"), ("files", "read"), ("images", "find")]
)
@pytest.mark.parametrize("after", [False, True])
def test_whatever_fails_the_next_try_starts_each_run_once(fakes: Fakes, port: str, call: str, after: bool) -> None:
    job = submitted(fakes, image=False).job
    build = fakes.images.finish(TAG)
    getattr(fakes, port).fail(call, after=after)
    with pytest.raises(MergemakerError):
        ended(fakes, build)
    ended(fakes, build)
    assert list(fakes.jobs.jobs) == [job]
    assert waiting(fakes) == []


def test_a_waiting_run_that_was_tampered_with_is_an_error(fakes: Fakes) -> None:
    submitted(fakes, image=False)
    fakes.files.put(waiting(fakes)[0], b"{}")
    with pytest.raises(UsageError, match="not a waiting run"):
        ended(fakes, fakes.images.finish(TAG))
