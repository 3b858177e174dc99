"""What CloudWatch is asked for before an endpoint is there, and what the laptop cloud makes of it."""

from typing import Any

import pytest
from botocore.stub import Stubber

from mergemaker.bootstrap import Aws
from mergemaker.domain.errors import ServiceError
from mergemaker.domain.settings import Alarms, Network
from tests.adapters.conftest import NAMES
from tests.local.aws.helpers import client, unique

LIMITS = Alarms(endpoint_errors=7, endpoint_p99_ms=250)
TAGS = {"mergemaker:project": "shop", "mergemaker:model": "prices"}

pytestmark = pytest.mark.cloud


@pytest.fixture
def own(aws_port: int, monkeypatch: pytest.MonkeyPatch) -> Aws:
    keys = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws_port}", "AWS_EC2_METADATA_DISABLED": "true"}
    for name, value in {**keys, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    return Aws(NAMES, Network())


@pytest.fixture
def endpoint(own: Aws) -> str:
    """Watched."""
    name = f"shop-{unique('prices')}-staging"
    own.watch(LIMITS).over(name, tags=TAGS)
    return name


def alarms(port: int, endpoint: str) -> dict[str, Any]:
    found = client("cloudwatch", port).describe_alarms(AlarmNamePrefix=endpoint)["MetricAlarms"]
    return {one["AlarmName"]: one for one in found}


def log_group(port: int, endpoint: str) -> dict[str, Any]:
    (found,) = client("logs", port).describe_log_groups(logGroupNamePrefix=f"/aws/sagemaker/Endpoints/{endpoint}")[
        "logGroups"
    ]
    return dict(found)


def test_an_endpoint_has_an_alarm_for_errors_and_one_for_latency(aws_port: int, endpoint: str) -> None:
    assert alarms(aws_port, endpoint).keys() == {f"{endpoint}-5xx", f"{endpoint}-latency"}


@pytest.mark.parametrize(
    ("kind", "metric", "statistic", "threshold"),
    [
        ("5xx", "Invocation5XXErrors", "Sum", 7),
        ("latency", "ModelLatency", "p99", 250_000),  # microseconds
    ],
)
def test_an_alarm_watches_the_one_variant_and_reaches_the_topic(
    aws_port: int, endpoint: str, kind: str, metric: str, statistic: str, threshold: float
) -> None:
    alarm = alarms(aws_port, endpoint)[f"{endpoint}-{kind}"]
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Period"]) == ("AWS/SageMaker", metric, 300)
    assert (alarm.get("ExtendedStatistic") or alarm["Statistic"]) == statistic
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", threshold)
    assert {one["Name"]: one["Value"] for one in alarm["Dimensions"]} == {
        "EndpointName": endpoint,
        "VariantName": "AllTraffic",
    }
    assert alarm["TreatMissingData"] == "notBreaching"
    assert alarm["AlarmActions"] == [f"arn:aws:sns:{NAMES.region}:{NAMES.account}:shop-alarms"]
    tags = client("cloudwatch", aws_port).list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"]
    assert {one["Key"]: one["Value"] for one in tags} == TAGS


def test_the_log_ends_after_three_months_and_is_encrypted_with_the_projects_key(aws_port: int, endpoint: str) -> None:
    group = log_group(aws_port, endpoint)
    key = client("kms", aws_port).describe_key(KeyId=NAMES.key_alias)["KeyMetadata"]["Arn"]
    assert group["retentionInDays"] == 90
    assert group["kmsKeyId"] == key
    tags = client("logs", aws_port).list_tags_log_group(logGroupName=group["logGroupName"])["tags"]
    assert tags == TAGS


def test_once_more_is_no_harm_and_brings_the_limits_up_to_date(own: Aws, aws_port: int, endpoint: str) -> None:
    client("logs", aws_port).delete_retention_policy(logGroupName=f"/aws/sagemaker/Endpoints/{endpoint}")
    own.watch(Alarms(endpoint_errors=9)).over(endpoint, tags=TAGS)
    assert alarms(aws_port, endpoint)[f"{endpoint}-5xx"]["Threshold"] == 9
    assert alarms(aws_port, endpoint).keys() == {f"{endpoint}-5xx", f"{endpoint}-latency"}
    assert log_group(aws_port, endpoint)["retentionInDays"] == 90


@pytest.mark.parametrize(
    ("service", "call", "what"),
    [("logs", "put_retention_policy", "log group /aws/.*/x"), ("cloudwatch", "put_metric_alarm", "alarm x-5xx")],
)
def test_a_refusal_names_what_could_not_be_made(own: Aws, service: str, call: str, what: str) -> None:
    with Stubber(own.clients(service)) as stub:
        if service == "logs":
            stub.add_response("create_log_group", {})
        stub.add_client_error(call, "LimitExceeded", "too many")
        with pytest.raises(ServiceError, match=f"{what}: AWS says LimitExceeded: too many"):
            own.watch(LIMITS).over("x", tags=TAGS)
