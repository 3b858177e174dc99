"""IAM is enforced: services work with the rights of the role that they were given, and with no more."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.aws.helpers import (
    ACCOUNT,
    BUCKET,
    CONTEXT,
    PROJECT,
    REGION,
    Aws,
    client,
    document,
    finished_build,
    new_role,
    start_build,
    tag_of,
    unique,
    wait_for,
    zipped,
)
from tests.local.aws.jobs import Jobs, packed
from tests.local.aws.test_endpoints import configured, settled
from tests.local.aws.test_training import channel

pytestmark = pytest.mark.cloud
Bound = Callable[[str], Any]

SAYS_WHO = """
import os, boto3
# In one write: the toolkit logs to the same stream.
os.write(1, f"I am {boto3.client('sts').get_caller_identity()['Arn']}\\n".encode())
"""


def allow(*actions: str, on: str = "*", **condition: Any) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": list(actions), "Resource": on}
    return {**statement, "Condition": condition} if condition else statement


def refused(call: Callable[[], object], action: str = "") -> bool:
    with pytest.raises(ClientError) as caught:
        call()
    told = caught.value.response["Error"]
    return told["Code"].startswith("AccessDenied") and action in told["Message"]


# What services do for somebody ---------------------------------------------------------------


def test_a_job_is_its_role(jobs: Jobs, role: str) -> None:
    name = jobs.start(SAYS_WHO)
    assert jobs.finished(name)["TrainingJobStatus"] == "Completed", jobs.log(name)
    assert f"I am arn:aws:sts::{ACCOUNT}:assumed-role/{role.rpartition('/')[2]}/sagemaker" in "\n".join(jobs.log(name))


def test_a_job_whose_role_may_not_read_its_data_fails_and_says_which_role(aws: Aws, jobs: Jobs) -> None:
    poor = new_role(aws.iam, unique("poor"), "sagemaker", "ecr:*", "logs:*")
    aws.s3.put_object(Bucket=BUCKET, Key="m/data/rows.csv", Body=b"1")
    job = jobs.finished(jobs.start("print(1)", RoleArn=poor, InputDataConfig=channel("m/data/")))
    assert job["TrainingJobStatus"] == "Failed"
    assert f"the role '{poor}' has 's3:ListBucket' permissions" in job["FailureReason"]


def test_a_role_that_does_not_trust_sagemaker_is_no_role_for_a_job(aws: Aws, jobs: Jobs) -> None:
    other = new_role(aws.iam, unique("other"), "ec2", "*")
    with pytest.raises(ClientError, match=r"allows principal 'sagemaker\.amazonaws\.com' to assume the role"):
        jobs.start("print(1)", RoleArn=other)


def test_a_build_whose_role_may_not_push_fails_and_says_so(aws: Aws, image: str) -> None:
    aws.codebuild.create_project(
        name=f"{PROJECT}-poor-image",
        source={"type": "NO_SOURCE", "buildspec": "version: 0.2"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={"type": "LINUX_CONTAINER", "image": "standard", "computeType": "BUILD_GENERAL1_SMALL"},
        serviceRole=new_role(aws.iam, unique("build"), "codebuild", "s3:*", "logs:*"),
    )
    context = zipped(CONTEXT)
    build = finished_build(aws, start_build(aws, f"{PROJECT}-poor-image", tag_of(context, unique("m")), context))
    logs = build["logs"]
    said = aws.logs.get_log_events(logGroupName=logs["groupName"], logStreamName=logs["streamName"])["events"]
    assert build["buildStatus"] == "FAILED"
    assert "not authorized to perform: ecr:PutImage" in said[-1]["message"]


@pytest.mark.parametrize("isolated", [True, False])
def test_a_container_without_network_has_no_keys(aws: Aws, image: str, role: str, isolated: bool) -> None:
    name, key = unique("keys"), f"m/output/{unique('k')}/output/model.tar.gz"
    aws.s3.put_object(Bucket=BUCKET, Key=key, Body=packed({"answer.txt": "one"}))
    container: Any = {"Image": image, "ModelDataUrl": f"s3://{BUCKET}/{key}"}
    aws.sagemaker.create_model(
        ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container, EnableNetworkIsolation=isolated
    )
    aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=configured(aws, name))
    assert settled(aws, name)["EndpointStatus"] == "InService"
    answer = aws.runtime.invoke_endpoint(EndpointName=name, Body=b"key?", ContentType="text/plain")["Body"].read()
    assert (b"ASIA" in answer) is not isolated
    aws.sagemaker.delete_endpoint(EndpointName=name)


# Who may call --------------------------------------------------------------------------------


def test_a_call_needs_its_permission_for_its_resource(aws: Aws, bound: Callable[..., Bound]) -> None:
    mine = bound(
        allow("sagemaker:DescribeModelPackageGroup", on=f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package-group/a-*")
    )
    aws.sagemaker.create_model_package_group(ModelPackageGroupName=(one := unique("a-group")))
    aws.sagemaker.create_model_package_group(ModelPackageGroupName=(other := unique("b-group")))
    sagemaker = mine("sagemaker")
    assert sagemaker.describe_model_package_group(ModelPackageGroupName=one)
    action = "sagemaker:DescribeModelPackageGroup"
    assert refused(lambda: sagemaker.describe_model_package_group(ModelPackageGroupName=other), action)
    assert refused(sagemaker.list_model_package_groups, "sagemaker:ListModelPackageGroups")
    runtime = mine("sagemaker-runtime")
    assert refused(lambda: runtime.invoke_endpoint(EndpointName="any", Body=b""), "sagemaker:InvokeEndpoint")


def test_a_call_without_keys_is_refused(aws: Aws) -> None:
    with pytest.raises(ClientError, match="missing Authentication Token"):
        client("sagemaker", aws.port, keys=None).list_models()


def test_a_condition_on_a_write_that_replaces_nothing_is_kept(bucket: str, bound: Callable[..., Bound]) -> None:
    s3 = bound(allow("s3:PutObject", on=f"arn:aws:s3:::{bucket}/*", Null={"s3:if-none-match": "false"}))("s3")
    key = unique("once")
    s3.put_object(Bucket=bucket, Key=key, Body=b"1", IfNoneMatch="*")
    assert refused(lambda: s3.put_object(Bucket=bucket, Key=key, Body=b"2"))


def test_a_multipart_upload_makes_its_object_with_its_last_call(bucket: str, bound: Callable[..., Bound]) -> None:
    """Which is the one that a condition on what it replaces can be put on."""
    there = f"arn:aws:s3:::{bucket}/*"
    parts = allow("s3:PutObject", on=there, Bool={"s3:ObjectCreationOperation": "false"})
    s3 = bound(parts, allow("s3:PutObject", on=there, Null={"s3:if-none-match": "false"}))("s3")
    key = unique("parts")
    upload: Any = {
        "Bucket": bucket,
        "Key": key,
        "UploadId": s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"],
    }
    part = {"PartNumber": 1, "ETag": s3.upload_part(**upload, PartNumber=1, Body=b"1")["ETag"]}
    assert refused(lambda: s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]}))
    assert refused(lambda: s3.put_object(Bucket=bucket, Key=key, Body=b"2"))
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]}, IfNoneMatch="*")


def test_a_copy_can_be_told_to_replace_nothing(aws: Aws, bucket: str) -> None:
    source, target = unique("from"), unique("to")
    aws.s3.put_object(Bucket=bucket, Key=source, Body=b"1")
    copy: Any = {"Bucket": bucket, "Key": target, "CopySource": {"Bucket": bucket, "Key": source}, "IfNoneMatch": "*"}
    aws.s3.copy_object(**copy)
    with pytest.raises(ClientError, match="PreconditionFailed"):
        aws.s3.copy_object(**copy)


def test_the_role_of_a_session_is_its_principal(bucket: str, bound: Callable[..., Bound]) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/bound-*"
    everything = {"on": f"arn:aws:s3:::{bucket}*"}
    assert bound(allow("s3:*", **everything, ArnLike={"aws:PrincipalArn": role}))("s3").list_objects_v2(Bucket=bucket)
    other = bound(allow("s3:*", **everything, ArnLike={"aws:PrincipalArn": "arn:aws:sts::*"}))("s3")
    assert refused(lambda: other.list_objects_v2(Bucket=bucket))


def test_a_log_is_asked_for_by_its_stream(aws: Aws, bound: Callable[..., Bound]) -> None:
    aws.logs.create_log_group(logGroupName=(group := unique("group")))
    aws.logs.create_log_stream(logGroupName=group, logStreamName="one")
    logs = bound(allow("logs:GetLogEvents", on=f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:log-stream:one"))
    assert logs("logs").get_log_events(logGroupName=group, logStreamName="one")
    assert refused(lambda: logs("logs").get_log_events(logGroupName=group, logStreamName="two"), "logs:GetLogEvents")


def test_what_is_encrypted_is_for_whom_the_key_lets_in(aws: Aws, bound: Callable[..., Bound]) -> None:
    """Through S3 only; and by its name, which stands for the key."""
    name = unique("secret")
    let_in, left_out = (bound(allow("s3:*")) for _ in range(2))
    principal = let_in("sts").get_caller_identity()["Arn"].replace(":sts:", ":iam:").replace("assumed-role", "role")
    kms = client("kms", aws.port)
    through = {"kms:ViaService": f"s3.{REGION}.amazonaws.com", "kms:CallerAccount": ACCOUNT}
    role = {"aws:PrincipalArn": principal.rpartition("/")[0]}
    policy = document(
        {"Principal": "*", **allow("kms:Decrypt", "kms:GenerateDataKey", StringEquals=through, ArnEquals=role)},
        {"Principal": "*", **allow("kms:DescribeKey", ArnEquals=role)},
    )
    key = kms.create_key(Policy=policy)["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=f"alias/{name}", TargetKeyId=key)
    aws.s3.create_bucket(Bucket=name)
    rule: Any = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    aws.s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    let_in("s3").put_object(Bucket=name, Key="k", Body=b"1")
    assert let_in("s3").get_object(Bucket=name, Key="k")
    assert refused(lambda: left_out("s3").get_object(Bucket=name, Key="k"))
    assert refused(lambda: left_out("s3").put_object(Bucket=name, Key="k", Body=b"2"))
    assert let_in("kms").describe_key(KeyId=f"alias/{name}")
    assert refused(lambda: left_out("kms").describe_key(KeyId=f"alias/{name}"), "kms:DescribeKey")


def test_an_event_comes_only_where_the_queue_lets_it_in(aws: Aws, jobs: Jobs) -> None:
    urls = {}
    for kind, service in (("open", "events.amazonaws.com"), ("shut", "sns.amazonaws.com")):
        name = unique(kind)
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
        send = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sqs:SendMessage", "Resource": arn}
        urls[kind] = aws.sqs.create_queue(QueueName=name, Attributes={"Policy": document(send)})["QueueUrl"]
        aws.events.put_rule(Name=name, EventPattern=json.dumps({"source": ["told.here"]}))
        aws.events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn}])
    aws.events.put_events(Entries=[{"Source": "told.here", "DetailType": "t", "Detail": "{}"}])
    wait_for(lambda: aws.sqs.receive_message(QueueUrl=urls["open"]).get("Messages"))
    assert "Messages" not in aws.sqs.receive_message(QueueUrl=urls["shut"])
