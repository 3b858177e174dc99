"""The roles against the code: what the adapters call is granted, and what is granted is called."""

import ast
from collections.abc import Callable, Iterator

import pytest
from botocore import xform_name
from botocore.session import get_session

from tests.infra.conftest import ROOT
from tests.infra.policies import Role

GetRole = Callable[[str], Role]
SERVICES = ("sagemaker", "s3", "dynamodb", "ecr", "codebuild", "logs", "secretsmanager", "sqs", "cloudwatch")
NEEDS = {
    "s3:HeadObject": {"s3:GetObject"},
    "s3:CopyObject": {"s3:GetObject", "s3:PutObject"},
    "s3:ListObjectsV2": {"s3:ListBucket"},
    "s3:CreateMultipartUpload": {"s3:PutObject"},
    "s3:UploadPartCopy": {"s3:GetObject", "s3:PutObject"},
    "s3:CompleteMultipartUpload": {"s3:PutObject"},
}
"""Calls that IAM knows by other names."""

BESIDE = {
    "cloudformation:DescribeStacks": "the CDK CLI compares with what is deployed: mergemaker diff",
    "cloudformation:GetTemplate": "likewise",
    "cloudwatch:TagResource": "with PutMetricAlarm, which tags",
    "iam:PassRole": "with CreateTrainingJob and CreateModel",
    "logs:CreateLogStream": "Lambda writes a function's log under its role",
    "logs:PutLogEvents": "likewise",
    "logs:TagResource": "with CreateLogGroup, which tags",
    "sagemaker:AddTags": "with every creation that tags",
    "sqs:DeleteMessage": "Lambda works off a function's queue under its role",
    "sqs:GetQueueAttributes": "likewise",
    "sqs:ReceiveMessage": "likewise",
}
"""Granted to the roles that run our code, although no adapter calls it by this name."""

OURS = ("submit", "release", "report-function", "release-function", "start-function")


ADMINISTRATORS = "account.py"
"""What `setup` and `doctor` look at, with the rights of the person who runs them."""


def methods() -> Iterator[str]:
    """Names of methods that the adapters call, and of the calls that they page through."""
    ours = [*(ROOT / "mergemaker/adapters").glob("*.py"), ROOT / "mergemaker/bootstrap.py"]
    for path in [path for path in ours if path.name != ADMINISTRATORS]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                yield node.func.attr
                if node.func.attr == "get_paginator" and isinstance(node.args[0], ast.Constant):
                    yield str(node.args[0].value)


def called() -> set[str]:
    """IAM's names of what the adapters call. Without an underscore a name says little: `search` is any regex's."""
    used, found = {name for name in methods() if "_" in name or name == "query"}, set[str]()
    for service in SERVICES:
        operations = get_session().get_service_model(service).operation_names
        found |= {f"{service}:{operation}" for operation in operations if xform_name(operation) in used}
    return {action for call in found for action in NEEDS.get(call, {call})}


@pytest.fixture
def granted(role: GetRole) -> set[str]:
    return {action for who in OURS for action in role(who).actions} - BESIDE.keys()


def test_everything_that_the_code_calls_is_granted_to_some_role(granted: set[str]) -> None:
    assert called() - granted == set()


def test_nothing_is_granted_that_no_code_calls(granted: set[str]) -> None:
    assert granted - called() == set()
