"""The model registry: package groups, and packages as numbered versions of them."""

import copy
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from local.aws.cloud import Cloud
from local.aws.errors import AwsError, invalid
from local.aws.listing import Listing
from local.aws.sagemaker import events, sources
from local.aws.sagemaker.checks import Checks
from local.aws.sagemaker.tags import Tags

Record = dict[str, Any]
_GROUPS = Listing(name="ModelPackageGroupName")
_PACKAGES = Listing(name="ModelPackageGroupName")
_REPLACED = (
    "ModelApprovalStatus",
    "ApprovalDescription",
    "InferenceSpecification",
    "SourceUri",
    "ModelCard",
    "ModelLifeCycle",
)
"""Members that UpdateModelPackage sets as they come."""


class Registry:
    """All groups and packages of the account."""

    def __init__(self, cloud: Cloud, tags: Tags, checks: Checks) -> None:
        self._cloud, self._tags, self._checks = cloud, tags, checks
        self._groups: dict[str, Record] = {}
        self._packages: dict[str, Record] = {}
        self._last_version: dict[str, int] = {}
        """By group; a deleted version's number is not given again."""
        self._tokens: dict[str, tuple[Record, str]] = {}

    @property
    def operations(self) -> dict[str, Callable[[Record], Record]]:
        return {
            "CreateModelPackageGroup": self._create_group,
            "DescribeModelPackageGroup": lambda params: self._group(params["ModelPackageGroupName"]),
            "ListModelPackageGroups": self._list_groups,
            "CreateModelPackage": self._create,
            "DescribeModelPackage": lambda params: self.package(params["ModelPackageName"]),
            "ListModelPackages": self._list,
            "UpdateModelPackage": self._update,
            "DeleteModelPackage": self._delete,
        }

    @property
    def packages(self) -> Mapping[str, Record]:
        """By ARN."""
        return self._packages

    def package(self, arn: str) -> Record:
        """Raises AwsError for a package that is not there."""
        found = self._packages.get(arn)
        if found is None:
            raise invalid(f"ModelPackage {arn} does not exist")
        return found

    def _create_group(self, params: Record) -> Record:
        name = params["ModelPackageGroupName"]
        arn = self._cloud.arn(f"model-package-group/{name}")
        if arn in self._groups:
            raise invalid(f"Model Package Group already exists: {arn}")
        self._tags.created(arn, params)
        self._groups[arn] = {k: v for k, v in params.items() if k != "Tags"} | {
            "ModelPackageGroupArn": arn,
            "CreationTime": datetime.now(UTC),
            "CreatedBy": {},
            "ModelPackageGroupStatus": "Completed",
        }
        return {"ModelPackageGroupArn": arn}

    def _group(self, name: str) -> Record:
        """By name or ARN."""
        arn = name if name.startswith("arn:") else self._cloud.arn(f"model-package-group/{name}")
        found = self._groups.get(arn)
        if found is None:
            raise invalid(f"ModelPackageGroup {arn} does not exist.")
        return found

    def _list_groups(self, params: Record) -> Record:
        page, token = _GROUPS.page(self._groups.values(), params)
        return {"ModelPackageGroupSummaryList": page, "NextToken": token}

    def _create(self, params: Record) -> Record:
        token = params.get("ClientToken")
        if token in self._tokens:
            before, arn = self._tokens[token]
            if before != params:
                raise AwsError("ConflictException", f"the ClientToken {token} was used with other parameters for {arn}")
            return {"ModelPackageArn": arn}
        record = self._new_package(copy.deepcopy(params))
        arn = record["ModelPackageArn"]
        self._tags.created(arn, params)
        self._packages[arn] = record
        if token:
            self._tokens[token] = params, arn
        self._tell(record, [])
        return {"ModelPackageArn": arn}

    def _new_package(self, params: Record) -> Record:
        if "ModelPackageGroupName" not in params or "ModelPackageName" in params:
            raise invalid(
                "the laptop cloud keeps versions of groups only: give ModelPackageGroupName and no other name"
            )
        group = self._group(params["ModelPackageGroupName"])["ModelPackageGroupName"]
        for container in params.get("InferenceSpecification", {}).get("Containers", []):
            self._complete(container)
        version = self._last_version.get(group, 0) + 1
        self._last_version[group] = version
        now = datetime.now(UTC)
        arn = self._cloud.arn(f"model-package/{group}/{version}")
        return (
            {"ModelApprovalStatus": "PendingManualApproval", "CertifyForMarketplace": False}
            | {k: v for k, v in params.items() if k not in ("Tags", "ClientToken")}
            | {
                "ModelPackageGroupName": group,
                "ModelPackageName": f"{group}/{version}",
                "ModelPackageVersion": version,
                "ModelPackageArn": arn,
                "CreationTime": now,
                "LastModifiedTime": now,
                "CreatedBy": {},
                "ModelPackageStatus": "Completed",
                "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
            }
        )

    def _complete(self, container: Record) -> None:
        """Looks up what a container refers to, and keeps the digests that the caller did not give."""
        if "Image" in container:
            digest = self._checks.image(container["Image"])
            if container.setdefault("ImageDigest", digest) != digest:
                raise invalid(f"ImageDigest is not the digest of {container['Image']}, which is {digest}")
        sources.look_up(container, self._checks)
        if "ModelDataUrl" in container:
            container.setdefault("ModelDataETag", self._checks.model_data(container["ModelDataUrl"]))

    def _list(self, params: Record) -> Record:
        found = list(self._packages.values())
        if "ModelPackageGroupName" in params:
            group = self._group(params["ModelPackageGroupName"])["ModelPackageGroupName"]
            found = [p for p in found if p["ModelPackageGroupName"] == group]
        elif params.get("ModelPackageType", "Unversioned") == "Unversioned":
            found = []
        if status := params.get("ModelApprovalStatus"):
            found = [p for p in found if p["ModelApprovalStatus"] == status]
        page, token = _PACKAGES.page(found, params)
        # SageMaker gives versions no name of their own.
        page = [{k: v for k, v in p.items() if k != "ModelPackageName"} for p in page]
        return {"ModelPackageSummaryList": page, "NextToken": token}

    def _update(self, params: Record) -> Record:
        record = self.package(params["ModelPackageArn"])
        record.update({k: params[k] for k in _REPLACED if k in params})
        metadata = record.get("CustomerMetadataProperties", {}) | params.get("CustomerMetadataProperties", {})
        for key in params.get("CustomerMetadataPropertiesToRemove", []):
            metadata.pop(key, None)
        if metadata or "CustomerMetadataProperties" in record:
            record["CustomerMetadataProperties"] = metadata
        if more := params.get("AdditionalInferenceSpecificationsToAdd"):
            record.setdefault("AdditionalInferenceSpecifications", []).extend(more)
        record.update(LastModifiedTime=datetime.now(UTC), LastModifiedBy={})
        self._tell(record, [k for k in params if k not in ("ModelPackageArn", "ClientToken")])
        return {"ModelPackageArn": record["ModelPackageArn"]}

    def _delete(self, params: Record) -> Record:
        arn = self.package(params["ModelPackageName"])["ModelPackageArn"]
        del self._packages[arn]
        self._tags.deleted(arn)
        return {}

    def _tell(self, record: Record, updated: list[str]) -> None:
        self._cloud.send(*events.model_package(copy.deepcopy(record), updated))
