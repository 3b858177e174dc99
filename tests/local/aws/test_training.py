"""A training job runs a real script with AWS's own toolkit and ends as SageMaker's would."""

import struct

import pytest
from botocore.exceptions import ClientError

from tests.local.aws.helpers import BUCKET, REGION, ROOT, Aws, unique, wait_for
from tests.local.aws.jobs import LOSS, Jobs, unpacked

pytestmark = pytest.mark.cloud

TRAINS = """
import argparse, json, os, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--depth", type=int)
parser.add_argument("--kind")
a = parser.parse_args()
rows = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"], "deep", "rows.csv").read_text()
print("loss=0.5 at first")
print("loss=0.1 at last, loss=nan")
pathlib.Path(os.environ["SM_MODEL_DIR"], "answer.txt").write_text(f"{a.kind} {a.depth} {rows}")
pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], "metrics.json").write_text(json.dumps({"loss": 0.1}))
print(f"EXTRA {os.environ['EXTRA']} {os.environ['GREETING']}")
"""
SLEEPS = "import time\nprint('asleep', flush=True)\ntime.sleep(60)\n"


def channel(prefix: str) -> list[dict[str, object]]:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{prefix}", "S3DataDistributionType": "FullyReplicated"}
    return [{"ChannelName": "train", "DataSource": {"S3DataSource": source}}]


def statuses(job: dict[str, list[dict[str, str]]]) -> list[str]:
    return [transition["Status"] for transition in job["SecondaryStatusTransitions"]]


def test_a_script_gets_its_data_and_arguments_and_its_model_metrics_and_log_come_back(aws: Aws, jobs: Jobs) -> None:
    prefix = unique("input")
    aws.s3.put_object(Bucket=BUCKET, Key=f"{prefix}/deep/rows.csv", Body=b"1,2,3")
    name = jobs.start(
        TRAINS,
        InputDataConfig=channel(f"{prefix}/"),
        HyperParameters={"depth": "3", "kind": '"tree"'},
        Environment={"EXTRA": "yes"},
        Tags=[{"Key": "mergemaker:model", "Value": "m"}],
    )
    job = jobs.finished(name)
    assert job.get("FailureReason") is None, jobs.log(name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Completed", "Completed")
    assert statuses(job) == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert all("EndTime" in transition for transition in job["SecondaryStatusTransitions"])
    key = f"m/output/{name}/output/model.tar.gz"
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{BUCKET}/{key}"
    assert unpacked(aws, key)["answer.txt"] == "tree 3 1,2,3"
    assert unpacked(aws, f"m/output/{name}/output/output.tar.gz") == {"metrics.json": '{"loss": 0.1}'}
    (metric,) = job["FinalMetricDataList"]
    assert metric["MetricName"] == "loss"
    assert metric["Value"] == struct.unpack("f", struct.pack("f", 0.1))[0]
    assert job["BillableTimeInSeconds"] == job["TrainingTimeInSeconds"] >= 1
    assert "EXTRA yes hello there" in jobs.log(name)
    tags = aws.sagemaker.list_tags(ResourceArn=job["TrainingJobArn"])["Tags"]
    assert tags == [{"Key": "mergemaker:model", "Value": "m"}]


def test_the_log_can_be_read_while_the_job_runs_and_a_stop_ends_it(jobs: Jobs, aws: Aws) -> None:
    name = jobs.start(SLEEPS)
    jobs.in_status(name, "Training")
    wait_for(lambda: "asleep" in jobs.log(name) or None if _has_log(jobs, name) else None)
    aws.sagemaker.stop_training_job(TrainingJobName=name)
    assert jobs.describe(name)["TrainingJobStatus"] == "Stopping"
    job = jobs.finished(name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    with pytest.raises(ClientError, match=r"ValidationException.*is in status Stopped"):
        aws.sagemaker.stop_training_job(TrainingJobName=name)


def _has_log(jobs: Jobs, name: str) -> bool:
    try:
        return bool(jobs.log(name))
    except (ClientError, ValueError):
        return False


def test_a_job_that_runs_too_long_is_stopped_and_says_so(jobs: Jobs) -> None:
    job = jobs.finished(jobs.start(SLEEPS, StoppingCondition={"MaxRuntimeInSeconds": 2}))
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert "FailureReason" not in job


def test_a_script_that_ignores_the_stop_signal_is_killed_after_the_grace(jobs: Jobs, aws: Aws) -> None:
    name = jobs.start(f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{SLEEPS}")
    wait_for(lambda: _has_log(jobs, name) and "asleep" in jobs.log(name), seconds=60)
    aws.sagemaker.stop_training_job(TrainingJobName=name)
    assert jobs.finished(name)["TrainingJobStatus"] == "Stopped"


def test_the_reason_of_a_failure_names_the_exception_and_the_exit_code(jobs: Jobs, aws: Aws) -> None:
    job = jobs.finished(jobs.start("raise SystemError('the moon is in the wrong phase ' + 'x' * 2000)"))
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Failed", "Failed")
    reason = job["FailureReason"]
    assert reason.startswith("AlgorithmError: ")
    assert "the moon is in the wrong phase" in reason
    assert reason.endswith(", exit code: 1")
    assert len(reason) == 1024


def test_a_channel_without_data_fails_the_job_with_the_prefix(jobs: Jobs) -> None:
    job = jobs.finished(jobs.start("print(1)", InputDataConfig=channel("nothing/here/")))
    assert job["FailureReason"].startswith("ClientError: Data download failed:")
    assert "nothing/here/" in job["FailureReason"]


def test_a_third_job_waits_in_starting_until_one_of_two_ends(jobs: Jobs, aws: Aws) -> None:
    names = [jobs.start(SLEEPS) for _ in range(2)]
    for name in names:
        jobs.in_status(name, "Training")
    third = jobs.start("print(1)")
    assert jobs.describe(third)["SecondaryStatus"] == "Starting"
    fourth = jobs.start("print(1)")
    aws.sagemaker.stop_training_job(TrainingJobName=fourth)
    assert statuses(jobs.finished(fourth)) == ["Starting", "Stopping", "Stopped"]
    assert jobs.describe(third)["SecondaryStatus"] == "Starting"
    for name in names:
        aws.sagemaker.stop_training_job(TrainingJobName=name)
    assert jobs.finished(third)["TrainingJobStatus"] == "Completed"


def test_a_second_job_of_the_same_name_is_refused(jobs: Jobs, aws: Aws) -> None:
    name = jobs.start("print(1)")
    with pytest.raises(aws.sagemaker.exceptions.ResourceInUse, match=name):
        jobs.start("print(2)", TrainingJobName=name)


def test_a_job_that_is_not_there_is_a_validation_exception(aws: Aws) -> None:
    with pytest.raises(ClientError, match=r"ValidationException.*Requested resource not found"):
        aws.sagemaker.describe_training_job(TrainingJobName="nobody")


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"TrainingJobName": "under_score"}, "regular expression pattern"),
        ({"TrainingJobName": "a" * 64}, "less than or equal to 63"),
        ({"RoleArn": "arn:aws:iam::000000000000:role/nobody"}, "Could not assume role"),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 0}}, "MaxRuntimeInSeconds"),
        ({"Tags": [{"Key": "a", "Value": "no<angle>"}]}, "tags.1.member.value"),
        ({"Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}, "Duplicate tag keys"),
        ({"OutputDataConfig": {"S3OutputPath": "http://somewhere"}}, "s3OutputPath"),
        ({"EnableNetworkIsolation": "yes"}, "Invalid type"),
        ({"HyperParameters": {"a": "b" * 2501}}, "2500"),
    ],
)
def test_a_request_that_sagemaker_refuses_is_refused(jobs: Jobs, changed: dict[str, object], refusal: str) -> None:
    request = jobs.request("print(1)") | changed
    with pytest.raises(ClientError, match=refusal) as caught:
        jobs.aws.sagemaker.create_training_job(**request)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize("address", ["shop:none", f"shop@sha256:{'0' * 64}", "elsewhere:latest", "x:y"])
