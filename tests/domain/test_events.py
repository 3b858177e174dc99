"""Events are believed only as far as they name something of ours."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergemaker.domain.errors import MergemakerError, RefusedError, UsageError
from mergemaker.domain.events import (
    BuildEnded,
    DayPassed,
    EndpointChanged,
    InputChanged,
    JobChanged,
    PackageChanged,
    PreparationChanged,
    RunWaits,
    StacksDiffer,
    Submitted,
    SweepDue,
    parse_event,
)
from mergemaker.domain.names import Names
from tests.fakes.world import NAMES

SAMPLES = Path(__file__).parents[3] / "shared" / "events"
PACKAGE = "arn:aws:sagemaker:eu-west-1:111122223333:model-package/shop-prices/4"
KINDS = {
    "job": ("aws.sagemaker", "SageMaker Training Job State Change"),
    "package": ("aws.sagemaker", "SageMaker Model Package State Change"),
    "endpoint": ("aws.sagemaker", "SageMaker Endpoint State Change"),
    "build": ("aws.codebuild", "CodeBuild Build State Change"),
    "submission": ("aws.s3", "Object Created"),
    "stacks": ("aws.s3", "Object Created"),
    "preparation": ("aws.sagemaker", "SageMaker Processing Job State Change"),
    "waiting": ("aws.s3", "Object Created"),
    "input": ("aws.s3", "Object Created"),
}
STACKS = "_stacks/code/submissions/7/70-701.json"
SUBMISSION = "prices/code/submissions/prices-0123456789ab-2/70.json"
WAITING = "prices/code/waiting/prices-prepare-0123456789ab/prices-0123456789ab-2.json"
DETAILS: dict[str, dict[str, Any]] = {
    "submission": {"bucket": {"name": "shop-111122223333-eu-west-1"}, "object": {"key": SUBMISSION, "size": 900}},
    "stacks": {"object": {"key": STACKS}},
    "job": {"TrainingJobName": "prices-0123456789ab"},
    "preparation": {"ProcessingJobName": "prices-prepare-0123456789ab"},
    "waiting": {"bucket": {"name": "shop-111122223333-eu-west-1"}, "object": {"key": WAITING}},
    "package": {"ModelPackageArn": PACKAGE},
    "endpoint": {"EndpointName": "shop-prices-staging"},
    "input": {"object": {"key": "prices/input/rows.csv"}},
    "build": {
        "build-id": "arn:aws:codebuild:eu-west-1:111122223333:build/shop-image:0f0f",
        "additional-information": {
            "environment": {
                "environment-variables": [{"name": "IMAGE_TAG", "value": "prices-0123456789abcdef0123456789abcdef"}]
            }
        },
    },
}


def event(kind: str = "job", detail: object = None, **changed: object) -> dict[str, Any]:
    source, detail_type = KINDS[kind]
    return {
        "source": source,
        "detail-type": detail_type,
        "account": NAMES.account,
        "region": NAMES.region,
        "detail": DETAILS[kind] if detail is None else detail,
        **changed,
    }


@pytest.mark.parametrize(
    ("kind", "parsed"),
    [
        ("job", JobChanged("prices-0123456789ab")),
        ("package", PackageChanged(PACKAGE)),
        ("endpoint", EndpointChanged("shop-prices-staging")),
        ("submission", Submitted(SUBMISSION)),
        ("stacks", StacksDiffer(STACKS)),
        ("preparation", PreparationChanged("prices-prepare-0123456789ab")),
        ("waiting", RunWaits(WAITING)),
        (
            "build",
            BuildEnded(
                "prices-0123456789abcdef0123456789abcdef",
                "arn:aws:codebuild:eu-west-1:111122223333:build/shop-image:0f0f",
            ),
        ),
    ],
)
def test_each_kind_says_which_thing_has_changed(kind: str, parsed: object) -> None:
    assert parse_event(json.dumps(event(kind)), NAMES) == parsed


RULE = "arn:aws:events:eu-west-1:111122223333:rule/shop-daily"


def scheduled(**changed: object) -> dict[str, Any]:
    """As EventBridge makes it for a rule's schedule (EventBridge User Guide, events from scheduled rules)."""
    daily = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}, "resources": [RULE]}
    return {"account": NAMES.account, "region": NAMES.region, **daily, **changed}


def test_the_daily_rules_event_says_that_a_day_has_passed() -> None:
    assert parse_event(json.dumps(scheduled()), NAMES) == DayPassed()


