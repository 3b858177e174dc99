"""Who may do what. The policies are evaluated, so that a case reads as a question."""

import json
import re
from collections.abc import Callable

import pytest

from mergemaker.domain.names import MODEL_MAX
from tests.infra.policies import BUCKET, Role, arn, role_arn
from tests.infra.stacks import ACCOUNT, PROJECT, Stacks

GetRole = Callable[[str], Role]
JOB = arn("sagemaker", "training-job/diabetes-0123456789ab")
PACKAGE = arn("sagemaker", f"model-package/{PROJECT}-diabetes/3")
ENDPOINT = arn("sagemaker", f"endpoint/{PROJECT}-diabetes-staging")
CONFIG = arn("sagemaker", f"endpoint-config/{PROJECT}-diabetes-staging-3")
REPOSITORY = arn("ecr", f"repository/{PROJECT}")
RUNS = arn("dynamodb", f"table/{PROJECT}-runs")
TOKEN = arn("secretsmanager", f"secret:{PROJECT}/gitlab-token-AbCdEf")
EVERYONE = (
    "execution",
    "submit",
    "release",
    "image-builder",
    "report-function",
    "release-function",
    "image-function",
)
FUNCTIONS = ("report-function", "release-function", "image-function")

ALLOWED = [
    ("submit", "s3:PutObject", f"{BUCKET}/diabetes/data/{'0' * 64}/train/x.csv"),
    ("submit", "s3:PutObject", f"{BUCKET}/m/data/{'0' * 64}/train/input/x.csv"),
    ("submit", "s3:PutObject", f"{BUCKET}/{'m' * MODEL_MAX}/data/{'0' * 64}/input/output/input/x.csv"),
    ("submit", "s3:GetObject", f"{BUCKET}/diabetes/input/x.csv"),
    ("submit", "s3:GetObject", f"{BUCKET}/diabetes/data/abc.json"),
    ("submit", "sagemaker:DescribeTrainingJob", JOB),
    ("submit", "ecr:DescribeImages", REPOSITORY),
    ("submit", "codebuild:ListBuildsForProject", arn("codebuild", f"project/{PROJECT}-image")),
    ("release", "sagemaker:ListModelPackages", arn("sagemaker", f"model-package-group/{PROJECT}-diabetes")),
    ("execution", "s3:GetObject", f"{BUCKET}/diabetes/data/abc/train/x.csv"),
    *[
        ("execution", "s3:PutObject", f"{BUCKET}/{model}/output/job/output/model.tar.gz")
        for model in ("diabetes", "code", "data", "input")
    ],
    ("execution", "ecr:BatchGetImage", REPOSITORY),
    ("execution", "logs:PutLogEvents", arn("logs", "log-group:/aws/sagemaker/TrainingJobs:log-stream:x")),
    ("image-builder", "ecr:PutImage", REPOSITORY),
    ("image-builder", "s3:GetObject", f"{BUCKET}/diabetes/code/tag.zip"),
    ("report-function", "s3:PutObject", f"{BUCKET}/diabetes/reports.csv"),
    ("report-function", "s3:GetObject", f"{BUCKET}/diabetes/output/job/output/output.tar.gz"),
    ("report-function", "s3:GetObject", f"{BUCKET}/diabetes/code/submissions/diabetes-0123456789ab/7.json"),
    ("report-function", "s3:GetObject", f"{BUCKET}/diabetes/code/waiting/tag/job.json"),
    ("report-function", "ecr:BatchGetImage", REPOSITORY),
    ("report-function", "ecr:DescribeImages", REPOSITORY),
    ("release-function", "sagemaker:UpdateEndpoint", CONFIG),
    ("image-function", "s3:DeleteObject", f"{BUCKET}/diabetes/code/waiting/tag/job.json"),
    ("image-function", "codebuild:ListBuildsForProject", arn("codebuild", f"project/{PROJECT}-image")),
    ("image-function", "logs:GetLogEvents", arn("logs", f"log-group:/aws/codebuild/{PROJECT}-image:log-stream:x")),
    *[(function, "dynamodb:PutItem", RUNS) for function in FUNCTIONS],
    *[(function, "secretsmanager:GetSecretValue", TOKEN) for function in FUNCTIONS],
    *[
        (f"{name}-function", "logs:PutLogEvents", arn("logs", f"log-group:/aws/lambda/{PROJECT}-{name}:log-stream:x"))
        for name in ("report", "release", "image")
    ],
    *[
        (f"{name}-function", f"sqs:{action}", arn("sqs", f"{PROJECT}-{name}"))
        for name in ("report", "release", "image")
        for action in ("ReceiveMessage", "ChangeMessageVisibility", "GetQueueUrl")
    ],
]
LAWFUL: dict[str, str | list[str]] = {
    "aws:RequestTag/mergemaker:project": PROJECT,
    "aws:ResourceTag/mergemaker:project": PROJECT,
    "iam:PassedToService": "sagemaker.amazonaws.com",
    "sagemaker:TaggingAction": "CreateTrainingJob",
    "sagemaker:ModelApprovalStatus": "Approved",
    "sagemaker:NetworkIsolation": "true",
    "s3:if-none-match": "*",
    "codebuild:source.location": f"{BUCKET.rpartition(':')[2]}/diabetes/code/tag.zip",
    "codebuild:environment.environmentVariables.name": ["IMAGE_TAG"],
}
"""All conditions are met: what is refused is refused for the action or the resource."""
REFUSED = [
    # CI that trains can neither approve, nor touch what serves, nor read the token, nor write results.
    ("submit", "sagemaker:UpdateModelPackage", PACKAGE),
    ("submit", "sagemaker:UpdateEndpoint", ENDPOINT),
    ("submit", "secretsmanager:GetSecretValue", TOKEN),
    ("submit", "s3:PutObject", f"{BUCKET}/diabetes/output/job/output/model.tar.gz"),
    ("submit", "s3:PutObject", f"{BUCKET}/diabetes/reports.csv"),
    *[
        ("submit", "s3:PutObject", f"{BUCKET}/{model}/input/{path}")
        for model in ("m", "diabetes", "m" * MODEL_MAX)
        for path in ("x.csv", "data/x.csv", "code/x.csv", f"data/{'0' * 64}/x.csv", "a/b/c/data/d/e/f.csv")
    ],
    ("submit", "s3:DeleteObject", f"{BUCKET}/diabetes/code/abc.tar.gz"),
    ("submit", "s3:GetObject", f"{BUCKET}/diabetes/code/abc.tar.gz"),
    ("submit", "s3:GetObject", f"{BUCKET}/diabetes/data/abc/train/x.csv"),
    ("submit", "s3:PutObject", "arn:aws:s3:::another-bucket/diabetes/code/abc.tar.gz"),
    ("submit", "s3:GetObject", "arn:aws:s3:::another-bucket/diabetes/input/x.csv"),
    ("submit", "ecr:PutImage", REPOSITORY),
    ("submit", "codebuild:StartBuild", arn("codebuild", "project/another-image")),
    ("submit", "dynamodb:PutItem", RUNS),
    # CI that approves does nothing else, and only here.
    ("release", "sagemaker:CreateTrainingJob", JOB),
    ("release", "sagemaker:CreateEndpoint", ENDPOINT),
    ("release", "sagemaker:UpdateModelPackage", arn("sagemaker", "model-package/another-diabetes/3")),
    ("release", "s3:GetObject", f"{BUCKET}/diabetes/code/abc.tar.gz"),
    ("release", "secretsmanager:GetSecretValue", TOKEN),
    # What a data scientist's code runs as.
    ("execution", "secretsmanager:GetSecretValue", TOKEN),
    ("execution", "dynamodb:GetItem", RUNS),
    ("execution", "s3:PutObject", f"{BUCKET}/diabetes/code/abc.tar.gz"),
    ("execution", "s3:PutObject", f"{BUCKET}/diabetes/code/submissions/diabetes-0123456789ab/7.json"),
    ("execution", "s3:GetObject", f"{BUCKET}/diabetes/code/submissions/diabetes-0123456789ab/7.json"),
    ("execution", "s3:PutObject", f"{BUCKET}/diabetes/reports.csv"),
    ("execution", "s3:PutObject", f"{BUCKET}/diabetes/input/output/x.csv"),
    ("execution", "s3:PutObject", f"{BUCKET}/diabetes/data/{'0' * 64}/train/output/x.csv"),
    ("execution", "s3:PutObject", f"{BUCKET}/diabetes/code/submissions/output/7.json"),
    ("execution", "s3:GetObject", f"{BUCKET}/diabetes/input/x.csv"),
    ("execution", "sagemaker:UpdateModelPackage", PACKAGE),
    ("execution", "ecr:PutImage", REPOSITORY),
    ("execution", "ecr:BatchGetImage", arn("ecr", "repository/another")),
    ("image-builder", "s3:GetObject", f"{BUCKET}/diabetes/output/job/output/model.tar.gz"),
    ("image-builder", "s3:GetObject", f"{BUCKET}/diabetes/code/abc.tar.gz"),
    ("image-builder", "s3:PutObject", f"{BUCKET}/diabetes/code/tag.zip"),
    ("image-builder", "ecr:PutImage", arn("ecr", "repository/another")),
    ("report-function", "sagemaker:UpdateModelPackage", PACKAGE),
    ("report-function", "sagemaker:UpdateEndpoint", ENDPOINT),
    ("report-function", "s3:PutObject", f"{BUCKET}/diabetes/output/job/output/model.tar.gz"),
    ("report-function", "s3:DeleteObject", f"{BUCKET}/diabetes/code/waiting/tag/job.json"),
    ("report-function", "s3:GetObject", f"{BUCKET}/diabetes/code/abc.tar.gz"),
    ("report-function", "ecr:PutImage", REPOSITORY),
    ("report-function", "ecr:BatchGetImage", arn("ecr", "repository/another")),
    ("release-function", "sagemaker:UpdateModelPackage", PACKAGE),
    ("release-function", "sagemaker:CreateTrainingJob", JOB),
    ("release-function", "sagemaker:UpdateEndpoint", arn("sagemaker", "endpoint/another-diabetes-staging")),
    ("image-function", "s3:DeleteObject", f"{BUCKET}/diabetes/code/abc.tar.gz"),
    ("image-function", "sagemaker:UpdateEndpoint", ENDPOINT),
    ("report-function", "sqs:ReceiveMessage", arn("sqs", f"{PROJECT}-release")),
    *[
        (f"{name}-function", "sqs:ChangeMessageVisibility", arn("sqs", f"{PROJECT}-{other}"))
        for name in ("report", "release", "image")
        for other in ("report", "release", "image", f"{name}-dead")
        if other != name
    ],
    *[(who, "secretsmanager:GetSecretValue", arn("secretsmanager", "secret:other-AbCdEf")) for who in FUNCTIONS],
    *[(who, "dynamodb:DeleteTable", RUNS) for who in EVERYONE],
    *[(who, "iam:CreateRole", role_arn("x")) for who in EVERYONE],
    *[(who, "s3:DeleteBucket", BUCKET) for who in EVERYONE],
]


