"""`[network]`: where jobs, models and functions may run, and who may make the interfaces for that."""

from collections.abc import Callable

import pytest

from tests.infra.policies import Role, arn
from tests.infra.stacks import PROJECT, Stacks

GetRole = Callable[[str], Role]
JOB = arn("sagemaker", "training-job/diabetes-0123456789ab")
PREPARATION = arn("sagemaker", "processing-job/diabetes-prepare-0123456789ab")
MODEL = arn("sagemaker", f"model/{PROJECT}-diabetes-3")
SUBNETS, GROUPS = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"], ["sg-0123456789abcdef0"]
INSIDE: dict[str, str | list[str]] = {"sagemaker:VpcSubnets": SUBNETS, "sagemaker:VpcSecurityGroupIds": GROUPS}
TAGGED = {"aws:RequestTag/mergemaker:project": PROJECT}
ISOLATED = {"sagemaker:NetworkIsolation": "true"}
INTERFACE = arn("ec2", "network-interface/eni-0123456789abcdef0")
FUNCTIONS = ("report", "release", "start")
HERE = {"ec2:Subnet": arn("ec2", f"subnet/{SUBNETS[0]}")}
ELSEWHERE = {"ec2:Subnet": arn("ec2", "subnet/subnet-00000000000000000")}

CREATIONS = pytest.mark.parametrize(
    ("who", "action", "resource", "lawful"),
    [
        ("submit", "sagemaker:CreateTrainingJob", JOB, TAGGED),
        ("start-function", "sagemaker:CreateTrainingJob", JOB, TAGGED),
        ("submit", "sagemaker:CreateProcessingJob", PREPARATION, TAGGED),
        ("start-function", "sagemaker:CreateProcessingJob", PREPARATION, TAGGED),
        ("release-function", "sagemaker:CreateModel", MODEL, ISOLATED),
    ],
)


@CREATIONS
@pytest.mark.parametrize("where", [INSIDE, {**INSIDE, "sagemaker:VpcSubnets": SUBNETS[:1]}], ids=["all", "one subnet"])
def test_what_runs_in_the_settings_network_may_run(
    strict_role: GetRole,
    who: str,
    action: str,
    resource: str,
    lawful: dict[str, str],
    where: dict[str, str | list[str]],
) -> None:
    assert strict_role(who).may(action, resource, **lawful, **where)


@CREATIONS
@pytest.mark.parametrize(
    "where",
    [
        {},
        {"sagemaker:VpcSubnets": SUBNETS},
        {"sagemaker:VpcSecurityGroupIds": GROUPS},
        {**INSIDE, "sagemaker:VpcSubnets": ["subnet-00000000000000000"]},
        {**INSIDE, "sagemaker:VpcSubnets": [*SUBNETS, "subnet-00000000000000000"]},
        {**INSIDE, "sagemaker:VpcSecurityGroupIds": ["sg-00000000000000000"]},
    ],
    ids=["nowhere", "no group", "no subnet", "another subnet", "one subnet more", "another group"],
)
def test_what_runs_anywhere_else_is_refused(
    strict_role: GetRole,
    who: str,
    action: str,
    resource: str,
    lawful: dict[str, str],
    where: dict[str, str | list[str]],
) -> None:
    assert not strict_role(who).may(action, resource, **lawful, **where)


def test_a_network_takes_no_other_condition_away(strict_role: GetRole) -> None:
    assert not strict_role("submit").may("sagemaker:CreateTrainingJob", JOB, **INSIDE)
    assert not strict_role("release-function").may("sagemaker:CreateModel", MODEL, **INSIDE)


# Interfaces ---------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["execution", *(f"{name}-function" for name in FUNCTIONS)])
def test_interfaces_are_made_in_these_subnets_with_these_groups_only(strict_role: GetRole, who: str) -> None:
    def may(resource: str) -> bool:
        return strict_role(who).may("ec2:CreateNetworkInterface", arn("ec2", resource))

    assert all(may(f"subnet/{one}") for one in SUBNETS)
    assert may(f"security-group/{GROUPS[0]}")
    assert may("network-interface/*")
    assert not may("subnet/subnet-00000000000000000")
    assert not may("security-group/sg-00000000000000000")


@pytest.mark.parametrize(
    "action",
    ["CreateNetworkInterfacePermission", "DeleteNetworkInterface", "DeleteNetworkInterfacePermission"],
)
def test_sagemaker_lends_and_removes_interfaces_in_these_subnets_only(strict_role: GetRole, action: str) -> None:
    assert strict_role("execution").may(f"ec2:{action}", INTERFACE, **HERE)
    assert not strict_role("execution").may(f"ec2:{action}", INTERFACE, **ELSEWHERE)
    assert not strict_role("execution").may(f"ec2:{action}", INTERFACE)


@pytest.mark.parametrize(
    ("who", "action"),
    [
        *(
            ("execution", f"Describe{what}")
            for what in ("DhcpOptions", "NetworkInterfaces", "SecurityGroups", "Subnets", "Vpcs")
        ),
        *((f"{name}-function", f"Describe{what}") for name in FUNCTIONS for what in ("NetworkInterfaces", "Subnets")),
    ],
)
def test_the_network_may_be_looked_at(strict_role: GetRole, who: str, action: str) -> None:
    assert strict_role(who).may(f"ec2:{action}", "*")


@pytest.mark.parametrize("who", ["execution", *(f"{name}-function" for name in FUNCTIONS)])
@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("RunInstances", "instance/*"),
        ("AttachNetworkInterface", "network-interface/eni-0123456789abcdef0"),
        ("ModifyNetworkInterfaceAttribute", "network-interface/eni-0123456789abcdef0"),
        ("AuthorizeSecurityGroupEgress", f"security-group/{GROUPS[0]}"),
    ],
)
def test_nothing_else_may_be_done_to_the_network(strict_role: GetRole, who: str, action: str, resource: str) -> None:
    assert not strict_role(who).may_when(f"ec2:{action}", arn("ec2", resource), HERE)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_runs_in_the_network_and_its_own_code_may_not_change_it(
    strict_stacks: Stacks, strict_role: GetRole, name: str
) -> None:
    function = strict_stacks.properties("AWS::Lambda::Function", FunctionName=f"{PROJECT}-{name}")
    assert function["VpcConfig"] == {"SubnetIds": SUBNETS, "SecurityGroupIds": GROUPS}
    role = strict_role(f"{name}-function")
    (denied,) = [one for one in role.statements if one["Effect"] == "Deny" and one["Action"] != "s3:PutObject"]
    assert set(denied["Action"]) == {action for action in role.actions if action.startswith("ec2:")}
    assert denied["Condition"] == {
        "ArnEquals": {"lambda:SourceFunctionArn": arn("lambda", f"function:{PROJECT}-{name}")}
    }


# Without a network --------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["submit", "execution", *(f"{name}-function" for name in FUNCTIONS)])
def test_without_a_network_nobody_has_a_right_in_one(role: GetRole, who: str) -> None:
    assert not [action for action in role(who).actions if action.startswith("ec2:")]


def test_without_a_network_functions_run_in_none(stacks: Stacks) -> None:
    assert not [one for one in stacks.of_type("AWS::Lambda::Function").values() if "VpcConfig" in one["Properties"]]
