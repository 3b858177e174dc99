"""Events arrive through rules as AWS documents them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.local.aws.helpers import ACCOUNT, REGION, ROOT, Mailbox, unique
from tests.local.aws.jobs import Jobs, needs_own_mounts
from tests.local.aws.processing import Processings

pytestmark = pytest.mark.cloud
Mailboxes = Callable[[dict[str, Any]], Mailbox]
SAMPLES = ROOT.parent / "shared" / "events"


def sample(name: str) -> dict[str, Any]:
    file: Path = SAMPLES / name
    if not file.is_file():
        pytest.skip(f"the samples that AWS publishes are not at {SAMPLES}")
    content: dict[str, Any] = json.loads(file.read_text())
    return content


def assert_shaped(event: dict[str, Any], like: dict[str, Any], *, more: set[str], less: set[str]) -> None:
    """Same members with values of the same types; `more` and `less` are the known differences of the detail."""
    assert {k: type(v) for k, v in event.items() if k != "time"} == {k: type(v) for k, v in like.items() if k != "time"}
    got, wanted = event["detail"], like["detail"]
    assert set(got) - set(wanted) <= more
    assert set(wanted) - set(got) <= less
    types = {k: (type(got[k]), type(wanted[k])) for k in set(got) & set(wanted)}
    assert {k: pair for k, pair in types.items() if pair[0] is not pair[1]} == {}


def test_each_status_of_a_job_is_an_event_in_order(jobs: Jobs, mailbox: Mailboxes) -> None:
    name = unique("told")
    box = mailbox({"source": ["aws.sagemaker"], "detail": {"TrainingJobName": [name]}})
    tags = [{"Key": "mergemaker:model", "Value": "m"}]
    jobs.start("print(1)", TrainingJobName=name, Tags=tags)
    events = box.take(lambda got: bool(got) and got[-1]["detail"]["TrainingJobStatus"] == "Completed")
    secondary = ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert [e["detail"]["SecondaryStatus"] for e in events] == secondary
    assert [e["detail"]["TrainingJobStatus"] for e in events] == ["InProgress"] * 4 + ["Completed"]
    last = events[-1]
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/{name}"
    assert (last["source"], last["resources"], last["account"]) == ("aws.sagemaker", [arn], ACCOUNT)
    assert last["detail-type"] == "SageMaker Training Job State Change"
    assert last["detail"]["Tags"] == {"mergemaker:model": "m"}
    assert_shaped(last, sample("training-job-completed.json"), more={"ModelArtifacts"}, less=set())


def test_the_event_of_a_failed_job_has_its_reason(jobs: Jobs, mailbox: Mailboxes) -> None:
    name = unique("told")
    box = mailbox({"detail": {"TrainingJobName": [name], "TrainingJobStatus": ["Failed"]}})
    jobs.start("raise ValueError('no such column')", TrainingJobName=name)
    (event,) = box.take(bool)
    assert "no such column" in event["detail"]["FailureReason"]


GUIDE = (
    *("ProcessingInputs", "ProcessingOutputConfig", "ProcessingJobName", "ProcessingResources", "StoppingCondition"),
    *("AppSpecification", "NetworkConfig", "RoleArn", "ExperimentConfig", "ProcessingJobArn", "ProcessingJobStatus"),
    *("FailureReason", "ProcessingEndTime", "ProcessingStartTime", "LastModifiedTime", "CreationTime"),
)
"""The members of a processing job's event in SageMaker's developer guide ("Events that Amazon SageMaker AI sends")."""


@needs_own_mounts
def test_each_status_of_a_processing_job_is_an_event_as_the_guide_shows_it(
    processings: Processings, mailbox: Mailboxes
) -> None:
    name = unique("told")
    box = mailbox({"detail-type": ["SageMaker Processing Job State Change"], "detail": {"ProcessingJobName": [name]}})
    network = {"EnableNetworkIsolation": False}
    processings.start("raise SystemExit(1)", ProcessingJobName=name, NetworkConfig=network, Tags=[])
    events = box.take(lambda got: bool(got) and got[-1]["detail"]["ProcessingJobStatus"] == "Failed")
    assert [event["detail"]["ProcessingJobStatus"] for event in events] == ["InProgress", "Failed"]
    last = events[-1]
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:processing-job/{name}"
    assert (last["source"], last["resources"], last["account"]) == ("aws.sagemaker", [arn], ACCOUNT)
    detail = last["detail"]
    assert sorted(detail) == sorted(GUIDE)
    assert detail["FailureReason"] == "AlgorithmError: , exit code: 1"
    assert detail["RoleArn"] == processings.role
    assert detail["AppSpecification"] == {"ImageUri": processings.image}
    times = [detail[key] for key in GUIDE if key.endswith("Time")]
    assert all(type(time) is int and time > 10**12 for time in times), "milliseconds"


def test_only_the_cloud_itself_may_send_events_of_aws(jobs: Jobs) -> None:
    entry: Any = {"Source": "aws.sagemaker", "DetailType": "SageMaker Training Job State Change", "Detail": "{}"}
    assert jobs.aws.events.put_events(Entries=[entry])["FailedEntryCount"] == 1
