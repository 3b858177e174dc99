"""The bench still runs, and tells when it no longer compares like with like."""

import re
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest

from bench.contest import Took
from bench.recorder import Call, Recorder, Request
from bench.same import check_same, check_same_job
from bench.submit import SDK, Pairs, shown

ROOT = Path(__file__).parents[2]
KEY = "PUT /bucket/diabetes/code/"


def call(operation: str = "SageMaker.ListTags", content: str = "{}") -> Call:
    return Call(operation, condition="", content=content, status=200)


@pytest.mark.cloud
def test_one_round_measures_both_kinds_of_submit_and_where_the_sdk_is_installed_model_trainer() -> None:
    command = [sys.executable, "-m", "bench.submit", "--rounds", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "a new run: both make these 8 calls" in done.stdout
    assert "a run that is there: both make these 5 calls" in done.stdout
    columns = [line.count("|") for line in done.stdout.splitlines() if line.startswith("|")]
    if not SDK.exists():  # 730 MB
        assert "ModelTrainer is not compared: the SageMaker SDK is not installed, `make bench` does it" in done.stdout
        assert columns == [8] * 4
        return
    assert re.search(r"ModelTrainer starts the same job with these 5 calls\n(  .+\n)*  SageMaker.Create", done.stdout)
    assert columns == [8] * 7
    assert re.search(r"`mergemaker submit` is \d+\.\d times as fast as ModelTrainer\.\n$", done.stdout)


@pytest.mark.parametrize(
    "theirs",
    [
        pytest.param([call()], id="fewer"),
        pytest.param([call(), call("SageMaker.DescribeTrainingJob")], id="another"),
        pytest.param([call(), call(content='{"a": 1}')], id="other content"),
    ],
)
def test_calls_that_differ_end_the_bench_with_the_difference(theirs: list[Call]) -> None:
    with pytest.raises(SystemExit, match="bring the minimal script up to date") as caught:
        check_same([call(), call()], theirs)

    assert "--- mergemaker submit" in str(caught.value)


def test_the_same_calls_in_another_order_are_not_the_same() -> None:
    one, other = call("SageMaker.ListTags"), call("SageMaker.DescribeTrainingJob")

    check_same([one, other], [one, other])
    with pytest.raises(SystemExit):
        check_same([one, other], [other, one])


JOB = {"TrainingJobName": "a", "Tags": [{"Key": "a", "Value": "b"}], "Environment": {}, "RoleArn": "arn:of:a"}


def test_a_job_with_a_name_of_its_own_that_says_more_is_the_same_job() -> None:
    check_same_job(JOB, {"TrainingJobName": "b", "Tags": JOB["Tags"], "RoleArn": "arn:of:a", "RetryStrategy": {"a": 1}})


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"RoleArn": "arn:of:b"}, "CreateTrainingJob.RoleArn is 'arn:of:b' instead of 'arn:of:a'"),
        ({"RoleArn": None}, "CreateTrainingJob.RoleArn is None"),
        ({"Tags": []}, "CreateTrainingJob.Tags is "),
        ({"Tags": [{"Key": "a", "Value": "c"}]}, "CreateTrainingJob.Tags.0.Value is 'c' instead of 'b'"),
    ],
)
def test_another_job_ends_the_bench_with_the_difference(changed: dict[str, object], told: str) -> None:
    with pytest.raises(SystemExit, match=re.escape(f"the two do not start the same job: {told}")):
        check_same_job(JOB, JOB | changed)


def test_requests_that_differ_in_digests_alone_are_the_same_call() -> None:
    one = Request(f"{KEY}{'a' * 64}.tar.gz", "*", b"packed", 200)
    other = Request(f"{KEY}{'b' * 64}.tar.gz", "*", b"packed", 200)

    assert one.call == other.call


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(Request(f"{KEY}x.toml", "*", b"packed", 200), id="key"),
        pytest.param(Request(f"{KEY}x.tar.gz", "", b"packed", 200), id="condition"),
        pytest.param(Request(f"{KEY}x.tar.gz", "*", b"else", 200), id="content"),
        pytest.param(Request(f"{KEY}x.tar.gz", "*", b"packed", 412), id="answer"),
    ],
)
def test_requests_that_differ_otherwise_are_different_calls(other: Request) -> None:
    assert Request(f"{KEY}x.tar.gz", "*", b"packed", 200).call != other.call


@pytest.fixture
def refusing() -> Iterator[int]:
    """The port of a server that refuses everything, in words."""

    class Refuse(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            said = self.rfile.read(int(self.headers["Content-Length"])).upper()
            self.send_response(412)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refuse)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_the_recorder_passes_requests_and_answers_on_and_keeps_them_once(refusing: int) -> None:
    with Recorder(refusing) as recorder:
        connection = HTTPConnection("127.0.0.1", urlsplit(recorder.url).port, timeout=5)
        connection.request("POST", "/", b"{}x", {"X-Amz-Target": "SageMaker.ListTags"})
        answer = connection.getresponse()

        assert (answer.status, answer.read()) == (412, b"{}X")
        connection.close()
        assert recorder.take() == [Request("SageMaker.ListTags", "", b"{}x", 412)]
        assert recorder.take() == []


def test_the_table_shows_medians_spreads_and_ratios() -> None:
    minimal, ours = [Took(1, 1), Took(2, 2), Took(4, 4)], [Took(1.5, 2), Took(2.4, 4), Took(8, 8)]

    row = shown([Pairs("a new run", [call()], minimal, ours)]).splitlines()[-1]

    assert row == "| a new run | 1 | 2.00 s (1.00–4.00) | 2.40 s (1.50–8.00) | 1.20 | 1.50 | 2.00 |"
