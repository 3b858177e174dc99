"""The small parts: images' addresses, metrics, failure reasons, pages."""

import pytest

from local.aws.images import Reference, by_digest, parse_reference
from local.aws.sagemaker.metrics import Metrics
from local.aws.sagemaker.run import algorithm_error

DIGEST = f"sha256:{'a' * 64}"
HOST = "000000000000.dkr.ecr.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    ("uri", "reference"),
    [
        (f"{HOST}/shop:m-1", Reference("shop", None, "m-1")),
        (f"{HOST}/team/shop@{DIGEST}", Reference("team/shop", DIGEST, None)),
        (f"{HOST}/shop", Reference("shop", None, "latest")),
        ("docker.io/shop:m-1", None),
        ("shop:m-1", None),
        (f"{HOST}/shop@sha256:short", None),
    ],
)
def test_an_address_is_taken_apart(uri: str, reference: Reference | None) -> None:
    assert parse_reference(uri) == reference


@pytest.mark.parametrize("uri", [f"{HOST}/shop:m-1", f"{HOST}/shop", f"{HOST}/shop@sha256:{'b' * 64}"])
def test_an_address_is_put_by_digest(uri: str) -> None:
    assert by_digest(uri, DIGEST) == f"{HOST}/shop@{DIGEST}"


def test_the_last_finite_value_of_a_metric_wins() -> None:
    metrics = Metrics([{"Name": "a", "Regex": "a=(\\S+)"}, {"Name": "never", "Regex": "zzz=(.*)"}])
    for line in ("a=1", "a=2.5 a=3", "a=nan", "a=1e308", "a=inf", "a=word", "b=4"):
        metrics.read(line)
    assert [(m["MetricName"], m["Value"]) for m in metrics.final()] == [("a", 3.0)]


def test_there_are_at_most_forty_metrics() -> None:
    metrics = Metrics([{"Name": f"m{n}", "Regex": "(1)"} for n in range(41)])
    metrics.read("1")
    assert len(metrics.final()) == 40


def test_a_long_failure_keeps_its_exit_code() -> None:
    reason = algorithm_error("x" * 5000, 137)
    assert len(reason) == 1024
    assert reason.endswith("xxx, exit code: 137")
