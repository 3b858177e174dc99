"""Statements that several roles share."""

from collections.abc import Sequence

from aws_cdk import aws_iam as iam

from infra.arns import Arns
from infra.permissions import Conditions, Statements, allow, deny_all_but
from mergemaker.domain.names import MODEL_MAX
from mergemaker.domain.settings import Network


def list_bucket(arns: Arns, *prefixes: str) -> iam.PolicyStatement:
    """Listing under these prefixes only.

    Reading an object that is not there also asks for this: without it S3 answers 403 instead of 404.
    """
    return allow("s3:ListBucket", on=arns.bucket, when={"StringLike": {"s3:prefix": list(prefixes)}})


def write_once(arns: Arns, *patterns: str) -> iam.PolicyStatement:
    """Writing what is not there, never replacing: only calls with ``If-None-Match`` pass.

    What is content-addressed must stay what its name says: another branch's runs are made of it, too. And what was
    registered must stay what was reviewed.
    """
    return allow("s3:PutObject", on=arns.objects(*patterns), when={"Null": {"s3:if-none-match": "false"}})


def copy_parts(arns: Arns, *patterns: str) -> iam.PolicyStatement:
    """What comes before the last call of a multipart upload, which is a write like any other: these calls make no
    object, and take no condition (S3 User Guide, enforcing conditional writes)."""
    return allow("s3:PutObject", on=arns.objects(*patterns), when={"Bool": {"s3:ObjectCreationOperation": "false"}})


def below(folder: str) -> list[str]:
    """All that is in this folder of any model, and nothing that is in one of the same name further down.

    A star would stand for slashes, too: so a pattern for each length that a model's name can have. What teams name
    themselves, in snapshots, prepared data and outputs, comes after a digest or a job's name, and so later.
    """
    return [f"{'?' * length}/{folder}/*" for length in range(1, MODEL_MAX + 1)]


def within(folders: Sequence[str], *names: str) -> list[str]:
    """All that is in a folder of one of these names, anywhere below one of the folders."""
    return [f"*/{folder}/{way}{name}/*" for folder in folders for name in names for way in ("", "*/")]


def write_only(arns: Arns, *patterns: str) -> iam.PolicyStatement:
    """Of what other statements let a role write, only what fits one of these, such as `below` makes.

    Question marks stand for slashes, too: so what a team puts below ``input/``, which can look like anything, has to be
    denied beside this.
    """
    return deny_all_but("s3:PutObject", on=arns.objects(*patterns))


def pass_execution_role(arns: Arns) -> iam.PolicyStatement:
    to_sagemaker = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    return allow("iam:PassRole", on=arns.role("execution"), when=to_sagemaker)


def start_jobs(arns: Arns, network: Network) -> Statements:
    """Starting training and preparations. Both carry the project's tag, which tells them from other projects' jobs."""
    return [
        create(
            arns, "sagemaker:CreateTrainingJob", "sagemaker:CreateProcessingJob", on=arns.jobs, when=inside(network)
        ),
        tag_while(arns, "CreateTrainingJob", "CreateProcessingJob", on=arns.jobs),
        pass_execution_role(arns),
    ]


def inside(network: Network) -> Conditions:
    """In the settings' subnets and security groups, and in no other; no condition where the settings have none."""
    if not network.subnets:
        return {}
    ids = {
        "sagemaker:VpcSubnets": list(network.subnets),
        "sagemaker:VpcSecurityGroupIds": list(network.security_groups),
    }
    # "For all values" is true of none: they have to be there, too.
    return {"ForAllValues:StringEquals": ids, "Null": dict.fromkeys(ids, "false")}


def create(arns: Arns, *actions: str, on: str | Sequence[str], when: Conditions | None = None) -> iam.PolicyStatement:
    """Creating what carries the project's tag."""
    return allow(*actions, on=on, when={"StringEquals": _requested_tag(arns), **(when or {})})


def tag_while(arns: Arns, *creations: str, on: str | Sequence[str]) -> iam.PolicyStatement:
    """The tags of these creations, and never of what exists: nobody makes something theirs by tagging it."""
    return allow(
        "sagemaker:AddTags",
        on=on,
        when={"StringEquals": {**_requested_tag(arns), "sagemaker:TaggingAction": list(creations)}},
    )


def _requested_tag(arns: Arns) -> dict[str, str | list[str]]:
    return {"aws:RequestTag/mergemaker:project": arns.names.project}


def own(arns: Arns, *actions: str, on: str | Sequence[str]) -> iam.PolicyStatement:
    """Actions on what exists and carries the project's tag. Not for describing: what is not there has no tag.

    Names alone do not tell: those of the project ``shop-eu`` begin as the ones of a model ``eu-…`` of ``shop`` do.
    """
    return allow(*actions, on=on, when={"StringEquals": {"aws:ResourceTag/mergemaker:project": arns.names.project}})


def publish(arns: Arns, *read: str) -> Statements:
    """What every function does in the end: the run's record, then the note and the status on the merge request.

    For that it reads the model's settings as submitted, and what is live in the first environment. And it stops the run
    that the merge request has shown so far, unless somebody else has asked for that one. `read` is what the function
    reads besides: said in one statement, for a role takes 10,240 characters of them.
    """
    return [
        allow("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", on=arns.run_table),
        allow("s3:GetObject", on=arns.objects("*/code/*.toml", *read)),
        list_bucket(arns, "*/code/*.toml", "*/code/submissions/*", *read),
        own(arns, "sagemaker:StopTrainingJob", on=arns.training_jobs),
        allow("sagemaker:DescribeEndpoint", on=arns.endpoints),
        allow("sagemaker:DescribeModelPackage", on=arns.packages),
        allow("secretsmanager:GetSecretValue", on=arns.token_secret),
    ]


def write_logs(arns: Arns, group: str) -> iam.PolicyStatement:
    """The group itself is made by a stack, with its retention."""
    return allow("logs:CreateLogStream", "logs:PutLogEvents", on=arns.log_streams(group))


def take_messages(arns: Arns, function: str) -> iam.PolicyStatement:
    """From the function's own queue, as Lambda does for it; and postponing them, as it does itself."""
    return allow(
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
        "sqs:ChangeMessageVisibility",
        on=arns.queue(function),
    )
