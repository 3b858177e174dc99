"""The contract of `ports.Images`: what ECR and CodeBuild do, the fake does."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from botocore.stub import Stubber

from mergemaker.adapters.aws import Clients
from mergemaker.adapters.images import BuiltImages
from mergemaker.domain.errors import RefusedError, RetryableError, UsageError
from mergemaker.domain.names import image_context_key, image_tag
from mergemaker.ports import Images
from tests.adapters.conftest import NAMES, put_image
from tests.fakes.images import FakeImages
from tests.fakes.made import digest
from tests.local.aws.helpers import client, wait_for

if TYPE_CHECKING:
    from mypy_boto3_codebuild.type_defs import BuildTypeDef

ECR = "dkr.ecr.us-east-1.amazonaws.com"
SHOP = f"{NAMES.registry}/{NAMES.repository}"


@pytest.fixture(params=["memory", pytest.param("codebuild", marks=pytest.mark.cloud)])
def images(request: pytest.FixtureRequest) -> Images:
    if request.param == "memory":
        return FakeImages()
    found: Images = request.getfixturevalue("aws").images
    return found


@pytest.fixture
def finish(request: pytest.FixtureRequest, images: Images) -> Callable[[str], object]:
    """An image of a tag comes into the registry."""
    if isinstance(images, FakeImages):
        return images.finish
    port = request.getfixturevalue("aws_port")
    return lambda tag: put_image(port, tag)


def test_an_image_that_is_not_there_is_none(images: Images, name: str) -> None:
    assert images.find(image_tag(name, digest(name))) is None


def test_an_image_is_found_by_its_tag_and_named_by_its_digest(
    images: Images, name: str, finish: Callable[[str], object]
) -> None:
    tag = image_tag(name, digest(name))
    finish(tag)
    address = images.find(tag)
    assert address is not None
    registry, _, sha = address.partition("@")
    assert registry.endswith(".amazonaws.com/shop")
    assert sha.startswith("sha256:")
    assert len(sha) == 71


def test_a_tag_that_nobody_asked_for_is_not_being_built(images: Images, name: str) -> None:
    assert images.building(image_tag(name, digest(name))) is False


def test_a_tag_is_being_built_until_its_build_ends(request: pytest.FixtureRequest, images: Images, name: str) -> None:
    tag = image_tag(name, digest(name))
    context = image_context_key(name, tag)
    if not isinstance(images, FakeImages):
        request.getfixturevalue("aws").files.write(context, b"this is no zip file", replacing=None)
    images.build(tag, context=context)
    assert images.building(image_tag(name, digest("another"))) is False
    if isinstance(images, FakeImages):
        assert images.building(tag) is True
        images.break_build(tag, "File is not a zip file")
    wait_for(lambda: not images.building(tag))


@pytest.mark.cloud
def test_two_who_ask_at_once_start_one_build_and_its_failure_has_the_end_of_its_log(
    request: pytest.FixtureRequest, aws_port: int, name: str
) -> None:
    images: Images = request.getfixturevalue("aws").images
    tag = image_tag(name, digest(name))
    context = image_context_key(name, tag)
    request.getfixturevalue("aws").files.write(context, b"this is no zip file", replacing=None)
    images.build(tag, context=context)
    images.build(tag, context=context)
    builds = _builds(aws_port, tag)
    assert len(builds) == 1
    arn = f"arn:aws:codebuild:{NAMES.region}:{NAMES.account}:build/{builds[0]}"
    # The last lines of a log come a moment after the build's end.
    failure = wait_for(lambda: [line for line in (images.failure(arn) or "").splitlines() if line][:2] or None)
    assert failure[0] == f"build {builds[0]} ended as FAILED"
    wait_for(lambda: "File is not a zip file" in (images.failure(arn) or ""))
    assert images.find(tag) is None
    images.build(tag, context=context)
    assert len(_builds(aws_port, tag)) == 2


@pytest.mark.cloud
def test_two_submits_at_the_same_moment_start_one_build(
    request: pytest.FixtureRequest, aws_port: int, name: str
) -> None:
    """Each looks for a build before the other has started its own."""
    aws = request.getfixturevalue("aws")
    tag = image_tag(name, digest(name))
    aws.files.write(image_context_key(name, tag), b"this is no zip file", replacing=None)
    together = Barrier(2)

    class Held(BuiltImages):
        def _last_build(self, tag: str) -> "BuildTypeDef | None":
            found = super()._last_build(tag)
            together.wait(20)
            return found

    with ThreadPoolExecutor(2) as pool:
        context = image_context_key(name, tag)
        asked = [pool.submit(Held(aws.clients, NAMES).build, tag, context=context) for _ in range(2)]
        for one in asked:
            one.result(30)
    assert len(_builds(aws_port, tag)) == 1


@pytest.mark.cloud
def test_an_address_by_tag_is_resolved_to_its_digest(request: pytest.FixtureRequest, aws_port: int, name: str) -> None:
    images: Images = request.getfixturevalue("aws").images
    by_digest = put_image(aws_port, f"{name}-1.0")
    assert images.resolve(f"{NAMES.registry}/{NAMES.repository}:{name}-1.0") == by_digest
    assert images.resolve(by_digest) == by_digest


@pytest.mark.cloud
@pytest.mark.parametrize("place", [f"683313688378.{ECR}/sagemaker-xgboost", f"{SHOP}/none", SHOP])
def test_an_image_that_is_not_there_is_refused_before_anything_starts(
    request: pytest.FixtureRequest, place: str
) -> None:
    with pytest.raises(RefusedError, match=rf"^there is no image {place}:1.7-1: see `mergemaker image resolve`"):
        request.getfixturevalue("aws").images.resolve(f"{place}:1.7-1")


@pytest.mark.cloud
def test_an_image_of_another_region_is_refused(request: pytest.FixtureRequest) -> None:
    images: Images = request.getfixturevalue("aws").images
    with pytest.raises(UsageError, match="is in eu-west-1, and SageMaker takes those of us-east-1"):
        images.resolve("141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:1.7-1")


def test_what_may_not_be_looked_at_or_is_no_ecr_is_as_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    address = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.3"
    clients = Clients(NAMES.region)
    with Stubber(clients("ecr")) as ecr:
        ecr.add_client_error("batch_get_image", "AccessDeniedException")
        assert BuiltImages(clients, NAMES).resolve(address) == address
        assert BuiltImages(clients, NAMES).resolve("example.com:5000/team/image:1") == "example.com:5000/team/image:1"
        ecr.add_client_error("batch_get_image", "ServerException", http_status_code=500)
        with pytest.raises(RetryableError, match="image 763104351884"):
            BuiltImages(clients, NAMES).resolve(address)


def _builds(aws_port: int, tag: str) -> list[str]:
    codebuild = client("codebuild", aws_port)
    ids = codebuild.list_builds_for_project(projectName=NAMES.image_builder)["ids"]
    builds = codebuild.batch_get_builds(ids=ids)["builds"]
    return [build["id"] for build in builds if tag in str(build["environment"]["environmentVariables"])]


@pytest.mark.cloud
def test_a_build_that_nobody_knows_is_told_as_gone(request: pytest.FixtureRequest) -> None:
    images: Images = request.getfixturevalue("aws").images
    arn = f"arn:aws:codebuild:{NAMES.region}:{NAMES.account}:build/{NAMES.image_builder}:00000000"
    assert images.failure(arn) == f"build {NAMES.image_builder}:00000000 is gone"
