"""The Lambdas' roles: the calls that each makes, and no other. `tests/infra/test_calls.py` compares with the code."""

from infra.arns import Arns, builder_logs
from infra.permissions import Statements, allow
from infra.permissions.common import list_bucket, pass_execution_role, publish, start_training


def report(arns: Arns) -> Statements:
    """Reads a job and its output; writes the note, the history and the package that awaits approval."""
    return [
        allow("sagemaker:DescribeTrainingJob", "sagemaker:ListTags", on=arns.training_jobs),
        allow("sagemaker:DescribeModelPackageGroup", on=arns.package_groups),
        allow("sagemaker:CreateModelPackageGroup", "sagemaker:AddTags", on=arns.package_groups),
        allow("sagemaker:CreateModelPackage", "sagemaker:ListModelPackages", on=[arns.package_groups, arns.packages]),
        allow("s3:GetObject", on=arns.objects("*/output/*", "*/reports.csv")),
        allow("s3:PutObject", on=arns.objects("*/reports.csv")),
        list_bucket(arns, "*/output/*", "*/reports.csv"),
        *publish(arns),
    ]


def release(arns: Arns) -> Statements:
    """Makes an approved package live. It cannot approve one."""
    return [
        allow("sagemaker:ListModelPackages", on=[arns.package_groups, arns.packages]),
        allow("sagemaker:CreateModel", on=[arns.models, arns.packages]),
        allow("sagemaker:CreateEndpointConfig", on=arns.endpoint_configs),
        allow("sagemaker:CreateEndpoint", "sagemaker:UpdateEndpoint", on=[arns.endpoints, arns.endpoint_configs]),
        allow("sagemaker:DeleteEndpoint", on=arns.endpoints),
        allow("sagemaker:AddTags", on=[arns.models, arns.endpoint_configs, arns.endpoints]),
        pass_execution_role(arns),
        *publish(arns),
    ]


def image(arns: Arns) -> Statements:
    """Starts the runs that waited for an image, or tells why it could not be built."""
    return [
        allow("s3:GetObject", "s3:DeleteObject", on=arns.objects("*/code/waiting/*")),
        list_bucket(arns, "*/code/waiting/*"),
        *start_training(arns),
        allow("ecr:DescribeImages", on=arns.repository),
        allow("codebuild:BatchGetBuilds", on=arns.image_builder),
        allow("logs:GetLogEvents", on=arns.log_streams(builder_logs(arns.names))),
        *publish(arns),
    ]
