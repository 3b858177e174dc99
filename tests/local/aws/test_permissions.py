"""What our services ask permission for, held against the service reference that the IAM simulator brings."""

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from local.aws import codebuild_access
from local.aws.access import Check
from local.aws.sagemaker import access

REFERENCE = Path(__file__).parents[3] / "node_modules" / "@cloud-copilot" / "iam-data" / "data"
Record = dict[str, Any]
PLACE = "us-east-1:000000000000"
GROUP = f"arn:aws:sagemaker:{PLACE}:model-package-group/shop-m"
PACKAGE = f"arn:aws:sagemaker:{PLACE}:model-package/shop-m/3"
ROLE = "arn:aws:iam::000000000000:role/shop-execution"
TAGS = [{"Key": "mergemaker:project", "Value": "shop"}]
VPC = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1", "subnet-2"]}
LIFE = {"Stage": "staging", "StageStatus": "Approved"}

ASKED: Mapping[str, Record] = {
    "CreateTrainingJob": {
        "TrainingJobName": "Job",
        "RoleArn": ROLE,
        "ResourceConfig": {
            "InstanceType": "ml.m5.large",
            "VolumeKmsKeyId": "arn:aws:kms:key",
            "KeepAlivePeriodInSeconds": 60,
        },
        "OutputDataConfig": {"KmsKeyId": "arn:aws:kms:key"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        "EnableInterContainerTrafficEncryption": True,
        "EnableNetworkIsolation": False,
        "VpcConfig": VPC,
        "Tags": TAGS,
    },
    "CreateProcessingJob": {
        "ProcessingJobName": "Job",
        "RoleArn": ROLE,
        "ProcessingResources": {
            "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeKmsKeyId": "arn:aws:kms:key"}
        },
        "ProcessingOutputConfig": {"Outputs": [], "KmsKeyId": "arn:aws:kms:other"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        "NetworkConfig": {
            "EnableInterContainerTrafficEncryption": True,
            "EnableNetworkIsolation": False,
            "VpcConfig": VPC,
        },
        "Tags": TAGS,
    },
    "DescribeProcessingJob": {"ProcessingJobName": "Job"},
    "ListProcessingJobs": {"NameContains": "m"},
    "StopProcessingJob": {"ProcessingJobName": "Job"},
    "DescribeTrainingJob": {"TrainingJobName": "Job"},
    "ListTrainingJobs": {"NameContains": "m"},
    "StopTrainingJob": {"TrainingJobName": "Job"},
    "CreateModel": {
        "ModelName": "shop-m-3",
        "ExecutionRoleArn": ROLE,
        "Containers": [{"ModelPackageName": PACKAGE}],
        "EnableNetworkIsolation": True,
        "VpcConfig": VPC,
        "Tags": TAGS,
    },
    "DescribeModel": {"ModelName": "shop-m-3"},
    "DeleteModel": {"ModelName": "shop-m-3"},
    "ListModels": {},
    "CreateEndpointConfig": {
        "EndpointConfigName": "shop-m-staging-3",
        "ProductionVariants": [{"VariantName": "a", "ModelName": "shop-m-3", "InstanceType": "ml.m5.large"}],
        "KmsKeyId": "arn:aws:kms:key",
        "Tags": TAGS,
    },
    "DescribeEndpointConfig": {"EndpointConfigName": "shop-m-staging-3"},
    "DeleteEndpointConfig": {"EndpointConfigName": "shop-m-staging-3"},
    "ListEndpointConfigs": {},
    "CreateEndpoint": {"EndpointConfigName": "shop-m-staging-3", "EndpointName": "shop-m-staging", "Tags": TAGS},
    "UpdateEndpoint": {"EndpointConfigName": "shop-m-staging-3", "EndpointName": "shop-m-staging"},
    "DescribeEndpoint": {"EndpointName": "shop-m-staging"},
    "DeleteEndpoint": {"EndpointName": "shop-m-staging"},
    "ListEndpoints": {},
    "CreateModelPackageGroup": {"ModelPackageGroupName": "shop-m", "Tags": TAGS},
    "DescribeModelPackageGroup": {"ModelPackageGroupName": GROUP},
    "ListModelPackageGroups": {},
    "CreateModelPackage": {
        "ModelPackageGroupName": GROUP,
        "ModelApprovalStatus": "PendingManualApproval",
        "CustomerMetadataProperties": {"commit": "1234"},
        "ModelLifeCycle": LIFE,
    },
    "DescribeModelPackage": {"ModelPackageName": PACKAGE},
    "ListModelPackages": {"ModelPackageGroupName": "shop-m"},
    "UpdateModelPackage": {
        "ModelPackageArn": PACKAGE,
        "ModelApprovalStatus": "Approved",
        "CustomerMetadataProperties": {"environment": "staging"},
        "CustomerMetadataPropertiesToRemove": ["commit"],
        "ModelLifeCycle": LIFE,
    },
    "DeleteModelPackage": {"ModelPackageName": PACKAGE},
    "AddTags": {"ResourceArn": GROUP, "Tags": TAGS},
    "ListTags": {"ResourceArn": GROUP},
    "DeleteTags": {"ResourceArn": GROUP, "TagKeys": ["mergemaker:project"]},
}
"""A request of each operation, with all that conditions may ask of one."""


def test_each_call_asks_for_actions_resources_and_keys_that_aws_has() -> None:
    wrong = {name: faults for name in ASKED if (faults := [f for check in of(name) for f in faults_of(check)])}
    assert wrong == {}


@pytest.mark.cloud
def test_no_call_is_left_out(aws: Any) -> None:
    """By the operations that the service knows; the runtime's one call is judged in test_iam."""
    from botocore.exceptions import ClientError

    operations = {re.sub(r"[A-Z]", lambda m: f"_{m[0].lower()}", name).lstrip("_") for name in ASKED}
    found = set()
    for name in dir(aws.sagemaker):
        if name.startswith(("create_", "describe_", "list_", "update_", "delete_", "add_", "stop_")):
            try:
                getattr(aws.sagemaker, name)()
            except ClientError as error:
                if error.response["Error"]["Code"] == "UnknownOperationException":
                    continue
            except Exception:  # noqa: S110 - missing members of the request: the operation is there
                pass
            found.add(name)
    assert found == operations


def test_what_a_request_leaves_out_has_no_key() -> None:
    bare = {"TrainingJobName": "job", "RoleArn": ROLE}
    asked, passed = checks("CreateTrainingJob", bare)
    assert asked == Check("sagemaker:CreateTrainingJob", f"arn:aws:sagemaker:{PLACE}:training-job/job")
    assert passed == Check("iam:PassRole", ROLE, {"iam:PassedToService": "sagemaker.amazonaws.com"})


def test_a_processing_job_is_judged_by_all_that_the_reference_names_and_its_role_is_passed() -> None:
    asked, tagging, passed = of("CreateProcessingJob")
    keys = {key for key in asked.keys if key.startswith("sagemaker:")}
    assert keys == {key for key in known("sagemaker", "CreateProcessingJob") if key.startswith("sagemaker:")}
    assert asked.keys["sagemaker:InstanceTypes"] == ["ml.m5.large"]
    assert asked.keys["sagemaker:VolumeKmsKeyArn"] == "arn:aws:kms:key"
    assert asked.keys["sagemaker:OutputKmsKeyArn"] == "arn:aws:kms:other"
    assert asked.keys["sagemaker:NetworkIsolation"] == "false"
    assert asked.resource == f"arn:aws:sagemaker:{PLACE}:processing-job/job"
    assert tagging.keys["sagemaker:TaggingAction"] == "CreateProcessingJob"
    assert (passed.action, passed.resource) == ("iam:PassRole", ROLE)


def test_an_update_of_a_package_is_judged_by_what_stands_there_and_by_what_it_changes() -> None:
    (check,) = of("UpdateModelPackage")
    assert check.keys == {
        "sagemaker:ModelApprovalStatus": "Approved",
        "sagemaker:CustomerMetadataProperties/environment": "staging",
        "sagemaker:CustomerMetadataPropertiesToRemove": ["commit"],
        "sagemaker:CurrentCustomerMetadataProperties/project": "shop",
        "sagemaker:ModelLifeCycle:Stage": "staging",
        "sagemaker:ModelLifeCycle:StageStatus": "Approved",
    }


def test_tags_of_a_creation_are_asked_for_as_such() -> None:
    asked, tagging, passed = of("CreateModel")
    assert asked.keys["sagemaker:NetworkIsolation"] == "true"
    assert asked.keys["sagemaker:VpcSubnets"] == ["subnet-1", "subnet-2"]
    assert (tagging.action, tagging.resource) == ("sagemaker:AddTags", asked.resource)
    assert tagging.keys["sagemaker:TaggingAction"] == "CreateModel"
    assert tagging.keys["aws:RequestTag/mergemaker:project"] == "shop"
    assert (passed.action, passed.resource) == ("iam:PassRole", ROLE)


def test_an_update_of_an_endpoint_is_asked_of_both_with_the_tags_that_each_has() -> None:
    tags = {f"arn:aws:sagemaker:{PLACE}:endpoint/shop-m-staging": {"mergemaker:project": "shop"}}
    endpoint, config = checks("UpdateEndpoint", ASKED["UpdateEndpoint"], tags=tags)
    assert endpoint.keys == {"aws:ResourceTag/mergemaker:project": "shop"}
    assert config == Check("sagemaker:UpdateEndpoint", f"arn:aws:sagemaker:{PLACE}:endpoint-config/shop-m-staging-3")


def test_a_build_has_every_key_of_the_reference_and_no_other() -> None:
    keys = {re.sub(r"/[\w-]+\.", "/*.", key.removeprefix("codebuild:")) for key in build_keys(WHOLE_BUILD)}
    reference = {re.sub(r"\$\{\w+\}", "*", key) for key in known("codebuild", "StartBuild")}
    assert keys == {key.removeprefix("codebuild:") for key in reference} - {"aws:*"} == codebuild_access.KEYS


def test_a_build_as_submit_asks_for_it_has_the_keys_of_that_alone() -> None:
    asked = {
        "projectName": "shop-image",
        "sourceTypeOverride": "S3",
        "sourceLocationOverride": "shop-data/m/code/x.zip",
        "environmentVariablesOverride": [{"name": "IMAGE_TAG", "value": "m-1", "type": "PLAINTEXT"}],
        "idempotencyToken": "m-1",
    }
    assert build_keys(asked) == {
        "codebuild:source": "true",
        "codebuild:source.location": "shop-data/m/code/x.zip",
        "codebuild:environment": "true",
        "codebuild:environment.environmentVariables": "true",
        "codebuild:environment.environmentVariables.name": ["IMAGE_TAG"],
        "codebuild:environment.environmentVariables.value": ["m-1"],
        "codebuild:environment.environmentVariables/IMAGE_TAG.value": "m-1",
    }


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("BatchGetBuilds", {"ids": ["shop-image:1", f"arn:aws:codebuild:{PLACE}:build/shop-image:2"]}),
        ("ListBuildsForProject", {"projectName": "shop-image"}),
        ("StopBuild", {"id": "shop-image:1"}),
        ("BatchGetProjects", {"names": ["shop-image"]}),
    ],
)
def test_builds_are_asked_for_by_their_project(operation: str, params: Record) -> None:
    (check,) = codebuild_access.checks(operation, params, project_arn)
    assert check == Check(f"codebuild:{operation}", f"arn:aws:codebuild:{PLACE}:project/shop-image")


