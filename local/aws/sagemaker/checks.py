"""What SageMaker looks up elsewhere before it accepts a call: roles, images, model data."""

import json
from urllib.parse import urlsplit

from botocore.exceptions import ClientError, ParamValidationError

from local.aws import images
from local.aws.cloud import Cloud
from local.aws.errors import invalid


class Checks:
    """Each raises AwsError with SageMaker's words."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def role(self, arn: str) -> None:
        refusal = invalid(
            f"Could not assume role {arn}. Please ensure that the role exists and allows principal "
            "'sagemaker.amazonaws.com' to assume the role."
        )
        if not arn.startswith(f"arn:aws:iam::{self._cloud.account}:role/"):
            raise refusal
        try:
            role = self._cloud.iam.get_role(RoleName=arn.rpartition("/")[2])["Role"]
        except (ClientError, ParamValidationError):
            raise refusal from None
        if role["Arn"] != arn or "sagemaker.amazonaws.com" not in json.dumps(role["AssumeRolePolicyDocument"]):
            raise refusal

    def image(self, uri: str) -> str:
        """The image's digest."""
        digest = images.resolve(self._cloud, uri)
        if digest is None:
            raise invalid(f"Requested image {uri} not found.")
        return digest

    def model_data(self, url: str) -> str:
        """The object's ETag."""
        bucket, key = split_s3(url)
        try:
            return self._cloud.s3.head_object(Bucket=bucket, Key=key)["ETag"].strip('"')
        except (ClientError, ParamValidationError):
            raise invalid(f"Could not find model data at {url}.") from None


def split_s3(url: str) -> tuple[str, str]:
    """Bucket and key of ``s3://bucket/key``."""
    parts = urlsplit(url, allow_fragments=False)
    return parts.netloc, parts.path.removeprefix("/") + (f"?{parts.query}" if parts.query else "")
