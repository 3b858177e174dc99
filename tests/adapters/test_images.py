"""The contract of `ports.Images`: what ECR and CodeBuild do, the fake does."""

from collections.abc import Callable

import pytest

from mergemaker.domain.names import image_context_key, image_tag
from mergemaker.ports import Images
from tests.adapters.conftest import NAMES, put_image
from tests.fakes.images import FakeImages
from tests.fakes.made import digest
from tests.local.aws.helpers import client, wait_for


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