def test_the_other_schedules_event_says_that_a_sweep_is_due() -> None:
    event = scheduled(resources=[RULE.replace("shop-daily", "shop-sweep")])
    assert parse_event(json.dumps(event), NAMES) == SweepDue()


@pytest.mark.parametrize(
    "changed",
    [
        {"resources": [RULE.replace("shop-", "shop-eu-")]},
        {"resources": [RULE.replace("rule/", "rule/other-bus/")]},
        {"resources": [RULE.replace("eu-west-1", "us-east-1")]},
        {"resources": [RULE, RULE]},
        {"resources": []},
        {"resources": RULE},
        {"resources": None},
        {"resources": [["x" * 10_000]]},
        {"account": "444455556666"},
        {"source": "my.app"},
    ],
)
def test_another_rules_schedule_is_none_of_our_business(changed: dict[str, object]) -> None:
    with pytest.raises(RefusedError) as refused:
        parse_event(json.dumps(scheduled(**changed)), NAMES)
    assert len(str(refused.value)) <= 200


def test_a_schedules_event_without_its_rule_is_refused() -> None:
    body = scheduled()
    del body["resources"]
    with pytest.raises(RefusedError):
        parse_event(json.dumps(body), NAMES)


def stored(key: object, time: object = "2026-03-01T12:00:00Z") -> str:
    return json.dumps(event("input", {"object": {"key": key}}, time=time))


@pytest.mark.parametrize(
    "path", ["rows.csv", "train/rows.csv", "input/input/x", "ü b\n\x00.csv", "code/waiting/a/b.json"]
)
def test_a_file_in_a_models_input_is_told_with_its_time_whatever_it_is_called(path: str) -> None:
    at = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    assert parse_event(stored(f"prices/input/{path}"), NAMES) == InputChanged("prices", at)


@pytest.mark.parametrize(
    "key",
    [
        "prices/data/0123/train/input/rows.csv",
        "prices/prepared/0123/input/rows.csv",
        "prices/output/prices-0123456789ab/input/x",
        "_stacks/input/x",
        "Prices/input/x",
        "/input/x",
        "a/b/input/x",
        f"{'p' * 64}/input/x",
        "prices/input/",
    ],
)
def test_a_folder_of_that_name_elsewhere_is_none_of_our_business(key: str) -> None:
    with pytest.raises(RefusedError) as refused:
        parse_event(stored(key), NAMES)
    assert len(str(refused.value)) <= 200


@pytest.mark.parametrize("time", [None, "", "yesterday", 7, "2026-03-01T12:00:00", [], "9" * 5000])
def test_a_file_without_its_time_is_an_error(time: object) -> None:
    with pytest.raises(UsageError, match="the event's time is not one"):
        parse_event(stored("prices/input/x", time), NAMES)


@pytest.mark.parametrize("tags", [{}, {"a": "b"}, [], [{"Key": "a", "Value": "b"}], None, 3])
def test_tags_may_have_any_shape(tags: object) -> None:
    body = json.dumps(event(detail={**DETAILS["job"], "Tags": tags}))
    assert parse_event(body, NAMES) == JobChanged("prices-0123456789ab")


@pytest.mark.parametrize("moment", ["1583831889050", 1583831889050.0, "2026-03-01T00:00:00Z", None])
def test_times_may_have_any_shape(moment: object) -> None:
    detail = {**DETAILS["job"], "CreationTime": moment}
    assert parse_event(json.dumps(event(detail=detail, time=moment)), NAMES) == JobChanged("prices-0123456789ab")


@pytest.mark.parametrize(
    "changed",
    [
        {"account": "444455556666"},
        {"account": 111122223333},
        {"region": "us-east-1"},
        {"source": "my.app"},
        {"source": ["aws.sagemaker"]},
        {"detail-type": "SageMaker Endpoint Deployment State Change"},
        {"detail-type": {}},
        {"detail": []},
        {"detail": None, "detail-type": "x"},
    ],
)
def test_an_event_of_another_account_source_or_kind_is_none_of_our_business(changed: dict[str, object]) -> None:
    with pytest.raises(RefusedError):
        parse_event(json.dumps({**event(), **changed}), NAMES)


@pytest.mark.parametrize("body", ["", "{", "3", "null", "[]", '"x"', "{}", '{"detail": {}}', "[" * 50_000, "\ud800"])
def test_what_is_no_event_is_an_error(body: str) -> None:
    with pytest.raises(UsageError, match="not an event of EventBridge"):
        parse_event(body, NAMES)


