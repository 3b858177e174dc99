"""Images are built in CodeBuild: no Docker on the runner, and CI does not wait."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.acknowledged import acknowledge
from infra.arns import Arns, builder_logs
from infra.key import imported_key
from infra.permissions import documents, services
from mergemaker.domain.names import Names

CHECK, BUILD = (Path(__file__).with_name(name) for name in ("check_context.sh", "build_image.sh"))
TIMEOUT_MINUTES = 30


class ImageBuilder(Construct):
    """Builds the zip in S3 that each build names, and pushes it under the tag in ``IMAGE_TAG``."""

    def __init__(self, scope: Construct, construct_id: str, *, arns: Arns) -> None:
        super().__init__(scope, construct_id)
        names = arns.names
        log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=builder_logs(names),
            retention=logs.RetentionDays.THREE_MONTHS,
            encryption_key=imported_key(self, names),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        role = iam.Role(
            self,
            "Role",
            role_name=names.role("image-builder"),
            description=f"Image builds of the Mergemaker project {names.project}",
            assumed_by=iam.ServicePrincipal("codebuild.amazonaws.com"),
            inline_policies=documents(services.image_builder(arns, logs=builder_logs(names))),
        )
        project = codebuild.Project(
            self,
            "Project",
            project_name=names.image_builder,
            description=f"Builds the images of the Mergemaker project {names.project}",
            role=role.without_policy_updates(),
            build_spec=_build_spec(),
            environment=codebuild.BuildEnvironment(
                build_image=codebuild.LinuxBuildImage.AMAZON_LINUX_2023_5,
                compute_type=codebuild.ComputeType.SMALL,
                privileged=True,  # Docker's daemon needs it
                environment_variables=_variables(names),
            ),
            timeout=cdk.Duration.minutes(TIMEOUT_MINUTES),
            logging=codebuild.LoggingOptions(cloud_watch=codebuild.CloudWatchLoggingOptions(log_group=log_group)),
            grant_report_group_permissions=False,
        )
        acknowledge(
            project,
            {
                "AwsSolutions::AwsSolutions-CB4": "A build leaves no artifact and no cache for this key to encrypt: "
                "the image is in the repository, which is encrypted with the project's key, and so is the log."
            },
        )


def _build_spec() -> codebuild.BuildSpec:
    """The scripts are part of the project, not of the zip: what submit uploads cannot change how it is built. A build
    ends with the first that fails (AWS CodeBuild's user guide, build specification reference)."""
    return codebuild.BuildSpec.from_object(
        {
            "version": "0.2",
            "env": {"shell": "bash"},
            "phases": {"build": {"commands": [script.read_text(encoding="utf-8") for script in (CHECK, BUILD)]}},
        }
    )


def _variables(names: Names) -> dict[str, codebuild.BuildEnvironmentVariable]:
    return {
        "REGISTRY": codebuild.BuildEnvironmentVariable(value=names.registry),
        "REPOSITORY": codebuild.BuildEnvironmentVariable(value=names.repository),
    }
