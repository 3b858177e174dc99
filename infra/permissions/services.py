"""Roles that AWS's own services work under: SageMaker's jobs and endpoints, CodeBuild's image builds."""

from infra.arns import Arns
from infra.permissions import Statements, allow, deny
from infra.permissions.common import list_bucket, within, write_logs
from infra.permissions.interfaces import for_sagemaker
from infra.permissions.registries import aws_repositories
from mergemaker.domain.settings import Network

_PULL = ("ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage")
_PUSH = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
    "ecr:BatchGetImage",  # Docker looks for the tag before it writes it
)


_READ = ("data", "prepared", "packages", "checkpoints")
_NOT_OUTPUT = ("code", "data", "input", "packages", "prepared")


def execution(arns: Arns, network: Network) -> Statements:
    """Jobs and endpoints: read code, data and packages, write outputs, checkpoints, logs and metrics.

    Every branch's script has this role, and may write every run's output: so endpoints serve copies of artifacts that
    were made when the run was reported, and runs read copies of data that were made when its preparation had ended.
    """
    sagemaker_metrics = {"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}}
    return [
        allow("s3:GetObject", on=arns.objects("*/code/*.tar.gz", *(f"*/{folder}/*" for folder in _READ))),
        allow("s3:PutObject", "s3:AbortMultipartUpload", on=arns.objects("*/output/*", "*/checkpoints/*")),
        # SageMaker deletes a checkpoint with its file in the container.
        allow("s3:DeleteObject", on=arns.objects("*/checkpoints/*")),
        # A folder called output or checkpoints in them would do otherwise. What a script leaves may have folders of
        # these names, too, but below them none of those: docs/models.md.
        deny("s3:PutObject", "s3:DeleteObject", on=arns.objects(*within(_NOT_OUTPUT, "output", "checkpoints"))),
        list_bucket(arns, "*/code/*", "*/output/*", *(f"*/{folder}/*" for folder in _READ)),
        allow(*_PULL, on=[arns.repository, *aws_repositories(arns.names)]),
        allow("ecr:GetAuthorizationToken", on="*"),
        allow(
            "logs:CreateLogGroup",
            "logs:CreateLogStream",
            "logs:PutLogEvents",
            "logs:DescribeLogStreams",
            on=arns.log_streams("/aws/sagemaker/*"),
        ),
        allow("cloudwatch:PutMetricData", on="*", when=sagemaker_metrics),
        *for_sagemaker(arns, network),
    ]


def image_builder(arns: Arns, *, logs: str) -> Statements:
    """Reads what submit uploaded, pushes to the one repository."""
    return [
        allow("s3:GetObject", "s3:GetObjectVersion", on=arns.objects("*/code/*.zip")),
        allow("s3:GetBucketAcl", "s3:GetBucketLocation", on=arns.bucket),
        allow(*_PUSH, "ecr:DescribeImages", on=arns.repository),
        allow("ecr:GetAuthorizationToken", on="*"),
        write_logs(arns, logs),
    ]
