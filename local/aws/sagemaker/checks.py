"""What SageMaker looks up elsewhere before it accepts a call: roles, images, model data."""

from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError, ParamValidationError

from local.aws import images
from local.aws.cloud import Cloud
from local.aws.errors import AwsError, invalid

LOCAL_DISKS = frozenset(
    {"c5d", "c6gd", "m5d", "m6gd", "r5d", "r6gd", "r7gd"}
    | {"dl1", "g4dn", "g5", "g6", "g6e", "g7", "g7e", "trn1", "trn1n", "trn2"}
    | {"p3dn", "p4d", "p4de", "p5", "p5e", "p5en", "p6-b200", "p6-b300", "p6e-gb200"}
)
"""Of the instance families that SageMaker trains and serves on, those with disks of their own (EC2 instance types
guide): these take no key of the caller's (API reference, ResourceConfig)."""


class Checks:
    """Each raises AwsError with SageMaker's words."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def role(self, arn: str) -> None:
        self._cloud.check_role(arn, "sagemaker")

    def image(self, uri: str) -> str:
        """The image's digest."""
        digest = images.resolve(self._cloud.root.ecr, uri)
        if digest is None:
            raise invalid(f"Requested image {uri} not found.")
        return digest

    def key(self, given: str, *, alias: bool) -> None:
        """A usable key of KMS: by id or ARN, and, where SageMaker takes it, by alias."""
        refusal = invalid(f"Invalid KMS key {given}: it does not exist, is not enabled, or is not named as it must be.")
        if "alias/" in given and not alias:
            raise refusal
        try:
            found = self._cloud.root.kms.describe_key(KeyId=given)["KeyMetadata"]
        except (ClientError, ParamValidationError):
            raise refusal from None
        if not found["Enabled"]:
            raise refusal

    def volume_key(self, given: str, instance_type: str) -> None:
        family = instance_type.removeprefix("ml.").partition(".")[0]
        if family in LOCAL_DISKS:
            raise invalid(f"VolumeKmsKeyId is not supported for instance type {instance_type}: it has local storage.")
        self.key(given, alias=False)

    def encryption(self, resources: dict[str, Any], output: dict[str, Any]) -> None:
        """The keys of a job's volume and of what it leaves."""
        if key := resources.get("VolumeKmsKeyId"):
            self.volume_key(key, resources.get("InstanceType", ""))
        if key := output.get("KmsKeyId"):
            self.key(key, alias=True)

    def network(self, vpc: dict[str, list[str]]) -> None:
        ec2 = self._cloud.root.ec2
        try:
            ec2.describe_subnets(SubnetIds=vpc["Subnets"])
            ec2.describe_security_groups(GroupIds=vpc["SecurityGroupIds"])
        except (ClientError, ParamValidationError) as error:
            raise invalid(f"Invalid VpcConfig: {error}") from None

    def model_data(self, url: str) -> str:
        """The object's ETag."""
        bucket, key = split_s3(url)
        try:
            return self._cloud.root.s3.head_object(Bucket=bucket, Key=key)["ETag"].strip('"')
        except (ClientError, ParamValidationError):
            raise invalid(f"Could not find model data at {url}.") from None


def over_limit(instance_type: str | None, kind: str, *, most: int, asked: int) -> AwsError:
    """For more instances than a laptop has; `kind` is that of the job."""
    return AwsError(
        "ResourceLimitExceeded",
        f"The account-level service limit '{instance_type} for {kind} job usage' is {most} Instances, with current "
        f"utilization of 0 Instances and a request delta of {asked} Instances: this is a laptop cloud.",
    )


def split_s3(url: str) -> tuple[str, str]:
    """Bucket and key of ``s3://bucket/key``."""
    parts = urlsplit(url, allow_fragments=False)
    return parts.netloc, parts.path.removeprefix("/") + (f"?{parts.query}" if parts.query else "")
