"""SageMaker's model registry, in memory."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from mergemaker.domain.release import Approval, NewPackage, Package
from tests.fakes.faults import Fake

PACKAGES = "arn:aws:sagemaker:eu-west-1:111122223333:model-package"


class FakeRegistry(Fake):
    """`ports.Registry`."""

    def __init__(self) -> None:
        super().__init__()
        self.groups: dict[str, list[Package]] = {}
        self.told: list[NewPackage] = []
        """What each package was made of."""
        self.descriptions: dict[str, str] = {}
        """Of approvals, by ARN."""

    def register(self, package: NewPackage) -> int:
        with self._called("register"):
            group = self.groups.setdefault(package.group, [])
            for one in group:
                if one.job == package.job:
                    return one.version
            self.told.append(package)
            group.append(_package(package, len(group) + 1))
            return len(group)

    def find(self, arn: str) -> Package | None:
        with self._called("find"):
            return next((one for group in self.groups.values() for one in group if one.arn == arn), None)

    def of_version(self, group: str, version: int) -> Package | None:
        with self._called("of_version"):
            return next((one for one in self.groups.get(group, []) if one.version == version), None)

    def newest(self, group: str, *, approved: bool = False) -> Iterator[Package]:
        with self._called("newest"):
            for one in reversed(list(self.groups.get(group, []))):
                if not approved or one.approval is Approval.APPROVED:
                    yield one

    def approve(self, package: Package, *, environment: str, pipeline: int, description: str) -> None:
        with self._called("approve"):
            self._change(package.arn, approval=Approval.APPROVED, stage=environment, released_by=pipeline)
            self.descriptions[package.arn] = description

    def set(self, arn: str, *, approval: Approval, stage: str = "") -> None:
        """What a person may do in the console."""
        self._change(arn, approval=approval, stage=stage)

    def _change(self, arn: str, **changed: Any) -> None:
        for group in self.groups.values():
            for place, one in enumerate(group):
                if one.arn == arn:
                    group[place] = replace(one, **changed)
                    return
        raise AssertionError(f"there is no package {arn}")


def _package(new: NewPackage, version: int) -> Package:
    return Package(
        arn=f"{PACKAGES}/{new.group}/{version}",
        group=new.group,
        project=new.project,
        model=new.model,
        version=version,
        approval=Approval.PENDING,
        stage="",
        image=new.image,
        artifact=new.artifact,
        artifact_etag=new.artifact_etag,
        job=new.job,
        run_key=new.run_key,
        commit=new.commit,
        merge_request=new.merge_request,
        source=new.source,
        released_by=None,
        pipeline=new.pipeline,
        environment=new.environment,
        code=new.code,
    )
