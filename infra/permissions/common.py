"""Statements that several roles share."""

from aws_cdk import aws_iam as iam

from infra.arns import Arns
from infra.permissions import Statements, allow


def list_bucket(arns: Arns, *prefixes: str) -> iam.PolicyStatement:
    """Listing under these prefixes only.

    Reading an object that is not there also asks for this: without it S3 answers 403 instead of 404.
    """
    return allow("s3:ListBucket", on=arns.bucket, when={"StringLike": {"s3:prefix": list(prefixes)}})


def pass_execution_role(arns: Arns) -> iam.PolicyStatement:
    to_sagemaker = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    return allow("iam:PassRole", on=arns.role("execution"), when=to_sagemaker)


def start_training(arns: Arns) -> Statements:
    """Starting jobs that carry the project's tag, which is what tells them from other projects' jobs."""
    tagged = {"aws:RequestTag/mergemaker:project": arns.names.project}
    while_starting = {"sagemaker:TaggingAction": "CreateTrainingJob"}
    return [
        allow("sagemaker:CreateTrainingJob", on=arns.training_jobs, when={"StringEquals": tagged}),
        allow("sagemaker:AddTags", on=arns.training_jobs, when={"StringEquals": tagged | while_starting}),
        pass_execution_role(arns),
    ]


def own_training_jobs(arns: Arns, *actions: str) -> iam.PolicyStatement:
    """Actions on the project's existing jobs. Not for describing: a job that is not there has no tag to match."""
    tagged = {"aws:ResourceTag/mergemaker:project": arns.names.project}
    return allow(*actions, on=arns.training_jobs, when={"StringEquals": tagged})


def publish(arns: Arns) -> Statements:
    """What every function does in the end: the run's record, then the note and the status on the merge request.

    For that it reads the model's settings as submitted, and what is live in the first environment.
    """
    return [
        allow("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", on=arns.run_table),
        allow("s3:GetObject", on=arns.objects("*/code/*.toml")),
        allow("sagemaker:DescribeEndpoint", on=arns.endpoints),
        allow("sagemaker:DescribeModelPackage", on=arns.packages),
        allow("secretsmanager:GetSecretValue", on=arns.token_secret),
    ]


def write_logs(arns: Arns, group: str) -> iam.PolicyStatement:
    """The group itself is made by a stack, with its retention."""
    return allow("logs:CreateLogStream", "logs:PutLogEvents", on=arns.log_streams(group))


def take_messages(arns: Arns, function: str) -> iam.PolicyStatement:
    return allow(
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:ChangeMessageVisibility",
        "sqs:GetQueueAttributes",
        on=arns.queue(function),
    )
