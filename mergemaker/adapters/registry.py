"""SageMaker's model registry."""

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from botocore.exceptions import ClientError

from mergemaker.adapters.aws import calling, code_of, message_of
from mergemaker.adapters.jobs import absent, tag_list
from mergemaker.domain.names import Names
from mergemaker.domain.release import Approval, NewPackage, Package
from mergemaker.domain.serving import CODE_CHANNEL

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import (
        AdditionalModelDataSourceTypeDef,
        DescribeModelPackageOutputTypeDef,
        ListModelPackagesInputPaginateTypeDef,
        ModelPackageContainerDefinitionOutputTypeDef,
        ModelPackageContainerDefinitionTypeDef,
        S3ModelDataSourceTypeDef,
    )


class SageMakerRegistry:
    """`ports.Registry`: a package group a model, a package a completed run."""

    def __init__(self, sagemaker: "SageMakerClient", names: Names) -> None:
        self._sagemaker, self._names = sagemaker, names

    def register(self, package: NewPackage) -> int:
        with calling(f"package group {package.group}"):
            self._ensure_group(package)
            return self._registered(package) or self._create(package)

    def _ensure_group(self, package: NewPackage) -> None:
        try:
            self._sagemaker.describe_model_package_group(ModelPackageGroupName=package.group)
        except ClientError as error:
            if not absent(error):
                raise
            try:
                self._sagemaker.create_model_package_group(
                    ModelPackageGroupName=package.group, Tags=tag_list(dict(package.tags))
                )
            except ClientError as created:
                if not already_there(created):
                    raise

    def _registered(self, package: NewPackage) -> int | None:
        """The version of this run's package among the newest hundred: a try before this one may have made it."""
        found = self._sagemaker.list_model_packages(
            ModelPackageGroupName=package.group, SortBy="CreationTime", SortOrder="Descending", MaxResults=100
        )
        for one in found["ModelPackageSummaryList"]:
            if one.get("ModelPackageDescription") == package.description:
                return one["ModelPackageVersion"]
        return None

    def _create(self, package: NewPackage) -> int:
        merge_request = {"merge-request": str(package.merge_request)} if package.merge_request else {}
        made = self._sagemaker.create_model_package(
            ModelPackageGroupName=package.group,
            ModelPackageDescription=package.description,
            ModelApprovalStatus="PendingManualApproval",
            InferenceSpecification={
                "Containers": [
                    {
                        "Image": package.image,
                        **_image_digest(package.image),
                        **_data(package),
                        "Environment": package.environment,
                    }
                ],
                "SupportedContentTypes": [package.content_type],
                "SupportedResponseMIMETypes": ["application/json", "text/csv"],
            },
            CustomerMetadataProperties={
                "project": package.project,
                "model": package.model,
                "job": package.job,
                "run-key": package.run_key,
                "source": package.source,
                "commit": package.commit,
                "pipeline": str(package.pipeline),
                **merge_request,
            },
            # Two who register the same run at the same moment get the same package; a repeat of it gets one of its own.
            ClientToken=hashlib.sha256(package.job.encode()).hexdigest()[:36],
        )
        return int(made["ModelPackageArn"].rpartition("/")[2])

    def find(self, arn: str) -> Package | None:
        with calling(f"package {arn}"):
            try:
                return _package(self._sagemaker.describe_model_package(ModelPackageName=arn))
            except ClientError as error:
                if absent(error):
                    return None
                raise

    def of_version(self, group: str, version: int) -> Package | None:
        names = self._names
        return self.find(
            f"arn:{names.partition}:sagemaker:{names.region}:{names.account}:model-package/{group}/{version}"
        )

    def newest(self, group: str, *, approved: bool = False) -> Iterator[Package]:
        wanted: ListModelPackagesInputPaginateTypeDef = {
            "ModelPackageGroupName": group,
            "SortBy": "CreationTime",
            "SortOrder": "Descending",
        }
        if approved:
            wanted["ModelApprovalStatus"] = "Approved"
        pages = self._sagemaker.get_paginator("list_model_packages").paginate(**wanted)
        with calling(f"package group {group}"):
            try:
                for page in pages:
                    for one in page["ModelPackageSummaryList"]:
                        package = self.find(one["ModelPackageArn"])
                        if package is not None:
                            yield package
            except ClientError as error:
                if not absent(error):
                    raise

    def approve(self, package: Package, *, environment: str, pipeline: int, description: str) -> None:
        with calling(f"package {package.arn}"):
            self._sagemaker.update_model_package(
                ModelPackageArn=package.arn,
                ModelApprovalStatus="Approved",
                ApprovalDescription=description,
                ModelLifeCycle={"Stage": environment, "StageStatus": "Approved", "StageDescription": description},
                CustomerMetadataProperties={"released-by": str(pipeline)},
            )


