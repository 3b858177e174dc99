"""Which events reach which queue."""

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest

from mergemaker.domain.events import DayPassed, Event, JobChanged, PreparationChanged, RunWaits, SweepDue, parse_event
from mergemaker.domain.names import Names, submission_key, waiting_key
from tests.infra.stacks import ACCOUNT, PROJECT, REGION, Stacks

CASES = [
    ("aws.sagemaker", "SageMaker Training Job State Change", "report"),
    ("aws.s3", "Object Created", "report"),
    ("aws.sagemaker", "SageMaker Model Package State Change", "release"),
    ("aws.sagemaker", "SageMaker Endpoint State Change", "release"),
    ("aws.codebuild", "CodeBuild Build State Change", "start"),
    ("aws.sagemaker", "SageMaker Processing Job State Change", "start"),
    ("aws.sagemaker", "SageMaker Training Job State Change", "start"),
    ("aws.s3", "Object Created", "start"),
]
BY_ROLE = {"RoleArn": [f"arn:aws:iam::{ACCOUNT}:role/{PROJECT}-execution"]}
BUCKET = {"name": [f"{PROJECT}-{ACCOUNT}-{REGION}"]}
SCHEDULES: dict[str, tuple[str, Event]] = {
    "Every 1 day": ("rate(1 day)", DayPassed()),
    "Every 5 minutes": ("rate(5 minutes)", SweepDue()),
}
"""By how their rules are described, which listen to nothing and make their own events."""
cases = pytest.mark.parametrize(("source", "detail_type", "function"), CASES)


def rule_for(stacks: Stacks, detail_type: str, function: str) -> tuple[str, dict[str, Any]]:
    found = {
        name: one["Properties"]
        for name, one in stacks.of_type("AWS::Events::Rule").items()
        if one["Properties"].get("EventPattern", {}).get("detail-type") == [detail_type]
        or (detail_type in SCHEDULES and one["Properties"]["Description"].startswith(f"{detail_type},"))
        if queue_of(stacks, one) == f"{PROJECT}-{function}"
    }
    assert len(found) == 1
    return next(iter(found.items()))


def queue_of(stacks: Stacks, rule: dict[str, Any]) -> str:
    """Where a rule's first target sends to."""
    return str(stacks.target(rule["Properties"]["Targets"][0]["Arn"])["Properties"]["QueueName"])


def test_no_other_event_is_listened_to(stacks: Stacks) -> None:
    rules = list(stacks.of_type("AWS::Events::Rule").values())
    patterns = [(one["Properties"]["EventPattern"], one) for one in rules if "EventPattern" in one["Properties"]]
    found = [(*pattern["source"], *pattern["detail-type"], queue_of(stacks, one)) for pattern, one in patterns]

    assert sorted(found) == sorted((source, kind, f"{PROJECT}-{function}") for source, kind, function in CASES)
    assert len(rules) == len(CASES) + len(SCHEDULES)


@cases
def test_an_event_goes_to_its_functions_queue(stacks: Stacks, source: str, detail_type: str, function: str) -> None:
    _, rule = rule_for(stacks, detail_type, function)

    assert rule["State"] == "ENABLED"
    assert rule["EventPattern"]["source"] == [source]
    assert len(rule["Targets"]) == 1


@pytest.mark.parametrize("described", SCHEDULES)
def test_the_report_function_is_woken_by_rules_whose_names_it_knows(stacks: Stacks, described: str) -> None:
    rate, parsed = SCHEDULES[described]
    _, rule = rule_for(stacks, described, "report")
    (target,) = rule["Targets"]
    event = {
        "source": "aws.events",
        "detail-type": "Scheduled Event",
        "account": ACCOUNT,
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{rule['Name']}"],
        "detail": {},
    }

    assert (rule["State"], rule["ScheduleExpression"]) == ("ENABLED", rate)
    assert "Input" not in target, "the event goes as it is"
    assert parse_event(json.dumps(event), Names(PROJECT, ACCOUNT, REGION)) == parsed


all_rules = pytest.mark.parametrize(
    ("source", "detail_type", "function"), [*CASES, *(("aws.events", one, "report") for one in SCHEDULES)]
)


@all_rules
def test_what_cannot_be_delivered_is_kept(stacks: Stacks, source: str, detail_type: str, function: str) -> None:
    _, rule = rule_for(stacks, detail_type, function)
    (target,) = rule["Targets"]

    assert stacks.target(target["DeadLetterConfig"]["Arn"])["Properties"]["QueueName"] == f"{PROJECT}-{function}-dead"