@pytest.mark.parametrize("key", ["detail", "detail-type", "source", "account", "region"])
def test_an_event_without_one_of_its_parts_is_an_error(key: str) -> None:
    body = event()
    del body[key]
    with pytest.raises(UsageError, match="not an event of EventBridge"):
        parse_event(json.dumps(body), NAMES)


@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        ("job", {}),
        ("job", {"TrainingJobName": 3}),
        ("job", {"TrainingJobName": "../x"}),
        ("job", {"TrainingJobName": "a\n/merge"}),
        ("job", {"TrainingJobName": "a\n"}),
        ("job", {"TrainingJobName": "a" * 64}),
        ("job", {"TrainingJobName": "prîces"}),
        ("package", {"ModelPackageArn": "shop-prices/4"}),
        ("package", {"ModelPackageArn": f"{PACKAGE}/x"}),
        ("package", {"ModelPackageArn": PACKAGE.replace("sagemaker", "s3")}),
        ("endpoint", {"EndpointName": ""}),
        ("submission", {}),
        ("submission", {"object": SUBMISSION}),
        ("submission", {"object": {"key": None}}),
        ("submission", {"object": {"key": "prices/code/waiting/x/../y.json"}}),
        ("submission", {"object": {"key": "prices/code/waiting/y.json"}}),
        ("preparation", {"ProcessingJobName": "a/b"}),
        ("submission", {"object": {"key": f"{SUBMISSION}\n"}}),
        ("stacks", {"object": {"key": "_stacks/code/submissions/7/70.json"}}),
        ("stacks", {"object": {"key": "_stacks/code/submissions/x/70-701.json"}}),
        ("stacks", {"object": {"key": "_stacks/code/waiting/7/70-701.json"}}),
        ("stacks", {"object": {"key": "prices/code/submissions/7/70-701.json"}}),
        ("submission", {"object": {"key": f"../{SUBMISSION}"}}),
        ("submission", {"object": {"key": "prices/code/submissions/../../70.json"}}),
        ("submission", {"object": {"key": "prices/code/submissions/prices-0123456789ab/x.json"}}),
        ("build", {}),
        ("build", {**DETAILS["build"], "build-id": 3}),
        ("build", {**DETAILS["build"], "additional-information": {"environment": {"environment-variables": []}}}),
        ("build", {**DETAILS["build"], "additional-information": {"environment": {"environment-variables": 3}}}),
        ("build", {**DETAILS["build"], "additional-information": []}),
    ],
)
def test_an_event_that_names_nothing_that_can_be_is_an_error(kind: str, detail: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        parse_event(json.dumps(event(kind, detail)), NAMES)


def test_a_refusal_is_short_however_long_the_event() -> None:
    with pytest.raises(RefusedError) as caught:
        parse_event(json.dumps(event(source="x" * 200_000)), NAMES)
    assert len(str(caught.value)) <= 200


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(KINDS)), st.fixed_dictionaries({}, optional=dict.fromkeys(event(), VALUES)), VALUES)
def test_any_json_is_read_or_refused(kind: str, changed: dict[str, object], detail: object) -> None:
    body = {**event(kind), "detail": detail, **changed}
    with pytest.raises(MergemakerError):
        parse_event(json.dumps(body), NAMES)


@pytest.mark.parametrize(
    ("file", "region", "parsed"),
    [
        ("training-job-completed", "us-east-1", JobChanged("89c96cc8-dded-4739-afcc-6f1dc936701d")),
        (
            "model-package-state-change",
            "us-east-2",
            PackageChanged("arn:aws:sagemaker:us-east-2:111122223333:model-package/versionedmp-p-idy6c3e1fiqj/2"),
        ),
        ("endpoint-state-change", "us-west-2", EndpointChanged("MyEndpoint")),
        ("endpoint-deployment-state-change", "us-west-2", None),
    ],
)
def test_the_samples_that_aws_publishes_are_read(file: str, region: str, parsed: object) -> None:
    if not SAMPLES.is_dir():
        pytest.skip("AWS's sample events are kept beside the project, in ../shared/events, and are not here")
    body = SAMPLES.joinpath(f"{file}.json").read_text(encoding="utf-8")
    names = Names(project="shop", account="111122223333", region=region)
    if parsed is None:
        with pytest.raises(RefusedError, match="not an event that this function is for"):
            parse_event(body, names)
    else:
        assert parse_event(body, names) == parsed