LOGS = {"bucketOwnerAccess": "FULL", "encryptionDisabled": True, "location": "a", "status": "ENABLED"}
ARTIFACT = {"bucketOwnerAccess": "FULL", "encryptionDisabled": True, "location": "a", "type": "S3"}
STATUS = {"context": "c", "targetUrl": "t"}
AUTH = {"type": "OAUTH", "resource": "r"}
WHOLE_BUILD: Record = {
    "projectName": "shop-image",
    "artifactsOverride": ARTIFACT,
    "autoRetryLimitOverride": 1,
    "buildspecOverride": "version: 0.2",
    "buildStatusConfigOverride": STATUS,
    "cacheOverride": {"type": "S3", "location": "x", "modes": ["LOCAL_SOURCE_CACHE"]},
    "certificateOverride": "x",
    "computeTypeOverride": "BUILD_GENERAL1_SMALL",
    "encryptionKeyOverride": "key",
    "environmentTypeOverride": "LINUX_CONTAINER",
    "environmentVariablesOverride": [{"name": "IMAGE_TAG", "value": "x"}],
    "fleetOverride": {"fleetArn": "arn"},
    "gitCloneDepthOverride": 1,
    "imageOverride": "x",
    "imagePullCredentialsTypeOverride": "CODEBUILD",
    "insecureSslOverride": True,
    "logsConfigOverride": {"cloudWatchLogs": {"status": "DISABLED"}, "s3Logs": LOGS},
    "privilegedModeOverride": True,
    "registryCredentialOverride": {"credential": "c", "credentialProvider": "SECRETS_MANAGER"},
    "secondaryArtifactsOverride": [{"artifactIdentifier": "one", **ARTIFACT}],
    "secondarySourcesOverride": [
        {
            "sourceIdentifier": "one",
            "type": "S3",
            "location": "x",
            "auth": AUTH,
            "buildspec": "x",
            "buildStatusConfig": STATUS,
            "insecureSsl": True,
        }
    ],
    "serviceRoleOverride": "role",
    "sourceAuthOverride": AUTH,
    "sourceLocationOverride": "x",
    "sourceTypeOverride": "S3",
    "timeoutInMinutesOverride": 5,
}