@cases
def test_events_of_other_accounts_are_not_heard(stacks: Stacks, source: str, detail_type: str, function: str) -> None:
    assert rule_for(stacks, detail_type, function)[1]["EventPattern"]["account"] == [ACCOUNT]


@pytest.mark.parametrize(
    ("detail_type", "function", "detail"),
    [
        ("SageMaker Training Job State Change", "report", BY_ROLE),
        (
            "SageMaker Processing Job State Change",
            "start",
            {**BY_ROLE, "ProcessingJobStatus": ["Completed", "Failed", "Stopped"]},
        ),
        (
            "SageMaker Training Job State Change",
            "start",
            {**BY_ROLE, "TrainingJobStatus": ["Completed", "Failed", "Stopped"]},
        ),
        (
            "Object Created",
            "report",
            {"bucket": BUCKET, "object": {"key": [{"wildcard": "*/code/submissions/*"}, {"wildcard": "*/input/*"}]}},
        ),
        ("Object Created", "start", {"bucket": BUCKET, "object": {"key": [{"wildcard": "*/code/waiting/*"}]}}),
        ("SageMaker Model Package State Change", "release", {"ModelPackageGroupName": [{"prefix": f"{PROJECT}-"}]}),
        ("SageMaker Endpoint State Change", "release", {"EndpointName": [{"prefix": f"{PROJECT}-"}]}),
        (
            "CodeBuild Build State Change",
            "start",
            {"project-name": [f"{PROJECT}-image"], "build-status": [{"anything-but": ["IN_PROGRESS"]}]},
        ),
    ],
)
def test_only_this_projects_events_pass(
    stacks: Stacks, detail_type: str, function: str, detail: dict[str, Any]
) -> None:
    assert rule_for(stacks, detail_type, function)[1]["EventPattern"]["detail"] == detail


@pytest.mark.parametrize(
    ("function", "heard"),
    [
        ("report", submission_key("diabetes", "diabetes-0123456789ab", 7)),
        ("report", "diabetes/input/train/rows.csv"),
        ("start", waiting_key("diabetes", "diabetes-prepare-0123456789ab", "diabetes-0123456789ab")),
    ],
)
def test_every_request_is_heard_where_it_belongs_and_no_other_object(stacks: Stacks, function: str, heard: str) -> None:
    patterns = rule_for(stacks, "Object Created", function)[1]["EventPattern"]["detail"]["object"]["key"]
    folder = f"/{heard.split('/')[2] if '/code/' in heard else 'input'}/"
    (pattern,) = [one for one in patterns if folder in one["wildcard"]]

    keys = [heard, "diabetes/code/abc.tar.gz", "diabetes/output/job/output/x", "diabetes/prepared/key/train/x"]
    keys += [submission_key("diabetes", "job", 7), waiting_key("diabetes", "tag", "job")]
    assert [key for key in keys if fnmatchcase(key, pattern["wildcard"])] == [key for key in keys if folder in key]


def test_what_the_rules_let_through_is_what_the_functions_read(stacks: Stacks) -> None:
    """A rule's event has the shape that the function's own parser takes."""
    names = Names(PROJECT, ACCOUNT, REGION)
    job, key = "diabetes-prepare-0123456789ab", waiting_key("diabetes", "tag", "job")
    said = {
        "SageMaker Processing Job State Change": ({"ProcessingJobName": job}, PreparationChanged(job)),
        "SageMaker Training Job State Change": ({"TrainingJobName": job}, JobChanged(job)),
        "Object Created": ({"object": {"key": key}}, RunWaits(key)),
    }
    for kind, (detail, event) in said.items():
        pattern = rule_for(stacks, kind, "start")[1]["EventPattern"]
        body = {"source": pattern["source"][0], "detail-type": kind, "account": ACCOUNT, "region": REGION}
        assert parse_event(json.dumps(body | {"detail": detail}), names) == event


@pytest.mark.parametrize("suffix", ["", "-dead"])
@all_rules
def test_only_the_rule_may_send(stacks: Stacks, source: str, detail_type: str, function: str, suffix: str) -> None:
    """Whoever else can send to the queue could make the function act on an event that never was."""
    rules = {
        name
        for name, one in stacks.of_type("AWS::Events::Rule").items()
        if queue_of(stacks, one) == f"{PROJECT}-{function}"
    }
    allowed = [one for one in stacks.queue_policies(f"{PROJECT}-{function}{suffix}") if one["Effect"] == "Allow"]
    senders = [one["Condition"]["ArnEquals"]["aws:SourceArn"]["Fn::GetAtt"][0] for one in allowed]

    assert rule_for(stacks, detail_type, function)[0] in senders
    assert set(senders) == rules
    assert {one["Principal"]["Service"] for one in allowed} == {"events.amazonaws.com"}
