"""Which events reach which queue."""

from fnmatch import fnmatchcase
from typing import Any

import pytest

from mergemaker.domain.names import submission_key
from tests.infra.stacks import ACCOUNT, PROJECT, REGION, Stacks

CASES = [
    ("aws.sagemaker", "SageMaker Training Job State Change", "report"),
    ("aws.s3", "Object Created", "report"),
    ("aws.sagemaker", "SageMaker Model Package State Change", "release"),
    ("aws.sagemaker", "SageMaker Endpoint State Change", "release"),
    ("aws.codebuild", "CodeBuild Build State Change", "image"),
]
cases = pytest.mark.parametrize(("source", "detail_type", "function"), CASES)


def rule_for(stacks: Stacks, detail_type: str) -> tuple[str, dict[str, Any]]:
    found = {
        name: one["Properties"]
        for name, one in stacks.of_type("AWS::Events::Rule").items()
        if one["Properties"]["EventPattern"]["detail-type"] == [detail_type]
    }
    assert len(found) == 1
    return next(iter(found.items()))


def test_no_other_event_is_listened_to(stacks: Stacks) -> None:
    found = {
        one["Properties"]["EventPattern"]["detail-type"][0] for one in stacks.of_type("AWS::Events::Rule").values()
    }

    assert found == {detail_type for _, detail_type, _ in CASES}


@cases
def test_an_event_goes_to_its_functions_queue(stacks: Stacks, source: str, detail_type: str, function: str) -> None:
    _, rule = rule_for(stacks, detail_type)
    (target,) = rule["Targets"]

    assert rule["State"] == "ENABLED"
    assert rule["EventPattern"]["source"] == [source]
    assert stacks.target(target["Arn"])["Properties"]["QueueName"] == f"{PROJECT}-{function}"


@cases
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
@cases
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
