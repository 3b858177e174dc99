"""The permissions of SageMaker's calls: actions, the resources that they are asked for, and the keys of conditions.

After the Service Authorization Reference. What a request does not say has no key. Tags that come with a creation are
an AddTags of their own, and a role that comes with it must be one that the caller may pass.
"""

from collections.abc import Callable, Mapping
from typing import Any

from local.aws.access import Check, Keys, given, request_tags, resource_tags

Record = dict[str, Any]
Arn = Callable[[str], str]
Tagged = Callable[[str], Mapping[str, str]]
"""The tags of what has this ARN."""

_NAMED = {
    "TrainingJobName": "training-job",
    "ProcessingJobName": "processing-job",
    "ModelName": "model",
    "EndpointConfigName": "endpoint-config",
    "EndpointName": "endpoint",
    "ModelPackageGroupName": "model-package-group",
}
"""What a member of a request names."""
_ROLES = {"CreateTrainingJob": "RoleArn", "CreateProcessingJob": "RoleArn", "CreateModel": "ExecutionRoleArn"}


def checks(operation: str, params: Record, *, arn: Arn, tagged: Tagged, packages: Mapping[str, Record]) -> list[Check]:
    """`packages` holds the registry's by ARN: some conditions ask what stands there now."""
    asked = _keys(operation, params, packages) | request_tags(_tags(params))
    found = [
        Check(f"sagemaker:{operation}", resource, asked | resource_tags(tagged(resource)))
        for resource in _resources(operation, params, arn)
    ]
    if operation.startswith("Create") and _tags(params):
        tagging: Keys = {"sagemaker:TaggingAction": operation} | request_tags(_tags(params))
        found.append(Check("sagemaker:AddTags", found[0].resource, tagging))
    if role := params.get(_ROLES.get(operation, "")):
        found.append(Check("iam:PassRole", role, {"iam:PassedToService": "sagemaker.amazonaws.com"}))
    return found


def invoke(endpoint: str, headers: Mapping[str, str], *, arn: Arn, tagged: Tagged) -> Check:
    """InvokeEndpoint is no call of the control plane: the path names the endpoint."""
    resource = arn(f"endpoint/{endpoint}")
    asked = given({"sagemaker:TargetModel": headers.get("x-amzn-sagemaker-target-model")})
    return Check("sagemaker:InvokeEndpoint", resource, asked | resource_tags(tagged(resource)))


def _resources(operation: str, params: Record, arn: Arn) -> list[str]:
    if "ResourceArn" in params:
        return [params["ResourceArn"]]
    if package := params.get("ModelPackageArn") or params.get("ModelPackageName"):
        return [package if package.startswith("arn:") else arn(f"model-package/{package}")]
    if operation in ("CreateModelPackage", "ListModelPackages"):
        # Of a group's versions, also of those to come.
        return [arn(f"model-package/{_last(params.get('ModelPackageGroupName', '*'))}/*")]
    if operation.startswith("List"):
        return ["*"]
    named = [arn(f"{kind}/{_last(params[member])}") for member, kind in _NAMED.items() if member in params]
    if operation == "CreateEndpointConfig":
        named = [one for one in named if ":endpoint-config/" in one]
    # An endpoint's config is asked for after the endpoint.
    return sorted(named, key=lambda one: ":endpoint-config/" in one)


def _last(name: str) -> str:
    """Of a name or an ARN, the name."""
    return name.rpartition("/")[2]


def _tags(params: Record) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in params.get("Tags", [])}


def _keys(operation: str, params: Record, packages: Mapping[str, Record]) -> dict[str, str | list[str]]:
    if operation in ("CreateTrainingJob", "CreateModel", "CreateEndpointConfig"):
        return given({f"sagemaker:{key}": value for key, value in _machine(params).items()})
    if operation == "CreateProcessingJob":
        return given({f"sagemaker:{key}": value for key, value in _machine(_as_training(params)).items()})
    if operation in ("CreateModelPackage", "UpdateModelPackage"):
        return _package(params) | _current(packages.get(params.get("ModelPackageArn", ""), {}))
    if operation == "DeleteTags":
        return {"aws:TagKeys": list(params["TagKeys"])}
    return {}


def _as_training(params: Record) -> Record:
    """A processing job's request, with what conditions ask for where a training job's has it."""
    cluster, output = params["ProcessingResources"]["ClusterConfig"], params.get("ProcessingOutputConfig", {})
    groups = {"InstanceGroups": cluster.get("InstancePreferences", [])}
    return {**params, **params.get("NetworkConfig", {}), "ResourceConfig": cluster | groups, "OutputDataConfig": output}


def _machine(params: Record) -> Record:
    """Of what runs: where, on what, for how long, encrypted with what."""
    resources, vpc = params.get("ResourceConfig", {}), params.get("VpcConfig", {})
    variants = params.get("ProductionVariants", [])
    types = [one["InstanceType"] for one in (resources, *resources.get("InstanceGroups", []), *variants)
             if "InstanceType" in one]  # fmt: skip
    volume, output = (
        resources.get("VolumeKmsKeyId", params.get("KmsKeyId")),
        params.get("OutputDataConfig", {}).get("KmsKeyId"),
    )
    return {
        "InstanceTypes": types,
        "InterContainerTrafficEncryption": params.get("EnableInterContainerTrafficEncryption"),
        "KeepAlivePeriod": resources.get("KeepAlivePeriodInSeconds"),
        "MaxRuntimeInSeconds": params.get("StoppingCondition", {}).get("MaxRuntimeInSeconds"),
        "NetworkIsolation": params.get("EnableNetworkIsolation"),
        "OutputKmsKeyArn": output,
        "VolumeKmsKeyArn": volume,
        "VpcSecurityGroupIds": vpc.get("SecurityGroupIds"),
        "VpcSubnets": vpc.get("Subnets"),
    }


def _package(params: Record) -> dict[str, str | list[str]]:
    metadata, stage = params.get("CustomerMetadataProperties", {}), params.get("ModelLifeCycle", {})
    return given(
        {
            "sagemaker:ModelApprovalStatus": params.get("ModelApprovalStatus"),
            "sagemaker:CustomerMetadataPropertiesToRemove": params.get("CustomerMetadataPropertiesToRemove"),
            "sagemaker:ModelLifeCycle:Stage": stage.get("Stage"),
            "sagemaker:ModelLifeCycle:StageStatus": stage.get("StageStatus"),
            **{f"sagemaker:CustomerMetadataProperties/{key}": value for key, value in metadata.items()},
        }
    )


def _current(package: Record) -> dict[str, str | list[str]]:
    metadata = package.get("CustomerMetadataProperties", {})
    return {f"sagemaker:CurrentCustomerMetadataProperties/{key}": value for key, value in metadata.items()}
