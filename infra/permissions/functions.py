"""The Lambdas' roles: the calls that each makes, and no other. `tests/infra/test_calls.py` compares with the code."""

from infra.arns import Arns, builder_logs
from infra.permissions import Statements, allow, deny
from infra.permissions.common import (
    below,
    copy_parts,
    create,
    inside,
    list_bucket,
    own,
    pass_execution_role,
    publish,
    start_jobs,
    tag_while,
    within,
    write_once,
    write_only,
)
from infra.permissions.registries import aws_repositories
from mergemaker.domain.settings import Network

WAITING = "*/code/waiting/*"
"""Requests of runs that wait."""
_NOT_CODE = ("checkpoints", "data", "input", "output", "packages", "prepared")


def report(arns: Arns) -> Statements:
    """Reads a job, what it ran, its output and who asked for it; writes note, history, a package to be approved, and
    the copy of the artifact that it serves. Looks for jobs that nobody wants any more, among all of the account."""
    asked = ("*/code/submissions/*", WAITING)
    lists = ("*/data/*.json", "*/prepared/*.json")
    read = ("*/output/*", "*/packages/*", "*/reports.csv", "*/code/*.tar.gz", *lists, *asked)
    return [
        allow("sagemaker:DescribeTrainingJob", "sagemaker:ListTags", on=arns.training_jobs),
        allow("sagemaker:ListTrainingJobs", on="*"),
        *register(arns),
        allow("s3:GetObject", on=arns.objects(*read)),
        allow("s3:PutObject", on=arns.objects("*/reports.csv")),
        write_once(arns, "*/packages/*"),
        copy_parts(arns, "*/packages/*"),
        list_bucket(arns, *read, "*/data/*"),
        *publish(arns),
    ]


def register(arns: Arns) -> Statements:
    """Packages that await approval. SageMaker may look at a package's image with the caller's rights."""
    pending = {"StringEquals": {"sagemaker:ModelApprovalStatus": "PendingManualApproval"}}
    return [
        allow("sagemaker:DescribeModelPackageGroup", on=arns.package_groups),
        create(arns, "sagemaker:CreateModelPackageGroup", on=arns.package_groups),
        tag_while(arns, "CreateModelPackageGroup", on=arns.package_groups),
        allow("sagemaker:ListModelPackages", on=[arns.package_groups, arns.packages]),
        allow("sagemaker:CreateModelPackage", on=[arns.package_groups, arns.packages], when=pending),
        allow("ecr:BatchGetImage", on=[arns.repository, *aws_repositories(arns.names)]),
        allow("ecr:DescribeImages", on=arns.repository),
    ]


def release(arns: Arns, network: Network) -> Statements:
    """Makes an approved package live. It cannot approve one."""
    isolated = {"Bool": {"sagemaker:NetworkIsolation": "true"}, **inside(network)}
    return [
        allow("sagemaker:ListModelPackages", on=[arns.package_groups, arns.packages]),
        allow("sagemaker:CreateModel", on=arns.models, when=isolated),
        create(arns, "sagemaker:CreateEndpointConfig", on=arns.endpoint_configs),
        create(arns, "sagemaker:CreateEndpoint", on=arns.endpoints),
        own(arns, "sagemaker:UpdateEndpoint", "sagemaker:DeleteEndpoint", on=arns.endpoints),
        allow("sagemaker:CreateEndpoint", "sagemaker:UpdateEndpoint", on=arns.endpoint_configs),
        tag_while(arns, "CreateModel", on=arns.models),
        tag_while(arns, "CreateEndpointConfig", on=arns.endpoint_configs),
        tag_while(arns, "CreateEndpoint", on=arns.endpoints),
        pass_execution_role(arns),
        *watch(arns),
        *publish(arns),
    ]


def watch(arns: Arns) -> Statements:
    """Endpoints' alarms, which can do nothing but tell the project's topic, and endpoints' log groups."""
    tell = {"ForAllValues:StringEquals": {"cloudwatch:AlarmActions": [arns.alarm_topic]}}
    return [
        allow("cloudwatch:PutMetricAlarm", on=arns.endpoint_alarms, when=tell),
        *(create(arns, "cloudwatch:TagResource", on=alarms) for alarms in arns.endpoint_alarms),
        allow("logs:CreateLogGroup", "logs:PutRetentionPolicy", on=arns.endpoint_logs),
        create(arns, "logs:TagResource", on=arns.endpoint_logs),
    ]


def start(arns: Arns, network: Network) -> Statements:
    """Starts the runs that waited for an image or for prepared data, which it copies from a job's output, after a look
    at what the job ran; or for a smoke run, for which it copies a part of the data; or tells why they can't start."""
    read = (WAITING, "*/code/*.tar.gz", "*/data/*", "*/output/*", "*/prepared/*")
    return [
        allow("s3:DeleteObject", on=arns.objects(WAITING)),
        # A run that waited for its image may have to wait for data next.
        write_once(arns, "*/prepared/*", WAITING),
        copy_parts(arns, "*/prepared/*"),
        write_only(arns, *below("prepared"), WAITING),
        deny("s3:PutObject", on=arns.objects(*within(["input"], "prepared"), *within(_NOT_CODE, "code/waiting"))),
        *start_jobs(arns, network),
        allow("sagemaker:DescribeProcessingJob", "sagemaker:DescribeTrainingJob", "sagemaker:ListTags", on=arns.jobs),
        allow("ecr:DescribeImages", "ecr:BatchGetImage", on=arns.repository),
        allow("codebuild:BatchGetBuilds", "codebuild:ListBuildsForProject", on=arns.image_builder),
        allow("logs:GetLogEvents", on=arns.log_streams(builder_logs(arns.names))),
        *publish(arns, *read),
    ]
