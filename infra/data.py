"""What must outlive every deploy: data, images, history, the token, and the key to all of it.

All of it stays when the stack is removed, unless the settings say otherwise.
"""

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.acknowledged import acknowledge
from infra.arns import Arns
from infra.emptied import empty_at_the_end
from infra.key import alias, project_key
from infra.token_secret import token_secret
from mergemaker.domain.names import Names

KEPT = (
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",  # or what is kept could be read over plain http
    "AWS::ECR::Repository",
    "AWS::DynamoDB::Table",
    "AWS::SecretsManager::Secret",
    "AWS::KMS::Key",
    "AWS::KMS::Alias",  # the key is found by it
)
"""What holds data, and what guards it. All of these can be taken into a new stack again by `cdk import`."""

KEEP = cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
"""A first deploy that fails leaves nothing behind: the names would be taken when it is tried again."""
REPLACED_DAYS = 90
IDLE_DAYS = 30
UNTAGGED_DAYS = 14

_BUCKET = dict.fromkeys(
    (
        "AwsSolutions::AwsSolutions-S1",
        "NIST.800.53.R5::NIST.800.53.R5-S3BucketLoggingEnabled",
        "CKV_AWS_18",
    ),
    "Who read or wrote what is in CloudTrail's data events, which an account turns on for all its buckets; access logs "
    "would need a second bucket, with the same names of models and runs in it, to protect and to pay for.",
) | {
    "NIST.800.53.R5::NIST.800.53.R5-S3BucketReplicationEnabled": "Versions guard against mistakes, and S3 keeps each "
    "object in three zones. A copy in a second region is a choice of the team, which may be bound to one region."
}
_TABLE = {
    "NIST.800.53.R5::NIST.800.53.R5-DynamoDBInBackupPlan": "Point-in-time recovery goes back to any second of 35 days. "
    "What the table says is also in SageMaker's registry and in each model's reports.csv."
}


class DataStack(cdk.Stack):
    """The project's bucket, image repository, run table and token secret."""

    def __init__(
        self, scope: Construct, construct_id: str, *, env: cdk.Environment, arns: Arns, keep: bool, rotate_token: bool
    ) -> None:
        """`keep`: whether what the stack holds outlives it. `rotate_token`: whether AWS renews GitLab's token."""
        names = arns.names
        super().__init__(
            scope, construct_id, env=env, description=f"Mergemaker, project {names.project}: data, images, history"
        )
        key = project_key(self, arns)
        bucket = _bucket(self, names, key)
        _repository(self, names, key, keep=keep)
        _run_table(self, names, key)
        token_secret(self, arns=arns, key=key, rotate=rotate_token)
        if not keep:
            empty_at_the_end(bucket, arns=arns, key=key)
        policy = KEEP if keep else cdk.RemovalPolicy.DESTROY
        cdk.RemovalPolicies.of(self).apply(policy, apply_to_resource_types=list(KEPT))


def at_the_end(names: Names, *, keep: bool) -> str:
    """What removing the stack does to all this, as a line for who is about to deploy or to remove it."""
    what = (
        f"bucket {names.bucket}, image repository {names.repository}, table {names.run_table}, "
        f"secret {names.token_secret}, key {alias(names)}"
    )
    if keep:
        return f"`cdk destroy` keeps what holds data: {what}"
    return f"project.keep_data = false: once this is deployed, `cdk destroy` deletes, with all that is in it: {what}"


def _bucket(scope: Construct, names: Names, key: kms.Key) -> s3.Bucket:
    """Its events go to EventBridge: that is how functions hear of a submission, and of a run that waits."""
    bucket = s3.Bucket(
        scope,
        "Bucket",
        bucket_name=names.bucket,
        versioned=True,
        encryption=s3.BucketEncryption.KMS,
        encryption_key=key,
        bucket_key_enabled=True,  # one call of KMS for many objects: cheaper, and no limit on calls to run into
        enforce_ssl=True,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        lifecycle_rules=_lifecycle(),
    )
    # The Bucket's own way, `event_bridge_enabled`, is a custom resource: a function that may configure any bucket.
    template = bucket.node.default_child
    assert isinstance(template, s3.CfnBucket)
    template.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
        event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
    )
    acknowledge(bucket, _BUCKET)
    return bucket


def _lifecycle() -> list[s3.LifecycleRule]:
    """Nothing that a run was made of is ever deleted, or it could not be run again: what is old gets cheaper.

    A rule can name no folder here: the model comes first in every key.
    """
    days = cdk.Duration.days
    return [
        s3.LifecycleRule(id="forget-broken-uploads", abort_incomplete_multipart_upload_after=days(7)),
        s3.LifecycleRule(
            id="forget-replaced-versions",
            noncurrent_version_expiration=days(REPLACED_DAYS),
            expired_object_delete_marker=True,
        ),
        s3.LifecycleRule(
            id="old-bundles-cost-less",
            transitions=[
                s3.Transition(storage_class=s3.StorageClass.INTELLIGENT_TIERING, transition_after=days(IDLE_DAYS))
            ],
        ),
    ]


def _repository(scope: Construct, names: Names, key: kms.Key, *, keep: bool) -> None:
    """Tags are immutable: a tag is the digest of what the image is made of.

    Images that a package may use all have a tag, and none of those is ever removed for its age.
    """
    ecr.Repository(
        scope,
        "Images",
        repository_name=names.repository,
        image_tag_mutability=ecr.TagMutability.IMMUTABLE,
        image_scan_on_push=True,
        encryption=ecr.RepositoryEncryption.KMS,
        encryption_key=key,
        lifecycle_rules=[
            ecr.LifecycleRule(
                description="what a broken push left behind",
                tag_status=ecr.TagStatus.UNTAGGED,
                max_image_age=cdk.Duration.days(UNTAGGED_DAYS),
            )
        ],
        empty_on_delete=not keep,
        # The two go together in CDK; every removal policy of the stack is set again in one place.
        removal_policy=KEEP if keep else cdk.RemovalPolicy.DESTROY,
    )


def _run_table(scope: Construct, names: Names, key: kms.Key) -> None:
    table = dynamodb.Table(
        scope,
        "Runs",
        table_name=names.run_table,
        partition_key=dynamodb.Attribute(name="model", type=dynamodb.AttributeType.STRING),
        sort_key=dynamodb.Attribute(name="job", type=dynamodb.AttributeType.STRING),
        encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
        encryption_key=key,
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
    )
    acknowledge(table, _TABLE)