def test_the_cases_cover_every_role(stacks: Stacks) -> None:
    named = {one["Properties"]["RoleName"] for one in stacks.of_type("AWS::IAM::Role").values()}

    assert named == {f"{PROJECT}-{who}" for who in EVERYONE}


@pytest.mark.parametrize("who", EVERYONE)
def test_a_roles_policy_fits_into_it(role: GetRole, who: str) -> None:
    """IAM takes 10,240 characters of inline policies, white space apart."""
    assert len(json.dumps(role(who).statements, separators=(",", ":"))) < 9_000


def test_no_policy_is_attached_beside_those_that_come_with_the_roles(stacks: Stacks) -> None:
    """What is judged here is all there is."""
    kinds = {one["Type"] for one in stacks.resources.values()}

    assert not kinds & {"AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::IAM::ManagedPolicy"}


@pytest.mark.parametrize(("who", "action", "resource"), ALLOWED)
def test_a_role_may_do_its_work(role: GetRole, who: str, action: str, resource: str) -> None:
    assert role(who).may(action, resource)


@pytest.mark.parametrize(("who", "action", "resource"), REFUSED)
def test_a_role_may_not_do_anothers(role: GetRole, who: str, action: str, resource: str) -> None:
    assert not role(who).may(action, resource, **LAWFUL)