def build_keys(params: Record) -> Mapping[str, str | list[str]]:
    (check,) = codebuild_access.checks("StartBuild", params, project_arn)
    return check.keys


def project_arn(resource: str) -> str:
    return f"arn:aws:codebuild:{PLACE}:{resource}"


def of(operation: str) -> list[Check]:
    return checks(operation, ASKED[operation])


def checks(operation: str, params: Record, *, tags: Mapping[str, Mapping[str, str]] | None = None) -> list[Check]:
    packages: dict[str, Record] = {PACKAGE: {"CustomerMetadataProperties": {"project": "shop"}}}
    return access.checks(
        operation,
        params,
        arn=lambda resource: f"arn:aws:sagemaker:{PLACE}:{resource.lower()}",
        tagged=lambda arn: (tags or {}).get(arn, {}),
        packages=packages,
    )


# AWS's service reference --------------------------------------------------------------------


def faults_of(check: Check) -> Iterable[str]:
    service, _, action = check.action.partition(":")
    keys = known(service, action)
    for key in check.keys:
        if not any(re.fullmatch(re.sub(r"\\\$\\\{\w+\\\}", ".+", re.escape(one)), key) for one in keys):
            yield f"{check.action} has no key {key}"
    patterns = [arn_pattern(service, kind["name"]) for kind in reference(service, action)["resourceTypes"]]
    if not any(re.fullmatch(one, check.resource) for one in patterns) and (patterns or check.resource != "*"):
        yield f"{check.action} is not asked of {check.resource}"


def known(service: str, action: str) -> set[str]:
    """The keys of an action, and of what it is asked of."""
    said = reference(service, action)
    return set(said["conditionKeys"]) | {key for kind in said["resourceTypes"] for key in kind["conditionKeys"]}


def arn_pattern(service: str, kind: str) -> str:
    arn = table("resourceTypes", service)[kind.lower()]["arn"]
    return re.sub(r"\\\$\\\{\w+\\\}", ".*", re.escape(arn))


def reference(service: str, action: str) -> Record:
    found: Record = table("actions", service)[action.lower()]
    return found


@cache
def table(what: str, service: str) -> Record:
    file = REFERENCE / what / f"{service}.json"
    if not file.is_file():
        pytest.skip("node_modules is not there: run `make setup`")
    content: Record = json.loads(file.read_text())
    return content
