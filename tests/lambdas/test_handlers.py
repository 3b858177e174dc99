"""From a batch of messages to what SQS must deliver again."""

import socket
from dataclasses import replace
from typing import Any

import pytest

from lambdas.queue import Function
from lambdas.release.handler import handler as release
from lambdas.report.handler import handler as report
from lambdas.start.handler import handler as start
from mergemaker.adapters.merge_requests import GitLabMergeRequests
from mergemaker.domain.errors import UsageError
from mergemaker.domain.names import SMOKE, submission_key, waiting_key
from mergemaker.domain.settings import GitLab
from mergemaker.domain.stack_diff import to_json
from tests.domain.test_stack_diff import DIFF, JOB
from tests.fakes.made import MODEL_TOML, folder, origin
from tests.fakes.registry import PACKAGES
from tests.fakes.story import approved, completed, submitted, trained
from tests.fakes.world import Fakes
from tests.lambdas.conftest import Log, event, message

pytestmark = pytest.mark.usefixtures("function")


def failed(answer: Any) -> list[str]:
    return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


def job_event(name: str) -> dict[str, object]:
    return event("Training Job", TrainingJobName=name)


def test_of_a_poison_a_foreign_and_a_good_message_only_the_poison_comes_again(fakes: Fakes, log: Log) -> None:
    job = submitted(fakes).job
    foreign = {**job_event(job), "account": "444455556666"}
    batch = {"Records": [message(1, "no event"), message(2, foreign), message(3, job_event(job))]}
    assert failed(report(batch, None)) == ["m1"]
    assert job in fakes.merge_requests.only(7)
    said = log()
    assert [line["message"] for line in said] == ["failed", "not ours", "event", "done"]
    assert said[0]["reason"] == "not an event of EventBridge: JSONDecodeError"
    assert said[0]["retryable"] is False


def test_an_empty_batch_is_done() -> None:
    assert failed(report({"Records": []}, None)) == []


def test_a_call_that_fails_brings_back_only_its_message(fakes: Fakes, log: Log) -> None:
    one, two = submitted(fakes).job, submitted(fakes, folder(code="other")).job
    fakes.merge_requests.fail("create_note")
    batch = {"Records": [message(1, job_event(one)), message(2, job_event(two))]}
    assert failed(report(batch, None)) == ["m1"]
    assert failed(report({"Records": batch["Records"][:1]}, None)) == []
    assert [line["retryable"] for line in log() if line["message"] == "failed"] == [True]


def test_a_fault_in_the_program_is_logged_with_its_traceback_and_comes_again(fakes: Fakes, log: Log) -> None:
    job = submitted(fakes).job
    fakes.jobs.fail("find", ZeroDivisionError("oh"))
    assert failed(report({"Records": [message(1, job_event(job))]}, None)) == ["m1"]
    (fault,) = [line for line in log() if line["level"] == "ERROR"]
    assert "ZeroDivisionError: oh" in fault["exception"]
    assert "test_handlers" in fault["exception"] or "report.py" in fault["exception"]


def test_a_message_without_a_body_comes_again(log: Log) -> None:
    assert failed(report({"Records": [{"messageId": "m1"}]}, None)) == ["m1"]
    assert "KeyError" in log()[-1]["exception"]


