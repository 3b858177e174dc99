"""What botocore's model says about a request is enforced, and every pattern of it can be."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape

from local.aws.errors import AwsError
from local.aws.protocol import parse, pattern, service_model

OPERATIONS = [
    "CreateTrainingJob",
    "CreateModelPackage",
    "UpdateModelPackage",
    "CreateModelPackageGroup",
    "CreateModel",
    "CreateEndpointConfig",
    "CreateEndpoint",
    "UpdateEndpoint",
    "AddTags",
    "ListTrainingJobs",
    "ListModelPackages",
    "ListEndpoints",
]


def shapes(shape: Shape, seen: set[str]) -> Iterator[Shape]:
    if shape.name in seen:
        return
    seen.add(shape.name)
    yield shape
    inner: list[Any] = []
    if isinstance(shape, StructureShape):
        inner = list(shape.members.values())
    elif isinstance(shape, ListShape):
        inner = [shape.member]
    elif isinstance(shape, MapShape):
        inner = [shape.key, shape.value]
    for member in inner:
        yield from shapes(member, seen)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_pattern_of_the_model_compiles(name: str) -> None:
    shape = service_model("sagemaker").operation_model(name).input_shape
    assert shape is not None
    patterns = {s.metadata["pattern"] for s in shapes(shape, set()) if "pattern" in s.metadata}
    assert all(isinstance(pattern(p), re.Pattern) for p in patterns)


@pytest.mark.parametrize("value", ["", "plain text", "a/b:c=d+e-f@g.h_i", "größe 3"])
def test_a_tag_may_hold_letters_digits_spaces_and_some_signs(value: str) -> None:
    operation = service_model("sagemaker").operation_model("AddTags")
    tag = {"Key": "k", "Value": value}
    body = json.dumps({"ResourceArn": "arn:aws:sagemaker:us-east-1:000000000000:x/y", "Tags": [tag]})
    assert parse(operation, body.encode())["Tags"] == [tag]


@pytest.mark.parametrize(
    "body", [b"[]", b"{", b"\xff", b'{"TrainingJobName": 1}', b'{"TrainingJobName": "a", "No": 1}', b""]
)
def test_a_body_that_is_no_such_request_is_refused(body: bytes) -> None:
    operation = service_model("sagemaker").operation_model("DescribeTrainingJob")
    with pytest.raises(AwsError):
        parse(operation, body)
