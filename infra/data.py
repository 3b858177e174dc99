"""What must outlive every deploy: data, images, history and the token. All of it stays when the stack is removed."""

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from mergemaker.domain.names import Names

KEEP = cdk.RemovalPolicy.RETAIN


class DataStack(cdk.Stack):
    """The project's bucket, image repository, run table and token secret."""

    def __init__(self, scope: Construct, construct_id: str, *, env: cdk.Environment, names: Names) -> None:
        super().__init__(
            scope, construct_id, env=env, description=f"Mergemaker, project {names.project}: data, images, history"
        )
        _bucket(self, names)
        _repository(self, names)
        _run_table(self, names)
        _token_secret(self, names)


def _bucket(scope: Construct, names: Names) -> None:
    """Its events go to EventBridge: that is how the report function hears of a submission."""
    bucket = s3.Bucket(
        scope,
        "Bucket",
        bucket_name=names.bucket,
        versioned=True,
        encryption=s3.BucketEncryption.S3_MANAGED,
        enforce_ssl=True,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        lifecycle_rules=[
            s3.LifecycleRule(
                id="forget-broken-uploads", abort_incomplete_multipart_upload_after=cdk.Duration.days(7), enabled=True
            )
        ],
        removal_policy=KEEP,
    )
    # The Bucket's own way, `event_bridge_enabled`, is a custom resource: a function that may configure any bucket.
    template = bucket.node.default_child
    assert isinstance(template, s3.CfnBucket)
    template.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
        event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
    )


def _repository(scope: Construct, names: Names) -> None:
    """Tags are immutable: a tag is the digest of what the image is made of."""
    ecr.Repository(
        scope,
        "Images",
        repository_name=names.repository,
        image_tag_mutability=ecr.TagMutability.IMMUTABLE,
        image_scan_on_push=True,
        removal_policy=KEEP,
    )


def _run_table(scope: Construct, names: Names) -> None:
    dynamodb.Table(
        scope,
        "Runs",
        table_name=names.run_table,
        partition_key=dynamodb.Attribute(name="model", type=dynamodb.AttributeType.STRING),
        sort_key=dynamodb.Attribute(name="job", type=dynamodb.AttributeType.STRING),
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        removal_policy=KEEP,
    )


def _token_secret(scope: Construct, names: Names) -> None:
    """Made empty: the token is put in by a person's command, so that no template, log or history ever holds it."""
    secret = secretsmanager.CfnSecret(
        scope,
        "Token",
        name=names.token_secret,
        description=f"GitLab token of the Mergemaker project {names.project}: api scope, no more rights than Developer",
    )
    secret.apply_removal_policy(KEEP)
