"""The contract of `ports.Endpoints`: what SageMaker does, the fake does.

A real endpoint that serves needs an image that runs: that is the story's to try. Here its creation fails.
"""

from dataclasses import replace
from typing import Any

import pytest

from mergemaker.domain.errors import RetryableError
from mergemaker.domain.release import EndpointStatus, NewPackage, Package
from mergemaker.domain.settings import Environment
from mergemaker.ports import Endpoints
from tests.adapters.conftest import NAMES
from tests.fakes.endpoints import FakeEndpoints
from tests.fakes.made import digest
from tests.fakes.registry import FakeRegistry
from tests.local.aws.helpers import client, wait_for

STAGING = Environment("staging", NAMES.account, NAMES.region, instance_type="ml.m5.large", instance_count=1)
TAGS = {"mergemaker:project": "shop"}


@pytest.fixture(params=["memory", pytest.param("sagemaker", marks=pytest.mark.cloud)])
def endpoints(request: pytest.FixtureRequest) -> Endpoints:
    if request.param == "memory":
        return FakeEndpoints()
    found: Endpoints = request.getfixturevalue("aws").endpoints
    return found


@pytest.fixture
def package(request: pytest.FixtureRequest, endpoints: Endpoints, name: str) -> Package:
    new = _new(name)
    if isinstance(endpoints, FakeEndpoints):
        fake = FakeRegistry()
        fake.register(NewPackage(**new, image="any@sha256:0", artifact_etag="0"))
        return fake.groups[f"shop-{name}"][0]
    aws = request.getfixturevalue("aws")
    aws.files.write(f"{name}/model.tar.gz", b"m", replacing=None)
    etag = aws.files.etag(f"{name}/model.tar.gz")
    aws.registry.register(NewPackage(**new, image=request.getfixturevalue("image"), artifact_etag=etag))
    found: Package | None = aws.registry.of_version(f"shop-{name}", 1)
    assert found is not None
    aws.registry.approve(found, environment="staging", pipeline=90, description="Merged")
    return found


def _new(name: str) -> dict[str, Any]:
    """What the registry is told of a run, but for image and ETag."""
    return {
        "group": f"shop-{name}",
        "project": "shop",
        "model": name,
        "job": name,
        "run_key": digest(name),
        "source": digest("source"),
        "commit": "c" * 40,
        "merge_request": 7,
        "description": f"Run {name}",
        "artifact": f"s3://{NAMES.bucket}/{name}/model.tar.gz",
        "content_type": "text/csv",
        "tags": TAGS,
    }


def prepare(endpoints: Endpoints, package: Package, name: str) -> str:
    config = f"shop-{name}-staging-1"
    endpoints.prepare(package, config=config, model=f"shop-{name}-1", environment=STAGING, tags=TAGS)
    return config


def gone(endpoints: Endpoints, name: str) -> None:
    wait_for(lambda: endpoints.find(name) is None)


def test_an_endpoint_that_is_not_there_is_none_and_can_be_deleted(endpoints: Endpoints, name: str) -> None:
    assert endpoints.find(f"shop-{name}-staging") is None
    endpoints.delete(f"shop-{name}-staging")


@pytest.mark.cloud
def test_a_model_is_made_of_what_the_package_has_beside_its_artifact(
    request: pytest.FixtureRequest, aws_port: int, name: str
) -> None:
    aws = request.getfixturevalue("aws")
    aws.files.write(f"{name}/model.tar.gz", b"m", replacing=None)
    made = FakeRegistry()
    image = request.getfixturevalue("image")
    made.register(NewPackage(**_new(name), image=image, artifact_etag="0"))
    plain = made.groups[f"shop-{name}"][0]
    said = {"SAGEMAKER_PROGRAM": "inference.py"}
    prepare(aws.endpoints, replace(plain, environment=said, code=plain.artifact), name)
    found = client("sagemaker", aws_port).describe_model(ModelName=f"shop-{name}-1")
    container = found["PrimaryContainer"]
    (beside,) = container["AdditionalModelDataSources"]
    assert (container["Image"], container["Environment"], found["EnableNetworkIsolation"]) == (image, said, True)
    for source in (container["ModelDataSource"], beside):
        data = source["S3DataSource"]
        assert (data["S3Uri"], data["S3DataType"], data["CompressionType"]) == (plain.artifact, "S3Object", "Gzip")
    assert (beside["ChannelName"], "ModelDataUrl" in container) == ("code", False)


def test_what_an_endpoint_is_made_of_can_be_prepared_twice(endpoints: Endpoints, package: Package, name: str) -> None:
    prepare(endpoints, package, name)
    prepare(endpoints, package, name)


def test_an_endpoint_is_created_once_on_its_config_and_then_deleted(
    endpoints: Endpoints, package: Package, name: str
) -> None:
    config, endpoint = prepare(endpoints, package, name), f"shop-{name}-staging"
    endpoints.create(endpoint, config=config, tags=TAGS)
    found = endpoints.find(endpoint)
    assert found is not None
    assert (found.name, found.config, found.target, found.version) == (endpoint, config, config, 1)
    assert found.status in (EndpointStatus.BUSY, EndpointStatus.FAILED)
    with pytest.raises(RetryableError, match="already existing"):
        endpoints.create(endpoint, config=config, tags=TAGS)
    if isinstance(endpoints, FakeEndpoints):
        endpoints.break_down(endpoint, "no such image")
    wait_for(lambda: _status(endpoints, endpoint) is EndpointStatus.FAILED)
    failed = endpoints.find(endpoint)
    assert failed is not None
    assert failed.reason
    if isinstance(endpoints, FakeEndpoints):
        endpoints.deletes_slowly = True
    for _ in range(2):
        endpoints.delete(endpoint)
    if isinstance(endpoints, FakeEndpoints):
        found = endpoints.find(endpoint)
        assert found is not None
        assert found.status is EndpointStatus.DELETING
        endpoints.gone(endpoint)
    gone(endpoints, endpoint)


def _status(endpoints: Endpoints, name: str) -> EndpointStatus | None:
    found = endpoints.find(name)
    return found.status if found else None
