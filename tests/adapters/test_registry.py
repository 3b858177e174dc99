"""The contract of `ports.Registry`: what SageMaker does, the fake does."""

from collections.abc import Callable

import pytest

from mergemaker.domain.release import Approval, NewPackage, Package
from mergemaker.ports import Registry
from tests.adapters.conftest import NAMES
from tests.fakes.made import digest
from tests.fakes.registry import PACKAGES, FakeRegistry

New = Callable[..., NewPackage]


@pytest.fixture(params=["memory", pytest.param("sagemaker", marks=pytest.mark.cloud)])
def registry(request: pytest.FixtureRequest) -> Registry:
    if request.param == "memory":
        return FakeRegistry()
    found: Registry = request.getfixturevalue("aws").registry
    return found


@pytest.fixture
def new(request: pytest.FixtureRequest, registry: Registry, name: str) -> New:
    """What the registry is told of a run, by number."""
    image, etag = "any@sha256:0", "0"
    if not isinstance(registry, FakeRegistry):
        image = str(request.getfixturevalue("image"))
        files = request.getfixturevalue("aws").files
        files.write(f"{name}/model.tar.gz", b"m", replacing=None)
        etag = str(files.etag(f"{name}/model.tar.gz"))

    def make(number: int, *, merge_request: int | None = 7) -> NewPackage:
        return NewPackage(
            group=f"shop-{name}",
            project="shop",
            model=name,
            job=f"{name}-{number}",
            run_key=digest(f"{name} {number}"),
            source=digest("source"),
            commit=f"{number:040x}",
            merge_request=merge_request,
            description=f"Run {name}-{number}",
            image=image,
            artifact=f"s3://{NAMES.bucket}/{name}/model.tar.gz",
            artifact_etag=etag,
            content_type="text/csv",
            tags={"mergemaker:project": "shop"},
        )

    return make


def version(registry: Registry, new: NewPackage, number: int) -> Package:
    found = registry.of_version(new.group, number)
    assert found is not None
    return found


def test_what_is_not_there_is_none(registry: Registry, name: str) -> None:
    assert registry.find(f"{PACKAGES}/shop-{name}/1") is None
    assert registry.of_version(f"shop-{name}", 1) is None
    assert list(registry.newest(f"shop-{name}")) == []


def test_the_first_package_makes_its_group_and_waits_for_approval(registry: Registry, new: New, name: str) -> None:
    told = new(1)
    assert registry.register(told) == 1
    found = version(registry, told, 1)
    assert (found.group, found.version, found.approval, found.stage) == (f"shop-{name}", 1, Approval.PENDING, "")
    assert (found.job, found.commit, found.source) == (told.job, told.commit, told.source)
    assert (found.image, found.artifact) == (told.image, told.artifact)
    assert found.arn.endswith(f":model-package/shop-{name}/1")
    assert registry.find(found.arn) == found


def test_a_run_has_one_package_however_often_it_is_registered(registry: Registry, new: New) -> None:
    assert [registry.register(new(number)) for number in (1, 2, 1, 2, 1)] == [1, 2, 1, 2, 1]
    assert len(list(registry.newest(new(1).group))) == 2


def test_a_run_of_a_branch_has_a_package_too(registry: Registry, new: New) -> None:
    assert registry.register(new(1, merge_request=None)) == 1


def test_the_newest_come_first_and_approved_ones_alone_if_asked(registry: Registry, new: New) -> None:
    for number in (1, 2, 3):
        registry.register(new(number))
    group = new(1).group
    registry.approve(version(registry, new(1), 1), environment="staging", pipeline=90, description="Merged")
    registry.approve(version(registry, new(2), 2), environment="staging", pipeline=90, description="Merged")
    assert [one.version for one in registry.newest(group)] == [3, 2, 1]
    assert [one.version for one in registry.newest(group, approved=True)] == [2, 1]


def test_an_approval_names_the_environment_and_the_next_one_takes_its_place(registry: Registry, new: New) -> None:
    registry.register(new(1))
    for environment in ("staging", "production"):
        registry.approve(version(registry, new(1), 1), environment=environment, pipeline=90, description="Merged")
        now = version(registry, new(1), 1)
        assert (now.approval, now.stage) == (Approval.APPROVED, environment)
