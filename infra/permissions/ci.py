"""CI's roles: *submit* trains and cannot approve, *release* approves and cannot train, *deploy* runs ``cdk deploy``."""

from aws_cdk import aws_iam as iam

from infra.arns import Arns
from infra.permissions import Statements, allow, deny
from infra.permissions.common import below, copy_parts, list_bucket, start_jobs, write_once, write_only
from infra.permissions.registries import aws_repositories
from mergemaker.domain.settings import Network

IMAGE_TAG = "IMAGE_TAG"
"""The one variable that a build takes, as `infra/build_image.sh` reads it."""

CODE_OR_DATA = "????"
"""The folders of a model that CI writes to: those of four letters. Otherwise ``*/data/*`` would let a branch add to
``<model>/input/data/`` or ``<model>/prepared/<key>/data/``, and so to what everybody's runs are made of."""

_OVERRIDES = (
    "artifacts",
    "autoRetryLimit",
    "cache",
    "encryptionKey",
    "environment.certificate",
    "environment.computeType",
    "environment.fleet.fleetArn",
    "environment.image",
    "environment.imagePullCredentialsType",
    "environment.privilegedMode",
    "environment.registryCredential",
    "environment.type",
    "logsConfig",
    "secondaryArtifacts",
    "secondarySources",
    "serviceRole",
    "source.auth.resource",
    "source.auth.type",
    "source.buildStatusConfig.context",
    "source.buildStatusConfig.targetUrl",
    "source.buildspec",
    "source.insecureSsl",
)
"""What StartBuild can replace of a project, as condition keys (Service Authorization Reference, AWS CodeBuild).

There is none for time-outs, the source's type and version, and debug sessions; those need rights that the builder has
not.
"""

_ORIGIN = ("commit", "job", "merge-request", "model", "pipeline", "project", "run-key", "source")
"""Metadata of a package by which a release is judged."""


def submit(arns: Arns, network: Network) -> Statements:
    """Uploads code, copies data, starts and watches jobs, has images built.
    And reads what is deployed, to say what a merge request would change of it: templates hold no secret.
    """
    return [
        write_once(arns, "*/code/*", "*/data/*"),
        copy_parts(arns, "*/data/*"),
        write_only(arns, *below(CODE_OR_DATA)),
        deny("s3:PutObject", on=arns.objects(*below("input"))),
        allow("s3:GetObject", on=arns.objects("*/code/*.toml", "*/data/*.json", "*/input/*", "*/prepared/*.json")),
        list_bucket(arns, "*/code/*.toml", "*/data/*", "*/input/*", "*/prepared/*.json"),
        *start_jobs(arns, network),
        allow("sagemaker:DescribeTrainingJob", "sagemaker:DescribeProcessingJob", "sagemaker:ListTags", on=arns.jobs),
        allow("ecr:DescribeImages", on=arns.repository),
        allow("ecr:BatchGetImage", on=[arns.repository, *aws_repositories(arns.names)]),
        allow("codebuild:BatchGetBuilds", "codebuild:ListBuildsForProject", on=arns.image_builder),
        build_images(arns),
        allow("cloudformation:DescribeStacks", "cloudformation:GetTemplate", on=arns.stacks),
    ]


def build_images(arns: Arns) -> iam.PolicyStatement:
    """Builds of zips that were uploaded here, as the project says how, and nothing else.

    A build runs as the image builder: who could replace its script or its machine's image would act as that role.
    """
    absent = {f"codebuild:{override}": "true" for override in _OVERRIDES}
    variables = "codebuild:environment.environmentVariables.name"
    return allow(
        "codebuild:StartBuild",
        on=arns.image_builder,
        when={
            # "For all values" is true of none: the name has to be there, too.
            "Null": {**absent, variables: "false"},
            "ForAllValues:StringEquals": {variables: IMAGE_TAG},
            "StringLike": {"codebuild:source.location": f"{arns.names.bucket}/*/code/*.zip"},
        },
    )


def release(arns: Arns) -> Statements:
    """Approves this project's packages, and cannot change where they say they came from.

    The same call takes an inference specification, and IAM has no condition key for it: an image or artifact of a
    package can be exchanged here. `steps.deploy` compares both with the record of the run, which this role can't write.

    Which runs the merge request asked for, its pipelines have left word of: nothing else of the bucket is read.

    AWS documents ListModelPackages on groups and on packages: allow both.
    """
    origin = [f"sagemaker:CustomerMetadataProperties/{key}" for key in _ORIGIN]
    # The name does not tell: packages of the project "shop-eu" have names that begin with "shop-".
    made_here = {"sagemaker:CurrentCustomerMetadataProperties/project": arns.names.project}
    untouched = dict.fromkeys([*origin, "sagemaker:CustomerMetadataPropertiesToRemove"], "true")
    return [
        allow("sagemaker:ListModelPackages", on=[arns.package_groups, arns.packages]),
        allow("sagemaker:DescribeModelPackage", on=arns.packages),
        allow(
            "sagemaker:UpdateModelPackage",
            on=arns.packages,
            when={"StringEquals": {"sagemaker:ModelApprovalStatus": "Approved", **made_here}, "Null": untouched},
        ),
        allow("s3:GetObject", on=arns.objects("*/code/submissions/*")),
        list_bucket(arns, "*/code/submissions/*"),
    ]


def deploy(arns: Arns) -> Statements:
    """Becomes the CDK bootstrap's roles, as the CDK CLI does, and does nothing by itself.

    What those may do was decided by who bootstrapped the account: docs/security.md.
    """
    return [allow("sts:AssumeRole", on=arns.bootstrap_roles)]
