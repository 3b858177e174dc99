"""What the report function does by schedule: a daily look at its own token, and sweeps."""

from datetime import UTC, datetime, timedelta

import pytest

from lambdas.report.handler import handler as report
from mergemaker.domain.errors import ServiceError
from mergemaker.domain.run import Status
from tests.fakes.story import submitted
from tests.fakes.world import Fakes
from tests.lambdas.conftest import Log, event, message

pytestmark = pytest.mark.usefixtures("function")

DAILY = {
    **event("any"),
    "source": "aws.events",
    "detail-type": "Scheduled Event",
    "resources": ["arn:aws:events:eu-west-1:111122223333:rule/shop-daily"],
    "detail": {},
}


SWEEP = {**DAILY, "resources": ["arn:aws:events:eu-west-1:111122223333:rule/shop-sweep"]}


def batch(*bodies: dict[str, object]) -> dict[str, object]:
    return {"Records": [message(number, body) for number, body in enumerate(bodies)]}


def test_the_daily_event_opens_an_issue_and_its_repetition_none(fakes: Fakes) -> None:
    fakes.issues.end = datetime.now(UTC).date() + timedelta(days=3)
    assert report(batch(DAILY, DAILY), None) == {"batchItemFailures": []}
    assert len(fakes.issues.issues) == 1


def test_the_other_schedule_stops_the_runs_of_a_merge_request_that_was_closed(fakes: Fakes, log: Log) -> None:
    job = submitted(fakes).job
    assert report(batch(event("Training Job", TrainingJobName=job)), None) == {"batchItemFailures": []}
    fakes.merge_requests.states[7] = "closed"
    log()
    assert report(batch(SWEEP, SWEEP), None) == {"batchItemFailures": []}
    assert fakes.jobs.jobs[job].status is Status.STOPPING
    assert [line["result"] for line in log() if line["message"] == "done"] == [str([job]), "[]"]
    assert fakes.issues.calls == []


def test_it_also_has_models_retrained_whose_input_has_been_quiet_since_it_changed(fakes: Fakes, log: Log) -> None:
    fakes.default_branch.files["prices"] = 'data.retrain = "on-change"'
    created = {**DAILY, "source": "aws.s3", "detail-type": "Object Created", "time": "2026-03-01T12:00:00Z"}
    created |= {"detail": {"object": {"key": "prices/input/rows.csv"}}}
    assert report(batch(created, created), None) == {"batchItemFailures": []}
    assert {line["model"] for line in log()} == {"prices"}
    fakes.inputs.changed["prices"] -= timedelta(minutes=5)
    assert report(batch(SWEEP, SWEEP), None) == {"batchItemFailures": []}
    assert [line["result"] for line in log() if line["message"] == "done"] == [str(["prices"]), "[]"]
    assert len(fakes.default_branch.pipelines) == 1


def test_a_sweep_that_fails_keeps_no_model_from_being_retrained(fakes: Fakes) -> None:
    fakes.default_branch.files["prices"] = 'data.retrain = "on-change"'
    fakes.inputs.changed["prices"] = datetime.now(UTC) - timedelta(minutes=5)
    fakes.jobs.fail("going_on")
    assert report(batch(SWEEP), None) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert len(fakes.default_branch.pipelines) == 1


def test_another_projects_schedule_is_not_answered(fakes: Fakes, log: Log) -> None:
    other = {**DAILY, "resources": ["arn:aws:events:eu-west-1:111122223333:rule/rent-daily"]}
    assert report(batch(other), None) == {"batchItemFailures": []}
    assert fakes.issues.calls == []
    assert [line["message"] for line in log()] == ["not ours"]


def test_a_token_that_has_ended_leaves_its_message_for_the_dead_letters(fakes: Fakes, log: Log) -> None:
    fakes.issues.down = ServiceError("the token's end: GitLab refuses the token: put a valid one into the secret")
    assert report(batch(DAILY), None) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert any("GitLab refuses the token" in line.get("reason", "") for line in log())