@pytest.mark.parametrize("who", EVERYONE)
def test_no_role_may_pass_anything_but_the_execution_role(role: GetRole, who: str) -> None:
    passes = [one for one in role(who).statements if "PassRole" in str(one["Action"])]

    for statement in passes:
        assert statement["Resource"] == role_arn("execution")
        assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    assert bool(passes) == (who in ("submit", "release-function", "image-function"))


@pytest.mark.parametrize("who", ["submit", "image-function"])
def test_a_job_starts_only_with_the_projects_tag(role: GetRole, who: str) -> None:
    start, tag = "sagemaker:CreateTrainingJob", "aws__requesttag__mergemaker__project"

    assert role(who).may(start, JOB, **{tag: PROJECT})
    assert not role(who).may(start, JOB, **{tag: "another"})
    assert not role(who).may(start, JOB)


def test_submit_stops_only_jobs_of_its_project(role: GetRole) -> None:
    tag = "aws__resourcetag__mergemaker__project"

    assert role("submit").may("sagemaker:StopTrainingJob", JOB, **{tag: PROJECT})
    assert not role("submit").may("sagemaker:StopTrainingJob", JOB, **{tag: "another"})
    assert not role("submit").may("sagemaker:StopTrainingJob", JOB)


@pytest.mark.parametrize(
    ("who", "allowed"),
    [
        ("execution", {"code", "data", "output"}),
        ("submit", {"data", "input"}),
        ("report-function", {"code/submissions", "code/waiting", "output"}),
        ("image-function", {"code/waiting"}),
        ("release", set()),
        ("release-function", set()),
        ("image-builder", set()),
    ],
)
def test_listing_the_bucket_is_confined(role: GetRole, who: str, allowed: set[str]) -> None:
    may = {
        part
        for part in ("code", "code/submissions", "code/waiting", "data", "input", "output", "notes")
        if role(who).may("s3:ListBucket", BUCKET, s3__prefix=f"diabetes/{part}/")
    }

    assert may == allowed | ({"code/submissions", "code/waiting"} if "code" in allowed else set())
    assert not role(who).may("s3:ListBucket", BUCKET, s3__prefix="")
    assert not role(who).may("s3:ListBucket", BUCKET)


