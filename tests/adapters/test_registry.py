"""The contract of `ports.Registry`: what SageMaker does, the fake does."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from mergemaker.domain.release import Approval, NewPackage, Package
from mergemaker.ports import Registry
from tests.adapters.conftest import NAMES
from tests.fakes.made import digest
from tests.fakes.registry import PACKAGES, FakeRegistry
from tests.local.aws.helpers import client, new_queue, wait_for

New = Callable[..., NewPackage]


@pytest.fixture(params=["memory", pytest.param("sagemaker", marks=pytest.mark.cloud)])
def registry(request: pytest.FixtureRequest) -> Registry:
    if request.param == "memory":
        return FakeRegistry()
    found: Registry = request.getfixturevalue("aws").registry
    return found


@pytest.fixture
def new(request: pytest.FixtureRequest, registry: Registry, name: str) -> New:
    return _maker(request, registry, name)


def _maker(request: pytest.FixtureRequest, registry: Registry, name: str) -> New:
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
    assert (found.project, found.model) == ("shop", name)
    assert (found.job, found.run_key, found.source) == (told.job, told.run_key, told.source)
    assert (found.commit, found.merge_request, found.released_by) == (told.commit, 7, None)
    assert (found.image, found.artifact, found.artifact_etag) == (told.image, told.artifact, told.artifact_etag)
    assert found.arn.endswith(f":model-package/shop-{name}/1")
    assert registry.find(found.arn) == found


def test_a_package_says_what_is_put_beside_its_model_and_the_variables_that_find_it(
    registry: Registry, new: New
) -> None:
    told = new(1)
    told = replace(told, environment={"SAGEMAKER_PROGRAM": "inference.py"}, code=told.artifact)
    registry.register(told)
    found = version(registry, told, 1)
    assert (found.environment, found.code) == (told.environment, told.code)
    assert (found.image, found.artifact, found.artifact_etag) == (told.image, told.artifact, told.artifact_etag)


def test_a_run_has_one_package_however_often_it_is_registered(registry: Registry, new: New) -> None:
    assert [registry.register(new(number)) for number in (1, 2, 1, 2, 1)] == [1, 2, 1, 2, 1]
    assert len(list(registry.newest(new(1).group))) == 2


def test_a_repeat_of_a_run_has_a_package_of_its_own_and_says_which_pipeline_asked(registry: Registry, new: New) -> None:
    first, again = new(1), replace(new(2), run_key=new(1).run_key, pipeline=71)
    assert [registry.register(one) for one in (first, again)] == [1, 2]
    assert [version(registry, one, number).pipeline for number, one in ((1, first), (2, again))] == [0, 71]


def test_a_run_of_a_branch_has_a_package_too(registry: Registry, new: New) -> None:
    assert registry.register(new(1, merge_request=None)) == 1
    assert version(registry, new(1), 1).merge_request is None


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
    assert version(registry, new(1), 1).released_by is None
    for pipeline, environment in ((90, "staging"), (91, "production")):
        registry.approve(version(registry, new(1), 1), environment=environment, pipeline=pipeline, description="Merged")
        now = version(registry, new(1), 1)
        assert (now.approval, now.stage, now.released_by) == (Approval.APPROVED, environment, pipeline)


def test_an_approval_changes_nothing_that_says_where_the_package_came_from(registry: Registry, new: New) -> None:
    registry.register(new(1))
    before = version(registry, new(1), 1)
    registry.approve(before, environment="staging", pipeline=90, description="Merged")
    after = version(registry, new(1), 1)
    assert after == replace(before, approval=Approval.APPROVED, stage="staging", released_by=90)


@pytest.mark.cloud
def test_each_approval_is_told_also_of_what_is_approved_already(
    request: pytest.FixtureRequest, aws_port: int, name: str
) -> None:
    """So that a retried release deploys again."""
    registry: Registry = request.getfixturevalue("aws").registry
    told = _told(aws_port, name)
    make = _maker(request, registry, name)
    registry.register(make(1))
    for pipeline in (90, 90, 91):
        registry.approve(version(registry, make(1), 1), environment="staging", pipeline=pipeline, description="Merged")
    seen = wait_for(lambda: told() if len(told()) >= 4 else None)
    assert [detail["ModelApprovalStatus"] for detail in seen] == ["PendingManualApproval", *["Approved"] * 3]


def _told(port: int, name: str) -> Callable[[], list[dict[str, str]]]:
    """The details of the packages' events of one group, as far as they came."""
    sqs, events = client("sqs", port), client("events", port)
    url = new_queue(sqs, name)
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Package State Change"],
        "detail": {"ModelPackageGroupName": [f"shop-{name}"]},
    }
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn}])
    seen: list[dict[str, str]] = []

    def told() -> list[dict[str, str]]:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        seen.extend(json.loads(one["Body"])["detail"] for one in found)
        for one in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        return seen

    return told
