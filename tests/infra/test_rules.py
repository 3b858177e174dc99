"""Which events reach which queue."""

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest

from mergemaker.domain.events import DayPassed, parse_event
from mergemaker.domain.names import Names, submission_key
from tests.infra.stacks import ACCOUNT, PROJECT, REGION, Stacks

CASES = [
    ("aws.sagemaker", "SageMaker Training Job State Change", "report"),
    ("aws.s3", "Object Created", "report"),
    ("aws.sagemaker", "SageMaker Model Package State Change", "release"),
    ("aws.sagemaker", "SageMaker Endpoint State Change", "release"),
    ("aws.codebuild", "CodeBuild Build State Change", "start"),
]
DAILY = "Scheduled Event"
"""Of the rule that listens to nothing, and makes its own."""
cases = pytest.mark.parametrize(("source", "detail_type", "function"), CASES)


def rule_for(stacks: Stacks, detail_type: str) -> tuple[str, dict[str, Any]]:
    found = {
        name: one["Properties"]
        for name, one in stacks.of_type("AWS::Events::Rule").items()
        if one["Properties"].get("EventPattern", {}).get("detail-type") == [detail_type]
        or (detail_type == DAILY and "ScheduleExpression" in one["Properties"])
    }
    assert len(found) == 1
    return next(iter(found.items()))


def test_no_other_event_is_listened_to(stacks: Stacks) -> None:
    rules = [one["Properties"] for one in stacks.of_type("AWS::Events::Rule").values()]
    found = {one["EventPattern"]["detail-type"][0] for one in rules if "EventPattern" in one}

    assert found == {detail_type for _, detail_type, _ in CASES}
    assert len(rules) == len(CASES) + 1, "and the daily one"


@cases
def test_an_event_goes_to_its_functions_queue(stacks: Stacks, source: str, detail_type: str, function: str) -> None:
    _, rule = rule_for(stacks, detail_type)
    (target,) = rule["Targets"]

    assert rule["State"] == "ENABLED"
    assert rule["EventPattern"]["source"] == [source]
    assert stacks.target(target["Arn"])["Properties"]["QueueName"] == f"{PROJECT}-{function}"


def test_the_report_function_is_woken_once_a_day_by_a_rule_whose_name_it_knows(stacks: Stacks) -> None:
    _, rule = rule_for(stacks, DAILY)
    (target,) = rule["Targets"]
    event = {
        "source": "aws.events",
        "detail-type": DAILY,
        "account": ACCOUNT,
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{rule['Name']}"],
        "detail": {},
    }

    assert (rule["State"], rule["ScheduleExpression"]) == ("ENABLED", "rate(1 day)")
    assert stacks.target(target["Arn"])["Properties"]["QueueName"] == f"{PROJECT}-report"
    assert "Input" not in target, "the event goes as it is"
    assert parse_event(json.dumps(event), Names(PROJECT, ACCOUNT, REGION)) == DayPassed()


with_daily = pytest.mark.parametrize(("source", "detail_type", "function"), [*CASES, ("aws.events", DAILY, "report")])


@with_daily
def test_what_cannot_be_delivered_is_kept(stacks: Stacks, source: str, detail_type: str, function: str) -> None:
    _, rule = rule_for(stacks, detail_type)
    (target,) = rule["Targets"]

    assert stacks.target(target["DeadLetterConfig"]["Arn"])["Properties"]["QueueName"] == f"{PROJECT}-{function}-dead"


@cases
def test_events_of_other_accounts_are_not_heard(stacks: Stacks, source: str, detail_type: str, function: str) -> None:
    assert rule_for(stacks, detail_type)[1]["EventPattern"]["account"] == [ACCOUNT]


@pytest.mark.parametrize(
    ("detail_type", "detail"),
    [
        ("SageMaker Training Job State Change", {"RoleArn": [f"arn:aws:iam::{ACCOUNT}:role/{PROJECT}-execution"]}),
        (
            "Object Created",
            {
                "bucket": {"name": [f"{PROJECT}-{ACCOUNT}-{REGION}"]},
                "object": {"key": [{"wildcard": "*/code/submissions/*"}]},
            },
        ),
        ("SageMaker Model Package State Change", {"ModelPackageGroupName": [{"prefix": f"{PROJECT}-"}]}),
        ("SageMaker Endpoint State Change", {"EndpointName": [{"prefix": f"{PROJECT}-"}]}),
        (
            "CodeBuild Build State Change",
            {"project-name": [f"{PROJECT}-image"], "build-status": [{"anything-but": ["IN_PROGRESS"]}]},
        ),
    ],
)
def test_only_this_projects_events_pass(stacks: Stacks, detail_type: str, detail: dict[str, Any]) -> None:
    assert rule_for(stacks, detail_type)[1]["EventPattern"]["detail"] == detail


def test_every_submission_is_heard_and_no_other_object(stacks: Stacks) -> None:
    (pattern,) = rule_for(stacks, "Object Created")[1]["EventPattern"]["detail"]["object"]["key"]

    assert fnmatchcase(submission_key("diabetes", "diabetes-0123456789ab", 7), pattern["wildcard"])
    for key in ("diabetes/code/abc.tar.gz", "diabetes/code/waiting/tag/job.json", "diabetes/output/job/output/x"):
        assert not fnmatchcase(key, pattern["wildcard"])


@pytest.mark.parametrize("suffix", ["", "-dead"])
@with_daily
def test_only_the_rule_may_send(stacks: Stacks, source: str, detail_type: str, function: str, suffix: str) -> None:
    """Whoever else can send to the queue could make the function act on an event that never was."""
    rules = {
        name
        for name, one in stacks.of_type("AWS::Events::Rule").items()
        if stacks.target(one["Properties"]["Targets"][0]["Arn"])["Properties"]["QueueName"] == f"{PROJECT}-{function}"
    }
    allowed = [one for one in stacks.queue_policies(f"{PROJECT}-{function}{suffix}") if one["Effect"] == "Allow"]
    senders = [one["Condition"]["ArnEquals"]["aws:SourceArn"]["Fn::GetAtt"][0] for one in allowed]

    assert rule_for(stacks, detail_type)[0] in senders
    assert set(senders) == rules
    assert {one["Principal"]["Service"] for one in allowed} == {"events.amazonaws.com"}