def already_there(error: ClientError) -> bool:
    """A create call's answer where the name is taken, as SageMaker's calls say it in different ways."""
    return code_of(error) in ("ResourceInUse", "ConflictException") or "already exist" in message_of(error)


def _image_digest(image: str) -> "ModelPackageContainerDefinitionTypeDef":
    """Empty for an image whose registry did not say it."""
    _, _, digest = image.partition("@")
    return {"ImageDigest": digest} if digest else {}


def archive(url: str, **more: str) -> "S3ModelDataSourceTypeDef":
    """A compressed archive, as SageMaker unpacks it."""
    source: S3ModelDataSourceTypeDef = {"S3Uri": url, "S3DataType": "S3Object", "CompressionType": "Gzip"}
    return cast("S3ModelDataSourceTypeDef", {**source, **more})


def beside(code: str) -> "list[AdditionalModelDataSourceTypeDef]":
    return [{"ChannelName": CODE_CHANNEL, "S3DataSource": archive(code)}]


def _data(package: NewPackage) -> "ModelPackageContainerDefinitionTypeDef":
    """AWS documents additional sources beside a ModelDataSource, not beside the older ModelDataUrl."""
    if not package.code:
        return {"ModelDataUrl": package.artifact, "ModelDataETag": package.artifact_etag}
    return {
        "ModelDataSource": {"S3DataSource": archive(package.artifact, ETag=package.artifact_etag)},
        "AdditionalModelDataSources": beside(package.code),
    }


def _package(found: "DescribeModelPackageOutputTypeDef") -> Package:
    # One that somebody made by hand may have none.
    containers = found.get("InferenceSpecification", {"Containers": []})["Containers"]
    container: ModelPackageContainerDefinitionOutputTypeDef = containers[0] if containers else {}
    data = container.get("ModelDataSource", {}).get("S3DataSource")
    etag = data.get("ETag", "") if data else container.get("ModelDataETag", "")
    properties = found.get("CustomerMetadataProperties", {})
    return Package(
        arn=found["ModelPackageArn"],
        group=found.get("ModelPackageGroupName", ""),
        version=found.get("ModelPackageVersion", 0),
        approval=Approval(found.get("ModelApprovalStatus", Approval.PENDING)),
        stage=found.get("ModelLifeCycle", {}).get("Stage", ""),
        image=container.get("Image", ""),
        artifact=data["S3Uri"] if data else container.get("ModelDataUrl", ""),
        artifact_etag=etag.strip('"'),
        environment=container.get("Environment", {}),
        code=" ".join(one["S3DataSource"]["S3Uri"] for one in container.get("AdditionalModelDataSources", [])),
        project=properties.get("project", ""),
        model=properties.get("model", ""),
        job=properties.get("job", ""),
        run_key=properties.get("run-key", ""),
        commit=properties.get("commit", ""),
        merge_request=_number(properties.get("merge-request")),
        source=properties.get("source", ""),
        released_by=_number(properties.get("released-by")),
        pipeline=_number(properties.get("pipeline")) or 0,
    )


def _number(value: str | None) -> int | None:
    return int(value) if value and value.isascii() and value.isdigit() else None
