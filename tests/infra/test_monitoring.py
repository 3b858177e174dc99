"""Alarms, whom they reach, and the dashboard."""

import json
from typing import Any

import pytest

from tests.infra.stacks import ACCOUNT, PROJECT, Stacks

functions = pytest.mark.parametrize("name", ["report", "release", "image"])


def alarm(stacks: Stacks, name: str, kind: str) -> dict[str, Any]:
    return stacks.properties("AWS::CloudWatch::Alarm", AlarmName=f"{PROJECT}-{name}-{kind}")


def watched(stacks: Stacks, one: dict[str, Any]) -> str:
    """Name of the queue or function that an alarm watches."""
    (dimension,) = one["Dimensions"]
    target = stacks.target(dimension["Value"])["Properties"]
    return str(target.get("QueueName", target.get("FunctionName")))


@functions
def test_one_dead_letter_is_an_alarm(stacks: Stacks, name: str) -> None:
    one = alarm(stacks, name, "dead-letters")

    assert watched(stacks, one) == f"{PROJECT}-{name}-dead"
    assert one["MetricName"] == "ApproximateNumberOfMessagesVisible"
    assert (one["ComparisonOperator"], one["Threshold"], one["EvaluationPeriods"]) == ("GreaterThanThreshold", 0, 1)


@functions
@pytest.mark.parametrize(("kind", "metric"), [("errors", "Errors"), ("throttles", "Throttles")])
def test_errors_and_throttles_that_last_are_an_alarm(stacks: Stacks, name: str, kind: str, metric: str) -> None:
    one = alarm(stacks, name, kind)

    assert watched(stacks, one) == f"{PROJECT}-{name}"
    assert (one["Namespace"], one["MetricName"], one["Statistic"]) == ("AWS/Lambda", metric, "Sum")
    assert (one["ComparisonOperator"], one["Threshold"]) == ("GreaterThanThreshold", 0)
    assert one["EvaluationPeriods"] * one["Period"] == 15 * 60


@functions
def test_a_message_that_waits_for_a_quarter_of_an_hour_is_an_alarm(stacks: Stacks, name: str) -> None:
    one = alarm(stacks, name, "oldest-message")

    assert watched(stacks, one) == f"{PROJECT}-{name}"
    assert one["MetricName"] == "ApproximateAgeOfOldestMessage"
    assert one["Threshold"] == 15 * 60


def test_every_alarm_reaches_the_topic_says_what_to_do_and_is_quiet_where_nothing_runs(stacks: Stacks) -> None:
    for one in stacks.of_type("AWS::CloudWatch::Alarm").values():
        (action,) = one["Properties"]["AlarmActions"]

        assert stacks.target(action)["Properties"]["TopicName"] == f"{PROJECT}-alarms"
        assert len(one["Properties"]["AlarmDescription"].split()) > 8
        assert one["Properties"]["TreatMissingData"] == "notBreaching"


def test_the_topic_is_encrypted_takes_tls_only_and_only_this_accounts_alarms(stacks: Stacks) -> None:
    statements = stacks.properties("AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    by_effect = {one["Effect"]: one for one in statements}

    assert stacks.properties("AWS::SNS::Topic")["KmsMasterKeyId"] == f"alias/{PROJECT}"
    assert len(statements) == 2
    assert by_effect["Deny"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert by_effect["Allow"]["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert by_effect["Allow"]["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


def test_the_dashboard_shows_every_function_and_whatever_endpoints_there_are(stacks: Stacks) -> None:
    dashboard = stacks.properties("AWS::CloudWatch::Dashboard")
    text = json.dumps(dashboard["DashboardBody"])

    assert dashboard["DashboardName"] == PROJECT
    assert all(f"{name}: oldest message, dead letters" in text for name in ("report", "release", "image"))
    assert f"EndpointName={PROJECT}" in text
