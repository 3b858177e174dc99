"""What is kept: bucket, images, run table, token."""

import json
from typing import Any

import pytest

from tests.infra.stacks import ACCOUNT, PROJECT, REGION, Stacks


def test_the_bucket_refuses_plain_http(stacks: Stacks) -> None:
    policy = stacks.properties("AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]
    denials = [one for one in policy if one["Effect"] == "Deny"]

    assert [one["Condition"] for one in denials] == [{"Bool": {"aws:SecureTransport": "false"}}]
    assert denials[0]["Action"] == "s3:*"
    assert denials[0]["Principal"] == {"AWS": "*"}
    assert len(denials[0]["Resource"]) == 2, "the bucket and what is in it"


def test_the_bucket_is_private_versioned_and_encrypted(stacks: Stacks) -> None:
    bucket = stacks.properties("AWS::S3::Bucket")

    assert bucket["BucketName"] == f"{PROJECT}-{ACCOUNT}-{REGION}"
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["PublicAccessBlockConfiguration"] == dict.fromkeys(
        ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"], True
    )
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    encryption = rule["ServerSideEncryptionByDefault"]
    assert encryption["SSEAlgorithm"] == "aws:kms"
    assert stacks.target(encryption["KMSMasterKeyID"])["Type"] == "AWS::KMS::Key"
    assert rule["BucketKeyEnabled"] is True


def test_the_bucket_tells_eventbridge_of_its_objects(stacks: Stacks) -> None:
    notifications = stacks.properties("AWS::S3::Bucket")["NotificationConfiguration"]

    assert notifications == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}


def test_an_upload_that_broke_off_is_forgotten_after_a_week(stacks: Stacks) -> None:
    rule = lifecycle(stacks)["forget-broken-uploads"]

    assert rule == {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}


def test_what_was_replaced_is_forgotten_after_three_months_and_what_was_not_never(stacks: Stacks) -> None:
    rules = lifecycle(stacks)

    assert rules["forget-replaced-versions"] == {
        "NoncurrentVersionExpiration": {"NoncurrentDays": 90},
        "ExpiredObjectDeleteMarker": True,
    }
    assert not [one for one in rules.values() if "ExpirationInDays" in one or "ExpirationDate" in one]


def test_old_bundles_and_artifacts_become_cheaper_and_stay_readable(stacks: Stacks) -> None:
    rule = lifecycle(stacks)["old-bundles-cost-less"]

    assert rule == {"Transitions": [{"StorageClass": "INTELLIGENT_TIERING", "TransitionInDays": 30}]}


def lifecycle(stacks: Stacks) -> dict[str, dict[str, Any]]:
    """What each rule does, to all of the bucket."""
    rules = stacks.properties("AWS::S3::Bucket")["LifecycleConfiguration"]["Rules"]
    assert {one["Status"] for one in rules} == {"Enabled"}
    return {one["Id"]: {key: value for key, value in one.items() if key not in {"Id", "Status"}} for one in rules}


def test_an_image_is_never_removed_for_its_age_if_it_has_a_tag(stacks: Stacks) -> None:
    policy = json.loads(stacks.properties("AWS::ECR::Repository")["LifecyclePolicy"]["LifecyclePolicyText"])

    (rule,) = policy["rules"]
    assert rule["selection"] == {
        "tagStatus": "untagged",
        "countType": "sinceImagePushed",
        "countNumber": 14,
        "countUnit": "days",
    }
    assert rule["action"] == {"type": "expire"}


def test_an_image_tag_never_changes_its_image_and_each_image_is_scanned(stacks: Stacks) -> None:
    repository = stacks.properties("AWS::ECR::Repository")

    assert repository["RepositoryName"] == PROJECT
    assert repository["ImageTagMutability"] == "IMMUTABLE"
    assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}


def test_the_run_table_finds_a_run_by_model_and_job_and_can_be_wound_back(stacks: Stacks) -> None:
    table = stacks.properties("AWS::DynamoDB::Table")

    assert table["TableName"] == f"{PROJECT}-runs"
    assert table["KeySchema"] == [
        {"AttributeName": "model", "KeyType": "HASH"},
        {"AttributeName": "job", "KeyType": "RANGE"},
    ]
    assert {one["AttributeType"] for one in table["AttributeDefinitions"]} == {"S"}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def test_the_template_has_the_name_of_the_token_and_no_value(stacks: Stacks) -> None:
    secret = stacks.properties("AWS::SecretsManager::Secret")

    assert secret["Name"] == f"{PROJECT}/gitlab-token"
    assert secret.keys() <= {"Name", "Description", "KmsKeyId", "Tags"}


@pytest.mark.parametrize(
    "kind",
    [
        "AWS::S3::Bucket",
        "AWS::S3::BucketPolicy",
        "AWS::ECR::Repository",
        "AWS::DynamoDB::Table",
        "AWS::SecretsManager::Secret",
        "AWS::KMS::Key",
        "AWS::KMS::Alias",
    ],
)
def test_what_holds_data_stays_when_its_stack_is_removed(stacks: Stacks, kind: str) -> None:
    resource = stacks.one(kind)

    assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
    assert resource["UpdateReplacePolicy"] == "Retain"
