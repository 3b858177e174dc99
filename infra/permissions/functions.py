"""The Lambdas' roles: the calls that each makes, and no other."""

from infra.arns import Arns, builder_logs
from infra.permissions import Statements, allow
from infra.permissions.common import list_bucket, pass_execution_role, run_table, start_training, token


def report(arns: Arns) -> Statements:
    """Reads a job and its output; writes the note, the history and the package that awaits approval."""
    return [
        allow("sagemaker:DescribeTrainingJob", "sagemaker:ListTags", on=arns.training_jobs),
        allow("sagemaker:CreateModelPackageGroup", "sagemaker:DescribeModelPackageGroup", on=arns.package_groups),
        allow(
            "sagemaker:CreateModelPackage",
            "sagemaker:ListModelPackages",
            "sagemaker:AddTags",
            on=[arns.package_groups, arns.packages],
        ),
        allow("sagemaker:DescribeModelPackage", on=arns.packages),
        allow("sagemaker:DescribeEndpoint", on=arns.endpoints),
        allow("sagemaker:DescribeEndpointConfig", on=arns.endpoint_configs),
        allow("s3:GetObject", on=arns.objects("*/output/*", "*/reports.csv")),
        allow("s3:PutObject", on=arns.objects("*/reports.csv")),
        list_bucket(arns, "*/output/*", "*/reports.csv"),
        run_table(arns),
        token(arns),
    ]


def release(arns: Arns) -> Statements:
    """Makes an approved package live."""
    serving = [arns.models, arns.endpoint_configs, arns.endpoints]
    return [
        allow("sagemaker:ListModelPackages", on=[arns.package_groups, arns.packages]),
        allow("sagemaker:DescribeModelPackage", "sagemaker:UpdateModelPackage", on=arns.packages),
        allow("sagemaker:CreateModel", on=[arns.models, arns.packages]),
        allow("sagemaker:DescribeModel", on=arns.models),
        allow("sagemaker:CreateEndpointConfig", "sagemaker:DescribeEndpointConfig", on=arns.endpoint_configs),
        allow("sagemaker:CreateEndpoint", "sagemaker:UpdateEndpoint", on=[arns.endpoints, arns.endpoint_configs]),
        allow("sagemaker:DescribeEndpoint", on=arns.endpoints),
        allow("sagemaker:AddTags", "sagemaker:ListTags", on=[*serving, arns.package_groups, arns.packages]),
        pass_execution_role(arns),
        run_table(arns),
        token(arns),
    ]


def image(arns: Arns) -> Statements:
    """Starts the runs that waited for an image, or tells why it could not be built."""
    return [
        allow("s3:GetObject", "s3:DeleteObject", on=arns.objects("*/code/waiting/*")),
        list_bucket(arns, "*/code/waiting/*"),
        *start_training(arns),
        allow("sagemaker:DescribeTrainingJob", on=arns.training_jobs),
        allow("ecr:DescribeImages", on=arns.repository),
        allow("codebuild:BatchGetBuilds", on=arns.image_builder),
        allow("logs:GetLogEvents", on=arns.log_streams(builder_logs(arns.names))),
        run_table(arns),
        token(arns),
    ]
