"""A processing job runs what the product asks for, and ends as SageMaker's would."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.aws.helpers import Aws, client, new_role, unique, wait_for
from tests.local.aws.jobs import Jobs, needs_own_mounts
from tests.local.aws.processing import BUCKET, Processings
from tests.local.aws.test_iam import Bound, allow, refused

pytestmark = [pytest.mark.cloud, needs_own_mounts]

PREPARES = """
import json, os, pathlib, boto3
place = pathlib.Path("/opt/ml/processing")
rows = (place / "input/data/deep/rows.csv").read_text()
(place / "output/train/deep").mkdir()
(place / "output/train/deep/rows.csv").write_text(rows.upper())
(place / "output/train/link.csv").symlink_to(place / "input/data/deep/rows.csv")
(place / "output/validation/rows.csv").write_text(rows)
pathlib.Path("/opt/ml/output/message").write_text("two rows")
job = json.loads(pathlib.Path("/opt/ml/config/processingjobconfig.json").read_text())
hosts = json.loads(pathlib.Path("/opt/ml/config/resourceconfig.json").read_text())
print("JOB", job["ProcessingJobName"], job["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"])
print("HOST", hosts)
print("ENV", os.environ["EXTRA"], os.environ["GREETING"], os.environ["PROCESSING_JOB_ARN"] == job["ProcessingJobArn"])
print("WHO", boto3.client("sts").get_caller_identity()["Arn"].split("/")[1])
print("CODE", *(path.name for path in (place / "input/code").iterdir()))
"""
SLEEPS = "import time\nprint('asleep', flush=True)\ntime.sleep(60)\n"
SMALL = "ml.m5.large"
WRITES = "open('/opt/ml/processing/output/train/a', 'w').write('half')\n"


def asleep(processings: Processings, name: str) -> None:
    wait_for(lambda: "asleep" in processings.log(name), seconds=60)


def test_a_script_finds_its_input_and_what_it_leaves_comes_to_s3(aws: Aws, processings: Processings) -> None:
    tags = [{"Key": "mergemaker:model", "Value": "m"}]
    name = processings.start(PREPARES, data="a,b\n", Environment={"EXTRA": "yes"}, Tags=tags)
    job = processings.finished(name)
    assert job["ProcessingJobStatus"] == "Completed", (job, processings.log(name))
    assert processings.left(name) == {"train/deep/rows.csv": "A,B\n", "validation/rows.csv": "a,b\n"}
    assert job["ExitMessage"] == "two rows"
    assert job["CreationTime"] <= job["ProcessingStartTime"] <= job["ProcessingEndTime"]
    log = processings.log(name)
    assert f"JOB {name} None" in log
    assert "HOST {'current_host': 'algo-1', 'hosts': ['algo-1']}" in log
    assert "ENV yes hello there True" in log
    assert f"WHO {processings.role.rpartition('/')[2]}" in log
    (code,) = [line for line in log if line.startswith("CODE")]
    assert code.endswith(".tar.gz")
    assert aws.sagemaker.list_tags(ResourceArn=job["ProcessingJobArn"])["Tags"] == tags


def test_what_is_described_has_the_defaults_of_sagemaker(processings: Processings) -> None:
    request = processings.request("print(1)")
    del request["StoppingCondition"]
    processings.aws.sagemaker.create_processing_job(**request)
    job = processings.finished(request["ProcessingJobName"])
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 86400}
    defaults = {"S3DataDistributionType": "FullyReplicated", "S3CompressionType": "None"}
    code, _ = job["ProcessingInputs"]
    assert code["S3Input"] == request["ProcessingInputs"][0]["S3Input"] | defaults


def test_a_failed_job_names_the_exit_code_and_says_what_the_script_did_and_uploads_what_is_there(
    processings: Processings,
) -> None:
    name = processings.start(f"{WRITES}raise ValueError('no such column')")
    job = processings.finished(name)
    assert (job["ProcessingJobStatus"], job["FailureReason"]) == ("Failed", "AlgorithmError: , exit code: 1")
    assert job["ExitMessage"].endswith("ValueError: no such column\n")
    assert processings.left(name) == {"train/a": "half"}


def test_the_first_kilobyte_of_what_a_container_leaves_to_say_is_kept(processings: Processings) -> None:
    says = "open('/opt/ml/output/message', 'w', encoding='utf-8').write('ä' * 600)"
    application = {"ImageUri": processings.image, "ContainerEntrypoint": ["python3", "-c", says]}
    job = processings.finished(processings.start("", AppSpecification=application))
    assert (job["ProcessingJobStatus"], job["ExitMessage"]) == ("Completed", "ä" * 512)


def test_a_message_that_is_no_text_fails_the_job(processings: Processings) -> None:
    job = processings.finished(processings.start("open('/opt/ml/output/message', 'wb').write(b'\\xff')"))
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: ")
    assert "UTF-8" in job["FailureReason"]


def test_a_stop_ends_the_job_and_a_second_one_is_refused(aws: Aws, processings: Processings) -> None:
    name = processings.start(SLEEPS)
    asleep(processings, name)
    aws.sagemaker.stop_processing_job(ProcessingJobName=name)
    assert processings.describe(name)["ProcessingJobStatus"] == "Stopping"
    job = processings.finished(name)
    assert job["ProcessingJobStatus"] == "Stopped"
    assert "FailureReason" not in job
    with pytest.raises(ClientError, match=r"ValidationException.*is in status Stopped"):
        aws.sagemaker.stop_processing_job(ProcessingJobName=name)


def test_a_job_that_runs_too_long_is_stopped(processings: Processings) -> None:
    job = processings.finished(processings.start(SLEEPS, StoppingCondition={"MaxRuntimeInSeconds": 1}))
    assert job["ProcessingJobStatus"] == "Stopped"


def test_input_that_is_not_there_fails_the_job_with_the_prefix(processings: Processings) -> None:
    request = processings.request("print(1)")
    request["ProcessingInputs"][1]["S3Input"]["S3Uri"] = f"s3://{BUCKET}/nothing/here/"
    processings.aws.sagemaker.create_processing_job(**request)
    job = processings.finished(request["ProcessingJobName"])
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Data download failed:")
    assert "nothing/here/" in job["FailureReason"]


def test_training_and_processing_jobs_share_the_machine(aws: Aws, jobs: Jobs, processings: Processings) -> None:
    first, second = jobs.start(SLEEPS), processings.start(SLEEPS)
    jobs.in_status(first, "Training")
    asleep(processings, second)
    third = processings.start("print(1)")
    assert "ProcessingStartTime" not in processings.describe(third)
    fourth = processings.start("print(1)")
    aws.sagemaker.stop_processing_job(ProcessingJobName=fourth)
    assert processings.finished(fourth)["ProcessingJobStatus"] == "Stopped"
    assert "ProcessingStartTime" not in processings.describe(third)
    aws.sagemaker.stop_processing_job(ProcessingJobName=second)
    aws.sagemaker.stop_training_job(TrainingJobName=first)
    assert processings.finished(third)["ProcessingJobStatus"] == "Completed"


def test_the_output_lies_under_the_key_that_was_asked_for(aws: Aws, processings: Processings) -> None:
    key = client("kms", aws.port).create_key()["KeyMetadata"]["Arn"]
    request = processings.request(WRITES)
    request["ProcessingOutputConfig"]["KmsKeyId"] = key
    request["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] = key
    aws.sagemaker.create_processing_job(**request)
    name = request["ProcessingJobName"]
    assert processings.finished(name)["ProcessingJobStatus"] == "Completed"
    head = aws.s3.head_object(Bucket=BUCKET, Key=f"m/output/{name}/train/a")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)


def test_data_comes_and_goes_with_the_rights_of_the_role(aws: Aws, processings: Processings) -> None:
    image = ("ecr:*", "logs:*")
    blind = new_role(aws.iam, unique("blind"), "sagemaker", *image)
    job = processings.finished(processings.start(WRITES, RoleArn=blind))
    assert job["FailureReason"].startswith("ClientError: Data download failed:")
    reads = new_role(aws.iam, unique("reads"), "sagemaker", *image, "s3:GetObject", "s3:ListBucket")
    job = processings.finished(name := processings.start(WRITES, RoleArn=reads))
    assert job["FailureReason"].startswith("ClientError: ")
    assert "PutObject" in job["FailureReason"]
    assert processings.left(name) == {}


def test_a_caller_starts_what_it_may_start_with_a_role_that_it_may_pass(
    processings: Processings, bound: Callable[..., Bound]
) -> None:
    condition: dict[str, Any] = {"ForAnyValue:StringEquals": {"sagemaker:InstanceTypes": SMALL}}
    small = allow("sagemaker:CreateProcessingJob", **condition)
    request = processings.request("print(1)")
    tagged = request | {"Tags": [{"Key": "a", "Value": "b"}]}
    start = bound(small)("sagemaker").create_processing_job
    assert refused(lambda: start(**request), "iam:PassRole")
    start = bound(small, allow("iam:PassRole", on=processings.role))("sagemaker").create_processing_job
    assert refused(lambda: start(**tagged), "sagemaker:AddTags")
    cluster = {"ClusterConfig": request["ProcessingResources"]["ClusterConfig"] | {"InstanceType": "ml.m5.xlarge"}}
    assert refused(lambda: start(**request | {"ProcessingResources": cluster}), "sagemaker:CreateProcessingJob")
    start(**request)
    assert processings.finished(request["ProcessingJobName"])["ProcessingJobStatus"] == "Completed"


def test_a_second_job_of_the_same_name_is_refused_and_a_training_job_of_it_is_not(
    aws: Aws, jobs: Jobs, processings: Processings
) -> None:
    name = processings.start("print(1)")
    with pytest.raises(aws.sagemaker.exceptions.ResourceInUse, match=name):
        processings.start("print(2)", ProcessingJobName=name)
    assert jobs.finished(jobs.start("print(3)", TrainingJobName=name))["TrainingJobStatus"] == "Completed"


def test_a_job_that_is_not_there_is_a_validation_exception(aws: Aws) -> None:
    with pytest.raises(ClientError, match=r"ValidationException.*Could not find requested job with name: nobody"):
        aws.sagemaker.describe_processing_job(ProcessingJobName="nobody")


def test_jobs_are_listed_by_name_and_status(aws: Aws, processings: Processings) -> None:
    mark = unique("page")
    for number in range(3):
        processings.finished(processings.start("raise SystemExit(1)", ProcessingJobName=f"{mark}-{number}"))
    asked: Any = {"NameContains": mark, "SortBy": "Name", "SortOrder": "Descending"}
    pages = aws.sagemaker.get_paginator("list_processing_jobs").paginate(
        **asked, StatusEquals="Failed", PaginationConfig={"PageSize": 2}
    )
    found = [[job["ProcessingJobName"] for job in page["ProcessingJobSummaries"]] for page in pages]
    assert found == [[f"{mark}-2", f"{mark}-1"], [f"{mark}-0"]]
    assert aws.sagemaker.list_processing_jobs(**asked, StatusEquals="Completed")["ProcessingJobSummaries"] == []
