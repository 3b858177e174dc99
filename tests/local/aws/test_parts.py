"""The small parts: images' addresses and variables, metrics, failure reasons, pages."""

from pathlib import Path

import pytest

from local.aws.environments import environment_digest
from local.aws.images import Reference, by_digest, dockerfile_variables, parse_reference
from local.aws.sagemaker.metrics import Metrics
from local.aws.sagemaker.run import _algorithm_error

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


def test_the_variables_of_the_last_stage_count_and_may_name_each_other() -> None:
    text = """
FROM base AS builder
ENV PATH=/builder:$PATH
FROM slim
ENV PYTHONPATH=/opt/mergemaker A="two words" \\
    B=${A}!
ENV PATH=/opt/mergemaker/serving/bin:$PATH
RUN echo ENV=no
"""
    found = dockerfile_variables(text, {"PATH": "/bin"}, root=Path("/here"))
    expected = {"PYTHONPATH": "/here", "A": "two words", "B": "two words!", "PATH": "/here/serving/bin:/bin"}
    assert found == expected


def test_an_environment_depends_on_requirements_and_on_files_they_name(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
        (folder / "r.txt").write_text("numpy==2.0\n")
    assert environment_digest(one, ["r.txt"]) == environment_digest(two, ["r.txt"])
    (two / "r.txt").write_text("numpy==2.1\n")
    assert environment_digest(one, ["r.txt"]) != environment_digest(two, ["r.txt"])
    for folder in (one, two):
        (folder / "r.txt").write_text("-r other.txt\n")
    assert environment_digest(one, ["r.txt"]) != environment_digest(two, ["r.txt"])


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
    reason = _algorithm_error("x" * 5000, 137)
    assert len(reason) == 1024
    assert reason.endswith("xxx, exit code: 137")