def test_while_gitlab_can_not_be_reached_the_message_comes_again_and_nothing_is_done_twice(
    fakes: Fakes, function: Function, log: Log
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = probe.getsockname()[1]
    where = GitLab(f"http://127.0.0.1:{closed}", 5, "team/shop")
    away = GitLabMergeRequests(where, lambda: "token-1", sleep=lambda _: None)
    job = submitted(fakes).job
    completed(fakes, job, {"rmse": 1.0})
    function.world = replace(fakes.world, merge_requests=away)
    batch = {"Records": [message(1, job_event(job))]}
    assert failed(report(batch, None)) == ["m1"]
    (fault,) = [line for line in log() if line["level"] == "ERROR"]
    assert f"http://127.0.0.1:{closed} can't be reached" in fault["reason"]
    assert fault["retryable"] is True
    assert "token-1" not in str(fault)
    function.world = fakes.world
    assert failed(report(batch, None)) == []
    assert "✅" in fakes.merge_requests.only(7)
    assert fakes.files["prices/reports.csv"].count(b"\n") == 2
    assert len(fakes.registry.groups["shop-prices"]) == 1


@pytest.mark.parametrize("handler", [report, start, release])
def test_an_event_for_another_function_is_no_silence(handler: Any, log: Log) -> None:
    other = event("Endpoint", EndpointName="shop-prices-staging") if handler is not release else job_event("j")
    assert failed(handler({"Records": [message(1, other)]}, None)) == ["m1"]
    assert "not for this function" in log()[-1]["reason"]


def test_an_approval_and_then_the_endpoints_event_go_to_their_steps(fakes: Fakes) -> None:
    run = trained(fakes)
    approved(fakes, run)
    package = event("Model Package", ModelPackageArn=f"{PACKAGES}/shop-prices/1")
    assert failed(release({"Records": [message(1, package)]}, None)) == []
    fakes.endpoints.succeed("shop-prices-staging")
    changed = event("Endpoint", EndpointName="shop-prices-staging")
    assert failed(release({"Records": [message(2, changed)]}, None)) == []
    assert "🟢 serving version 1" in fakes.merge_requests.only(7)


def test_a_run_that_waits_and_the_end_of_its_smoke_run_go_to_their_steps(fakes: Fakes) -> None:
    waits = submitted(fakes, folder(f"[smoke]\n{MODEL_TOML}")).job
    stored = {"bucket": {"name": fakes.names.bucket}, "object": {"key": waiting_key("prices", SMOKE, waits)}}
    left = {**event("any"), "source": "aws.s3", "detail-type": "Object Created", "detail": stored}
    assert failed(start({"Records": [message(1, left)]}, None)) == []
    (smoke,) = fakes.jobs.jobs
    completed(fakes, smoke)
    batch = {"Records": [message(1, job_event(smoke))]}
    assert failed(report(batch, None)) == failed(start(batch, None)) == []
    assert list(fakes.jobs.jobs) == [smoke, waits]
    assert failed(start({"Records": [message(1, job_event(waits))]}, None)) == []


def submission_event(job: str, pipeline: int) -> dict[str, object]:
    """What S3 sends when submit has left word of who asked."""
    detail = {
        "bucket": {"name": "shop-111122223333-eu-west-1"},
        "object": {"key": submission_key("prices", job, pipeline)},
    }
    return {**event("any"), "source": "aws.s3", "detail-type": "Object Created", "detail": detail}


def test_a_second_merge_request_that_asks_for_the_same_work_is_told_by_s3s_event(fakes: Fakes) -> None:
    job = trained(fakes).job
    submitted(fakes, who=origin(merge_request=8, pipeline=80))
    assert failed(report({"Records": [message(1, submission_event(job, 80))]}, None)) == []
    assert "✅" in fakes.merge_requests.only(8)


def test_what_a_pipeline_would_change_of_the_stacks_is_told_by_s3s_event(fakes: Fakes, log: Log) -> None:
    fakes.files.put(JOB.key, to_json(JOB, DIFF))
    detail = {"bucket": {"name": "shop-111122223333-eu-west-1"}, "object": {"key": JOB.key}}
    left = {**event("any"), "source": "aws.s3", "detail-type": "Object Created", "detail": detail}
    assert failed(report({"Records": [message(1, left)]}, None)) == []
    assert "[pipeline 70](https://gitlab.example.com/team/shop/-/pipelines/70)" in fakes.merge_requests.only(7)
    assert {line["merge_request"] for line in log()} == {7}


def test_a_submission_with_junk_in_it_comes_again_alone(fakes: Fakes, log: Log) -> None:
    job = trained(fakes).job
    submitted(fakes, who=origin(merge_request=8, pipeline=80))
    fakes.files.put(submission_key("prices", job, 81), b'{"name": 3}')
    batch = {"Records": [message(1, submission_event(job, 81)), message(2, submission_event(job, 80))]}
    assert failed(report(batch, None)) == ["m1"]
    assert "✅" in fakes.merge_requests.only(8)
    assert [line["retryable"] for line in log() if line["level"] == "ERROR"] == [False]


def test_a_hostile_name_is_one_line_of_the_log(fakes: Fakes, log: Log) -> None:
    hostile = job_event('x\n{"level": "INFO", "message": "all is well"}\x1b[2J')
    assert failed(report({"Records": [message(1, hostile)]}, None)) == ["m1"]
    assert [line["message"] for line in log()] == ["failed"]


def test_a_function_without_its_environment_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MERGEMAKER_GITLAB")
    with pytest.raises(UsageError, match="not as `cdk deploy` sets it"):
        Function()
