"""CI's roles: *submit* trains and cannot approve, *release* approves and cannot train."""

from infra.arns import Arns
from infra.permissions import Statements, allow
from infra.permissions.common import list_bucket, own_training_jobs, start_training


def submit(arns: Arns) -> Statements:
    """Uploads code and data, starts, watches and stops jobs, has images built."""
    return [
        allow("s3:GetObject", "s3:PutObject", on=arns.objects("*/code/*", "*/data/*")),
        allow("s3:GetObject", on=arns.objects("*/input/*")),
        list_bucket(arns, "*/code/*", "*/data/*", "*/input/*"),
        *start_training(arns),
        allow("sagemaker:DescribeTrainingJob", "sagemaker:ListTags", on=arns.training_jobs),
        own_training_jobs(arns, "sagemaker:StopTrainingJob", "sagemaker:AddTags"),
        allow("ecr:DescribeImages", on=arns.repository),
        allow(
            "codebuild:StartBuild",
            "codebuild:BatchGetBuilds",
            "codebuild:ListBuildsForProject",
            on=arns.image_builder,
        ),
    ]


def release(arns: Arns) -> Statements:
    """Approves this project's packages. AWS documents ListModelPackages on groups and on packages: allow both."""
    return [
        allow("sagemaker:ListModelPackages", on=[arns.package_groups, arns.packages]),
        allow("sagemaker:DescribeModelPackage", "sagemaker:UpdateModelPackage", on=arns.packages),
    ]