def test_an_image_that_is_not_in_ecr_is_refused(jobs: Jobs, address: str) -> None:
    specification = {
        "TrainingImage": f"000000000000.dkr.ecr.{REGION}.amazonaws.com/{address}",
        "TrainingInputMode": "File",
    }
    with pytest.raises(ClientError, match=r"Requested image .* not found"):
        jobs.start("print(1)", AlgorithmSpecification=specification)


def test_a_metric_whose_regex_does_not_compile_is_refused(jobs: Jobs) -> None:
    specification = {
        "TrainingImage": jobs.image,
        "TrainingInputMode": "File",
        "MetricDefinitions": [LOSS | {"Regex": "("}],
    }
    with pytest.raises(ClientError, match="does not compile"):
        jobs.start("print(1)", AlgorithmSpecification=specification)


def test_very_many_instances_are_over_the_limit_of_a_laptop(jobs: Jobs) -> None:
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 5, "VolumeSizeInGB": 10}
    with pytest.raises(jobs.aws.sagemaker.exceptions.ResourceLimitExceeded):
        jobs.start("print(1)", ResourceConfig=resources)


def test_jobs_are_listed_in_pages_by_name_and_status(jobs: Jobs, aws: Aws) -> None:
    mark = unique("page")
    names = [jobs.start("raise SystemExit(1)", TrainingJobName=f"{mark}-{n}") for n in range(3)]
    for name in names:
        jobs.finished(name)
    pages = aws.sagemaker.get_paginator("list_training_jobs").paginate(
        NameContains=mark,
        StatusEquals="Failed",
        SortBy="Name",
        SortOrder="Descending",
        PaginationConfig={"PageSize": 2},
    )
    found = [[job["TrainingJobName"] for job in page["TrainingJobSummaries"]] for page in pages]
    assert found == [[f"{mark}-2", f"{mark}-1"], [f"{mark}-0"]]
    assert aws.sagemaker.list_training_jobs(NameContains=mark, StatusEquals="Completed")["TrainingJobSummaries"] == []
    with pytest.raises(ClientError, match="Invalid NextToken"):
        aws.sagemaker.list_training_jobs(NextToken="rubbish")


def test_training_leaves_nothing_outside_the_state_folder(jobs: Jobs) -> None:
    name = jobs.start("import os, tempfile\nprint(f'base {os.environ[\"HOME\"]} {tempfile.gettempdir()}')")
    assert jobs.finished(name)["TrainingJobStatus"] == "Completed", jobs.log(name)
    base = jobs.aws.state / "jobs" / name
    printed = [line for line in jobs.log(name) if line.startswith("base ")]
    assert printed == [f"base {base} {base / 'tmp'}"]
    assert not base.is_relative_to(ROOT)
