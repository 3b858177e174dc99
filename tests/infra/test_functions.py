"""Functions and their queues."""

import json
from dataclasses import asdict
from typing import Any

import pytest

from infra.bundle import RUNTIME
from mergemaker.domain.settings import parse_settings
from mergemaker.variables import read_environment
from tests.infra.stacks import ACCOUNT, PROJECT, REGION, SETTINGS, STRICT, Stacks

NAMES = ("report", "release", "start")
functions = pytest.mark.parametrize("name", NAMES)


def source_of(stacks: Stacks, name: str) -> dict[str, Any]:
    """What feeds a function."""
    (source,) = [
        one["Properties"]
        for one in stacks.of_type("AWS::Lambda::EventSourceMapping").values()
        if stacks.target(one["Properties"]["FunctionName"])["Properties"]["FunctionName"] == f"{PROJECT}-{name}"
    ]
    return dict(source)


def test_there_is_one_function_for_each_step(stacks: Stacks) -> None:
    found = {one["Properties"]["FunctionName"] for one in stacks.of_type("AWS::Lambda::Function").values()}

    assert found == {f"{PROJECT}-{name}" for name in NAMES}


@functions
def test_a_function_runs_its_own_handler_under_its_own_role(stacks: Stacks, name: str) -> None:
    function = stacks.properties("AWS::Lambda::Function", FunctionName=f"{PROJECT}-{name}")

    assert function["Handler"] == f"lambdas.{name}.handler.handler"
    assert function["Runtime"] == RUNTIME
    assert stacks.target(function["Role"])["Properties"]["RoleName"] == f"{PROJECT}-{name}-function"


@functions
def test_a_function_is_told_the_settings_and_no_secret(stacks: Stacks, name: str) -> None:
    variables = stacks.properties("AWS::Lambda::Function", FunctionName=f"{PROJECT}-{name}")["Environment"]["Variables"]

    assert read_environment(variables) == parse_settings(SETTINGS)
    assert all(isinstance(value, str) for value in variables.values()), "nothing is resolved at deploy time"
    said = json.dumps(variables).lower().replace("rotate_token", "")  # the setting, not a token
    assert not any(word in said for word in ("token", "secret", "password"))


@pytest.mark.parametrize(("name", "seconds"), [("report", 60), ("release", 60), ("start", 300)])
def test_the_visibility_timeout_is_six_times_the_functions(stacks: Stacks, name: str, seconds: int) -> None:
    function = stacks.properties("AWS::Lambda::Function", FunctionName=f"{PROJECT}-{name}")
    queue = stacks.properties("AWS::SQS::Queue", QueueName=f"{PROJECT}-{name}")

    assert function["Timeout"] == seconds
    assert queue["VisibilityTimeout"] == 6 * seconds


@functions
def test_each_queue_has_a_dead_letter_queue_for_what_failed_five_times(stacks: Stacks, name: str) -> None:
    redrive = stacks.properties("AWS::SQS::Queue", QueueName=f"{PROJECT}-{name}")["RedrivePolicy"]
    dead = stacks.target(redrive["deadLetterTargetArn"])["Properties"]

    assert redrive["maxReceiveCount"] == 5
    assert dead["QueueName"] == f"{PROJECT}-{name}-dead"
    assert dead["MessageRetentionPeriod"] == 14 * 24 * 3600


@functions
def test_messages_come_one_by_one_so_that_none_can_cost_another_a_try(stacks: Stacks, name: str) -> None:
    source = source_of(stacks, name)

    assert stacks.target(source["EventSourceArn"])["Properties"]["QueueName"] == f"{PROJECT}-{name}"
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["BatchSize"] == 1


@functions
def test_how_many_run_at_once_is_in_the_settings(stacks: Stacks, strict_stacks: Stacks, name: str) -> None:
    for made, settings in ((stacks, SETTINGS), (strict_stacks, STRICT)):
        wanted = asdict(parse_settings(settings).maximum_concurrency)[name]

        assert source_of(made, name)["ScalingConfig"] == {"MaximumConcurrency": wanted}


def test_every_queue_is_encrypted_and_refuses_plain_http(stacks: Stacks) -> None:
    for queue in stacks.of_type("AWS::SQS::Queue").values():
        properties = queue["Properties"]
        denials = [one for one in stacks.queue_policies(properties["QueueName"]) if one["Effect"] == "Deny"]

        assert properties["KmsMasterKeyId"] == f"alias/{PROJECT}"
        assert [one["Condition"] for one in denials] == [{"Bool": {"aws:SecureTransport": "false"}}]
        assert denials[0]["Action"] == "sqs:*"
        assert denials[0]["Principal"] == {"AWS": "*"}


def test_every_log_group_is_named_and_forgets(stacks: Stacks) -> None:
    groups = {
        one["Properties"]["LogGroupName"]: one["Properties"]["RetentionInDays"]
        for one in stacks.of_type("AWS::Logs::LogGroup").values()
    }

    assert groups == {
        **{f"/aws/lambda/{PROJECT}-{name}": 90 for name in NAMES},
        f"/aws/codebuild/{PROJECT}-image": 90,
    }


@functions
def test_a_function_writes_into_its_own_log_group_and_nothing_but_json(stacks: Stacks, name: str) -> None:
    logging = stacks.properties("AWS::Lambda::Function", FunctionName=f"{PROJECT}-{name}")["LoggingConfig"]

    assert logging["LogFormat"] == "JSON"
    assert stacks.target(logging["LogGroup"])["Properties"]["LogGroupName"] == f"/aws/lambda/{PROJECT}-{name}"


def test_all_functions_share_one_bundle(stacks: Stacks) -> None:
    keys = {json.dumps(one["Properties"]["Code"]) for one in stacks.of_type("AWS::Lambda::Function").values()}

    assert len(keys) == 1
    assert f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}" in keys.pop()
