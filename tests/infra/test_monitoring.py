"""Alarms, whom they reach, and the dashboard."""

import json
import re
from typing import Any

import pytest

from lambdas.counting import embedded
from mergemaker.domain.names import Names
from mergemaker.domain.watching import Count, alarm_topic_arn
from tests.infra.stacks import ACCOUNT, PROJECT, REGION, Stacks

functions = pytest.mark.parametrize("name", ["report", "release", "start"])


def alarm(stacks: Stacks, name: str, kind: str) -> dict[str, Any]:
    return stacks.properties("AWS::CloudWatch::Alarm", AlarmName=f"{PROJECT}-{name}-{kind}")


def widgets(stacks: Stacks) -> list[dict[str, Any]]:
    """With each reference to a resource as its logical id."""
    body = stacks.properties("AWS::CloudWatch::Dashboard")["DashboardBody"]
    parts = body["Fn::Join"][1]
    text = "".join(part if isinstance(part, str) else str(part.get("Ref", part)).replace('"', "'") for part in parts)
    found: list[dict[str, Any]] = json.loads(text)["widgets"]
    return found


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


def test_a_release_that_fails_is_an_alarm_on_what_the_release_function_counts(stacks: Stacks) -> None:
    one = stacks.properties("AWS::CloudWatch::Alarm", AlarmName=f"{PROJECT}-failed-releases")
    line: Any = embedded({Count.FAILED_RELEASES: 1}, PROJECT)

    assert one["Namespace"] == line["_aws"]["CloudWatchMetrics"][0]["Namespace"]
    assert one["MetricName"] == line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"]
    assert one["Dimensions"] == [{"Name": "Project", "Value": line["Project"]}]
    assert (one["Statistic"], one["Period"], one["EvaluationPeriods"]) == ("Sum", 300, 1)
    assert (one["ComparisonOperator"], one["Threshold"]) == ("GreaterThanThreshold", 0)


def test_the_alarms_of_endpoints_tell_the_same_topic(stacks: Stacks) -> None:
    """Those that the release step makes: it knows the topic by its name."""
    topic = stacks.properties("AWS::SNS::Topic")["TopicName"]

    assert alarm_topic_arn(Names(PROJECT, ACCOUNT, REGION)) == f"arn:aws:sns:{REGION}:{ACCOUNT}:{topic}"


def test_who_is_named_in_the_settings_is_written_to_and_else_nobody(stacks: Stacks, strict_stacks: Stacks) -> None:
    one = strict_stacks.properties("AWS::SNS::Subscription")

    assert (one["Protocol"], one["Endpoint"]) == ("email", "team@example.com")
    assert strict_stacks.target(one["TopicArn"])["Properties"]["TopicName"] == f"{PROJECT}-alarms"
    assert not [one for one in stacks.resources.values() if one["Type"] == "AWS::SNS::Subscription"]


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


def test_the_dashboard_shows_runs_failures_cost_endpoints_and_every_function(stacks: Stacks) -> None:
    text = json.dumps(widgets(stacks))

    assert stacks.properties("AWS::CloudWatch::Dashboard")["DashboardName"] == PROJECT
    assert all(f'["Mergemaker", "{name}", "Project", "{PROJECT}"' in text for name in Count)
    assert all(f"{name}: oldest message, dead letters" in text for name in ("report", "release", "start"))
    assert f"EndpointName={PROJECT}" in text


def test_the_dashboards_tables_read_the_logs_of_the_functions(stacks: Stacks) -> None:
    groups = {one["Properties"]["LogGroupName"] for one in stacks.of_type("AWS::Logs::LogGroup").values()}
    queries = [one["properties"]["query"] for one in widgets(stacks) if one["type"] == "log"]

    assert len(queries) == 2
    for query in queries:
        read = re.findall(r"SOURCE '([^']+)'", query)
        assert len(read) == 3
        assert set(read) <= groups


def test_the_dashboards_widgets_fill_a_grid_without_a_gap(stacks: Stacks) -> None:
    tiles = [
        (x, y)
        for one in widgets(stacks)
        for x in range(one["x"], one["x"] + one["width"])
        for y in range(one["y"], one["y"] + one["height"])
    ]
    bottom = max(y for _, y in tiles)

    assert len(tiles) == len(set(tiles)) == 24 * (bottom + 1)
