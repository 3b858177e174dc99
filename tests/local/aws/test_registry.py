"""Package groups and packages behave as SageMaker's model registry."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.aws.helpers import ACCOUNT, BUCKET, REGION, Aws, Mailbox, unique
from tests.local.aws.jobs import packed
from tests.local.aws.test_events import Mailboxes, assert_shaped, sample

pytestmark = pytest.mark.cloud
DATA = f"s3://{BUCKET}/m/output/packaged/output/model.tar.gz"


@pytest.fixture(scope="session")
def data(aws: Aws, bucket: str) -> str:
    """A model in S3 that answers with its name."""
    aws.s3.put_object(
        Bucket=bucket, Key="m/output/packaged/output/model.tar.gz", Body=packed({"answer.txt": "packaged"})
    )
    return DATA


@pytest.fixture
def group(aws: Aws) -> str:
    name = unique("shop-m")
    aws.sagemaker.create_model_package_group(ModelPackageGroupName=name, Tags=[{"Key": "a", "Value": "b"}])
    return name


@pytest.fixture
def package(aws: Aws, group: str, image: str, data: str) -> Callable[..., str]:
    """Makes a package of the group and returns its ARN."""

    def make(**more: Any) -> str:
        specification: Any = {
            "Containers": [{"Image": image, "ModelDataUrl": data}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        }
        return aws.sagemaker.create_model_package(
            ModelPackageGroupName=group, InferenceSpecification=specification, **more
        )["ModelPackageArn"]

    return make


def test_packages_are_numbered_and_keep_what_they_were_given(
    aws: Aws, group: str, image: str, package: Callable[..., str]
) -> None:
    metrics: Any = {
        "ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": f"s3://{BUCKET}/x.json"}}
    }
    arns = [package(), package(CustomerMetadataProperties={"job": "j"}, ModelMetrics=metrics)]
    assert arns == [f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/{group}/{n}" for n in (1, 2)]
    found = aws.sagemaker.describe_model_package(ModelPackageName=arns[1])
    assert (found["ModelPackageVersion"], found["ModelPackageStatus"]) == (2, "Completed")
    assert found["ModelApprovalStatus"] == "PendingManualApproval"
    assert found["CustomerMetadataProperties"] == {"job": "j"}
    assert found["ModelMetrics"] == metrics
    (container,) = found["InferenceSpecification"]["Containers"]
    assert container["ImageDigest"] == image.partition("@")[2]
    etag = aws.s3.head_object(Bucket=BUCKET, Key="m/output/packaged/output/model.tar.gz")["ETag"].strip('"')
    assert container["ModelDataETag"] == etag


def test_the_same_client_token_gives_the_same_package(aws: Aws, group: str, package: Callable[..., str]) -> None:
    token = unique("token")
    assert package(ClientToken=token) == package(ClientToken=token)
    with pytest.raises(aws.sagemaker.exceptions.ConflictException):
        package(ClientToken=token, ModelApprovalStatus="Approved")
    assert len(aws.sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]) == 1


def test_an_approval_is_an_event_that_names_what_changed(
    aws: Aws, group: str, package: Callable[..., str], mailbox: Mailboxes
) -> None:
    box: Mailbox = mailbox({"source": ["aws.sagemaker"], "detail": {"ModelPackageGroupName": [group]}})
    arn = package()
    life: Any = {"Stage": "staging", "StageStatus": "Approved"}
    aws.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved", ModelLifeCycle=life)
    created, approved = box.take(lambda got: len(got) == 2)
    assert "UpdatedModelPackageFields" not in created["detail"]
    assert approved["detail"]["UpdatedModelPackageFields"] == ["ModelApprovalStatus", "ModelLifeCycle"]
    assert approved["detail"]["ModelApprovalStatus"] == "Approved"
    assert approved["resources"] == [arn]
    like = sample("model-package-state-change.json")
    assert_shaped(approved, like, more=set(), less={"MetadataProperties", "ModelMetrics"})


def test_metadata_is_merged_and_removed(aws: Aws, package: Callable[..., str]) -> None:
    arn = package(CustomerMetadataProperties={"a": "1", "b": "2"})
    aws.sagemaker.update_model_package(
        ModelPackageArn=arn, CustomerMetadataProperties={"c": "3"}, CustomerMetadataPropertiesToRemove=["a"]
    )
    found = aws.sagemaker.describe_model_package(ModelPackageName=arn)
    assert found["CustomerMetadataProperties"] == {"b": "2", "c": "3"}


def test_packages_are_listed_by_approval(aws: Aws, group: str, package: Callable[..., str]) -> None:
    arns = [package(), package(ModelApprovalStatus="Approved"), package()]
    pages = aws.sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, SortOrder="Descending", PaginationConfig={"PageSize": 2}
    )
    listed = [[p["ModelPackageArn"] for p in page["ModelPackageSummaryList"]] for page in pages]
    assert listed == [[arns[2], arns[1]], [arns[0]]]
    found = aws.sagemaker.list_model_packages(ModelPackageGroupName=group, ModelApprovalStatus="Approved")
    assert [p["ModelPackageArn"] for p in found["ModelPackageSummaryList"]] == [arns[1]]


def test_the_number_of_a_deleted_package_is_not_given_again(aws: Aws, package: Callable[..., str]) -> None:
    first = package()
    aws.sagemaker.delete_model_package(ModelPackageName=first)
    with pytest.raises(ClientError, match="does not exist"):
        aws.sagemaker.describe_model_package(ModelPackageName=first)
    assert package().endswith("/2")


def test_a_group_is_made_once_and_described(aws: Aws, group: str) -> None:
    with pytest.raises(ClientError, match=r"ValidationException.*already exists"):
        aws.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    found = aws.sagemaker.describe_model_package_group(ModelPackageGroupName=group)
    assert found["ModelPackageGroupStatus"] == "Completed"
    listed = aws.sagemaker.list_model_package_groups(NameContains=group)["ModelPackageGroupSummaryList"]
    assert [g["ModelPackageGroupName"] for g in listed] == [group]
    with pytest.raises(ClientError, match=r"ValidationException.*does not exist"):
        aws.sagemaker.describe_model_package_group(ModelPackageGroupName="nobody")


def test_tags_are_added_listed_and_deleted(aws: Aws, group: str) -> None:
    arn = aws.sagemaker.describe_model_package_group(ModelPackageGroupName=group)["ModelPackageGroupArn"]
    aws.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "c", "Value": "d"}])
    aws.sagemaker.delete_tags(ResourceArn=arn, TagKeys=["a"])
    assert aws.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "c", "Value": "d"}]
    with pytest.raises(ClientError, match="Could not find resource"):
        aws.sagemaker.list_tags(ResourceArn=f"{arn}-no")


def test_a_package_of_data_or_images_that_are_not_there_is_refused(aws: Aws, group: str, image: str) -> None:
    for container, refusal in (
        ({"Image": image, "ModelDataUrl": f"s3://{BUCKET}/nothing.tar.gz"}, "Could not find model data"),
        ({"Image": image, "ModelDataUrl": "s3://No_Bucket/x"}, "Could not find model data"),
        ({"Image": f"{image[:-4]}0000"}, "not found"),
    ):
        specification: Any = {"Containers": [container]}
        with pytest.raises(ClientError, match=refusal):
            aws.sagemaker.create_model_package(ModelPackageGroupName=group, InferenceSpecification=specification)
