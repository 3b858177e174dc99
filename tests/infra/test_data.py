"""What is kept: bucket, images, run table, token."""

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
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def test_the_bucket_tells_eventbridge_of_its_objects(stacks: Stacks) -> None:
    notifications = stacks.properties("AWS::S3::Bucket")["NotificationConfiguration"]

    assert notifications == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}


def test_an_upload_that_broke_off_is_forgotten_after_a_week(stacks: Stacks) -> None:
    (rule,) = stacks.properties("AWS::S3::Bucket")["LifecycleConfiguration"]["Rules"]

    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert rule["Status"] == "Enabled"


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
    assert secret.keys() <= {"Name", "Description", "Tags"}


@pytest.mark.parametrize(
    "kind",
    ["AWS::S3::Bucket", "AWS::ECR::Repository", "AWS::DynamoDB::Table", "AWS::SecretsManager::Secret"],
)
def test_what_holds_data_stays_when_its_stack_is_removed(stacks: Stacks, kind: str) -> None:
    resource = stacks.one(kind)

    assert resource["DeletionPolicy"] == "Retain"
    assert resource["UpdateReplacePolicy"] == "Retain"
