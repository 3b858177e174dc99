"""What is true of the roles as a whole. What each may do, case by case, stands in matrix.txt."""

import json
import re
from collections.abc import Callable

import pytest
from aws_cdk.aws_iam import PolicyStatement

from infra.arns import Arns, function_logs
from infra.permissions.ci import submit
from infra.permissions.common import take_messages, write_logs
from infra.permissions.functions import start
from infra.permissions.interfaces import for_function
from infra.permissions.registries import aws_repositories
from infra.permissions.services import execution
from mergemaker.domain.names import PROJECT_MAX, Names
from mergemaker.domain.settings import Network
from tests.infra.policies import BUCKET, EVERYONE, Role, as_list, role_arn
from tests.infra.stacks import ACCOUNT, PROJECT, REGION, Stacks

GetRole = Callable[[str], Role]
AWS_IMAGES = aws_repositories(Names(PROJECT, ACCOUNT, REGION))
NETWORK = Network(
    subnets=tuple(f"subnet-0123456789abcdef{one}" for one in range(3)),
    security_groups=("sg-0123456789abcdef0",),
    functions=True,
)
PULL = {"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}
FUNCTIONS = ("report-function", "release-function", "start-function")


def test_the_cases_cover_every_role(stacks: Stacks) -> None:
    named = {one["Properties"]["RoleName"] for one in stacks.of_type("AWS::IAM::Role").values()}

    assert named == {f"{PROJECT}-{who}" for who in EVERYONE}


@pytest.mark.parametrize("who", EVERYONE)
def test_a_roles_policy_fits_into_it(role: GetRole, who: str) -> None:
    """IAM takes 10,240 characters of inline policies, white space apart."""
    assert len(json.dumps(role(who).statements, separators=(",", ":"))) < 9_000


@pytest.mark.parametrize("region", ["eu-west-1", "ap-southeast-1", "us-gov-west-1"])
@pytest.mark.parametrize("network", [Network(), NETWORK], ids=["no network", "network"])
def test_a_roles_policy_fits_into_it_with_names_as_long_as_they_get(region: str, network: Network) -> None:
    arns = Arns(Names("p" * PROJECT_MAX, ACCOUNT, region))
    for policy in (submit(arns, network), execution(arns, network), [*start(arns, network), *_of_each(arns, network)]):
        sizes = [len(json.dumps(one.to_statement_json(), separators=(",", ":"))) + 1 for one in policy]
        assert sum(sizes) < 10_200


def _of_each(arns: Arns, network: Network) -> list[PolicyStatement]:
    """What `QueuedFunction` adds for any function."""
    logs = write_logs(arns, function_logs(arns.names, "start"))
    return [take_messages(arns, "start"), logs, *for_function(arns, "start", network)]


def test_no_policy_is_attached_beside_those_that_come_with_the_roles(stacks: Stacks) -> None:
    """What is judged here is all there is."""
    kinds = {one["Type"] for one in stacks.resources.values()}

    assert not kinds & {"AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::IAM::ManagedPolicy"}


@pytest.mark.parametrize("who", EVERYONE)
def test_no_role_may_pass_anything_but_the_execution_role(role: GetRole, who: str) -> None:
    passes = [one for one in role(who).statements if "PassRole" in str(one["Action"])]

    for statement in passes:
        assert statement["Resource"] == role_arn("execution")
        assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    assert bool(passes) == (who in ("submit", "release-function", "start-function"))


@pytest.mark.parametrize(
    ("who", "allowed"),
    [
        ("execution", {"code", "data", "output", "packages", "prepared"}),
        ("submit", {"data", "input"}),
        ("report-function", {"code/submissions", "code/waiting", "data", "output", "packages"}),
        ("start-function", {"code/submissions", "code/waiting", "data", "output", "prepared"}),
        ("release", {"code/submissions"}),
        ("deploy", set()),
        ("release-function", {"code/submissions"}),
        ("image-builder", set()),
    ],
)
def test_listing_the_bucket_is_confined(role: GetRole, who: str, allowed: set[str]) -> None:
    parts = ("code", "code/submissions", "code/waiting", "data", "input", "output", "packages", "prepared", "notes")
    may = {part for part in parts if role(who).may("s3:ListBucket", BUCKET, s3__prefix=f"diabetes/{part}/")}

    assert may == allowed | ({"code/submissions", "code/waiting"} if "code" in allowed else set())
    assert not role(who).may("s3:ListBucket", BUCKET, s3__prefix="")
    assert not role(who).may("s3:ListBucket", BUCKET)


@pytest.mark.parametrize("who", ["submit", "release", *FUNCTIONS])
def test_who_reads_an_object_may_find_out_that_it_is_not_there(role: GetRole, who: str) -> None:
    """S3 says 403 instead of 404 to who may not list; the adapter then lists what begins with the key."""
    readable = [
        resource.removeprefix(f"{BUCKET}/").replace("*", "x")
        for one in role(who).statements
        if "s3:GetObject" in as_list(one["Action"])
        for resource in as_list(one["Resource"])
    ]

    assert readable
    for key in readable:
        assert role(who).may("s3:ListBucket", BUCKET, s3__prefix=key), key


@pytest.mark.parametrize("who", EVERYONE)
def test_every_action_is_named_in_full_and_every_resource_is_this_accounts(role: GetRole, who: str) -> None:
    for statement in role(who).statements:
        resources = as_list(statement.get("Resource") or statement["NotResource"])
        for action in as_list(statement["Action"]):
            assert re.fullmatch(r"[a-z0-9]+:[A-Z][A-Za-z]+", action), action
            if action in ("ecr:GetAuthorizationToken", "cloudwatch:PutMetricData", "sagemaker:ListTrainingJobs"):
                assert resources == ["*"], "AWS knows no narrower resource for it"
            else:
                theirs = AWS_IMAGES if action in PULL else []
                assert all(PROJECT in one or ACCOUNT in one or one in theirs for one in resources), resources


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