@pytest.mark.parametrize("who", ["submit", *FUNCTIONS])
def test_who_reads_an_object_may_find_out_that_it_is_not_there(role: GetRole, who: str) -> None:
    """S3 says 403 instead of 404 to who may not list; the adapter then lists what begins with the key."""
    readable = [
        resource.removeprefix(f"{BUCKET}/").replace("*", "x")
        for one in role(who).statements
        if "s3:GetObject" in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])
        for resource in ([one["Resource"]] if isinstance(one["Resource"], str) else one["Resource"])
    ]

    assert readable
    for key in readable:
        assert role(who).may("s3:ListBucket", BUCKET, s3__prefix=key), key


def test_metrics_go_into_sagemakers_namespaces_only(role: GetRole) -> None:
    put = "cloudwatch:PutMetricData"

    assert role("execution").may(put, "*", cloudwatch__namespace="/aws/sagemaker/TrainingJobs")
    assert not role("execution").may(put, "*", cloudwatch__namespace="AWS/Lambda")


@pytest.mark.parametrize("who", EVERYONE)
def test_every_action_is_named_in_full_and_every_resource_is_this_accounts(role: GetRole, who: str) -> None:
    for statement in role(who).statements:
        resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        for action in [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]:
            assert re.fullmatch(r"[a-z0-9]+:[A-Z][A-Za-z]+", action), action
            if action in ("ecr:GetAuthorizationToken", "cloudwatch:PutMetricData"):
                assert resources == ["*"], "AWS knows no narrower resource for it"
            else:
                assert all(PROJECT in one or ACCOUNT in one for one in resources), resources


@pytest.mark.parametrize(
    ("who", "service"),
    [
        ("execution", "sagemaker"),
        ("image-builder", "codebuild"),
        *[(function, "lambda") for function in FUNCTIONS],
    ],
)
def test_a_services_role_is_for_that_service_alone(role: GetRole, who: str, service: str) -> None:
    (trust,) = role(who).trust

    assert trust["Principal"] == {"Service": f"{service}.amazonaws.com"}
    assert trust["Action"] == "sts:AssumeRole"
