"""From the bucket to the queue, with the very bucket and rule of the stacks, on the laptop cloud."""

import json
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from mergemaker.domain.events import InputChanged, Submitted, parse_event
from mergemaker.domain.names import Names, code_key, submission_key, waiting_key
from tests.infra import stacks as synthesised
from tests.infra.stacks import PROJECT, Stacks
from tests.local.aws.helpers import ACCOUNT, REGION, Mailbox, client, new_queue, start_cloud, wait_for

NAMES = Names(project=PROJECT, account=ACCOUNT, region=REGION)
pytestmark = pytest.mark.cloud


@pytest.fixture
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    process, port = start_cloud(tmp_path_factory.mktemp("aws"))
    yield port
    process.send_signal(signal.SIGTERM)
    process.wait(20)


def here(part: Any) -> Any:
    """A part of a template as it would be in the laptop cloud's account and region."""
    text = json.dumps(part).replace(synthesised.ACCOUNT, ACCOUNT).replace(synthesised.REGION, REGION)
    return json.loads(text)


@pytest.fixture
def mailbox(stacks: Stacks, port: int) -> Mailbox:
    """What the rule sends, with the bucket deployed."""
    bucket = here(stacks.one("AWS::S3::Bucket"))
    cloudformation = client("cloudformation", port)
    cloudformation.create_stack(StackName="data", TemplateBody=json.dumps({"Resources": {"Bucket": bucket}}))
    wait_for(lambda: cloudformation.describe_stacks(StackName="data")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE")
    (pattern,) = [
        one["Properties"]["EventPattern"]
        for one in stacks.of_type("AWS::Events::Rule").values()
        if one["Properties"].get("EventPattern", {}).get("source") == ["aws.s3"] and "submissions" in str(one)
    ]
    sqs, events = client("sqs", port), client("events", port)
    url = new_queue(sqs, "report")
    events.put_rule(Name="submissions", EventPattern=json.dumps(here(pattern)))
    target = {"Id": "report", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:report"}
    events.put_targets(Rule="submissions", Targets=[target])
    return Mailbox(sqs, url)


def test_a_submission_reaches_the_report_function_and_nothing_else_in_the_bucket_does(
    mailbox: Mailbox, port: int
) -> None:
    s3 = client("s3", port)
    job, tag = "diabetes-0123456789ab", "diabetes-0123456789abcdef0123456789abcdef"
    first, last = submission_key("diabetes", job, 7), submission_key("diabetes", job, 8)
    for key in (first, code_key("diabetes", "0" * 64), waiting_key("diabetes", tag, job), last):
        s3.put_object(Bucket=NAMES.bucket, Key=key, Body=b"{}", IfNoneMatch="*")

    got = mailbox.take(lambda events: any(event["detail"]["object"]["key"] == last for event in events))

    assert [parse_event(json.dumps(event), NAMES) for event in got] == [Submitted(first), Submitted(last)]


def test_new_data_reaches_the_report_function_with_its_time(mailbox: Mailbox, port: int) -> None:
    s3, name = client("s3", port), "diabetes/input/train/a b+ü.csv"
    before = datetime.now(UTC).replace(microsecond=0)
    for key in ("diabetes/data/0123.json", name):
        s3.put_object(Bucket=NAMES.bucket, Key=key, Body=b"1")

    (got,) = mailbox.take(bool)

    event = parse_event(json.dumps(got), NAMES)
    assert isinstance(event, InputChanged)
    assert event.model == "diabetes"
    assert before <= event.at <= datetime.now(UTC)
