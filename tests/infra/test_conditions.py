"""What a role may do only in a certain way: the policies' conditions, met and not met."""

from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
from botocore.stub import ANY, Stubber

from infra.permissions.ci import IMAGE_TAG
from mergemaker.adapters.images import TAG_VARIABLE
from mergemaker.adapters.registry import SageMakerRegistry
from mergemaker.domain.names import Names, image_context_key
from mergemaker.domain.release import NewPackage
from tests.infra.policies import BUCKET, Role, arn
from tests.infra.stacks import ACCOUNT, PROJECT, REGION

GetRole = Callable[[str], Role]
JOB = arn("sagemaker", "training-job/diabetes-0123456789ab")
PREPARATION = arn("sagemaker", "processing-job/diabetes-prepare-0123456789ab")
GROUP = arn("sagemaker", f"model-package-group/{PROJECT}-diabetes")
PACKAGE = arn("sagemaker", f"model-package/{PROJECT}-diabetes/3")
MODEL = arn("sagemaker", f"model/{PROJECT}-diabetes-3")
ENDPOINT = arn("sagemaker", f"endpoint/{PROJECT}-diabetes-staging")
CONFIG = arn("sagemaker", f"endpoint-config/{PROJECT}-diabetes-staging-3")
NAMES = Names(project=PROJECT, account=ACCOUNT, region=REGION)

# Image builds -------------------------------------------------------------------------------

BUILD: dict[str, str | list[str]] = {
    "codebuild:source.location": f"{NAMES.bucket}/{image_context_key('diabetes', 'diabetes-0123456789abcdef')}",
    "codebuild:environment.environmentVariables.name": ["IMAGE_TAG"],
}
"""What the adapter asks for."""

START_BUILD_KEYS = Path(__file__).with_name("start_build_keys.txt").read_text().split()
"""Every condition key of codebuild:StartBuild, without the prefix, in AWS's service reference of 2026-10-02."""
NEEDED = ("environment", "environment.environmentVariables", "source", "source.location")
"""A build that is as it should be has these, too."""
FORBIDDEN = sorted(
    {key for key in START_BUILD_KEYS if not key.startswith("environment.environmentVariables")} - set(NEEDED)
)


def start_build(role: GetRole, **context: str | list[str]) -> bool:
    return role("submit").may("codebuild:StartBuild", arn("codebuild", f"project/{PROJECT}-image"), **context)


def test_submit_has_images_built_from_what_it_uploaded(role: GetRole) -> None:
    assert IMAGE_TAG == TAG_VARIABLE, "as the adapter says it"
    assert start_build(role, **BUILD)


@pytest.mark.parametrize("key", FORBIDDEN)
def test_a_build_with_anything_else_replaced_is_refused(role: GetRole, key: str) -> None:
    """A part of an object comes with the object's own key."""
    whole = key.partition("/")[0]
    parents = [whole.rsplit(".", count)[0] for count in range(whole.count(".") + 1)]
    replaced = {key, *parents} & set(START_BUILD_KEYS) - set(NEEDED)
    context = {f"codebuild:{name}": "true" for name in replaced}

    assert not start_build(role, **BUILD, **context)


@pytest.mark.parametrize(
    "location",
    [
        f"{NAMES.bucket}/diabetes/output/job/output/output.zip",
        f"{NAMES.bucket}/diabetes/code/abc.tar.gz",
        f"{NAMES.bucket}-evil/diabetes/code/tag.zip",
        f"another-bucket/{NAMES.bucket}/diabetes/code/tag.zip",
        "https://github.com/mallory/builder.git",
    ],
)
def test_a_build_of_anything_else_is_refused(role: GetRole, location: str) -> None:
    assert not start_build(role, **{**BUILD, "codebuild:source.location": location})


def test_a_build_of_nothing_is_refused(role: GetRole) -> None:
    assert not start_build(role, **{"codebuild:environment.environmentVariables.name": ["IMAGE_TAG"]})


@pytest.mark.parametrize("names", [["REGISTRY"], ["IMAGE_TAG", "BASH_ENV"], None], ids=["another", "one more", "none"])
def test_a_build_takes_the_tag_and_no_other_variable(role: GetRole, names: list[str] | None) -> None:
    variables = {} if names is None else {"codebuild:environment.environmentVariables.name": names}

    assert not start_build(role, **{"codebuild:source.location": BUILD["codebuild:source.location"]}, **variables)


# Content-addressed objects ------------------------------------------------------------------


@pytest.mark.parametrize(
    "key", ["abc.tar.gz", "abc.toml", "tag.zip", "waiting/tag/job.json", "submissions/diabetes-0123456789ab/7.json"]
)
def test_submit_writes_code_that_is_not_there_and_replaces_none(role: GetRole, key: str) -> None:
    there = f"{BUCKET}/diabetes/code/{key}"

    assert role("submit").may("s3:PutObject", there, **{"s3:if-none-match": "*"})
    assert not role("submit").may("s3:PutObject", there)
    assert not role("submit").may("s3:PutObject", there, **{"s3:if-match": "etag"})


# The registry -------------------------------------------------------------------------------


def test_a_package_that_report_makes_awaits_approval(role: GetRole) -> None:
    def may(status: str) -> bool:
        return role("report-function").may(
            "sagemaker:CreateModelPackage", PACKAGE, **{"sagemaker:ModelApprovalStatus": status}
        )

    assert may("PendingManualApproval")
    assert not may("Approved")
    assert not role("report-function").may("sagemaker:CreateModelPackage", PACKAGE)


OWN_PACKAGE = {"sagemaker:CurrentCustomerMetadataProperties/project": PROJECT}


def test_release_approves_and_does_nothing_else_to_a_package(role: GetRole) -> None:
    def may(**context: str) -> bool:
        return role("release").may("sagemaker:UpdateModelPackage", PACKAGE, **OWN_PACKAGE, **context)

    assert may(**{"sagemaker:ModelApprovalStatus": "Approved", "sagemaker:CustomerMetadataProperties/released-by": "7"})
    assert not may(**{"sagemaker:ModelApprovalStatus": "Rejected"})
    assert not may()


@pytest.mark.parametrize("theirs", [{"sagemaker:CurrentCustomerMetadataProperties/project": f"{PROJECT}-eu"}, {}])
def test_release_leaves_packages_alone_that_this_project_did_not_make(role: GetRole, theirs: dict[str, str]) -> None:
    approve = {"sagemaker:ModelApprovalStatus": "Approved"}

    assert role("release").may("sagemaker:UpdateModelPackage", PACKAGE, **approve, **OWN_PACKAGE)
    assert not role("release").may("sagemaker:UpdateModelPackage", PACKAGE, **approve, **theirs)


def test_release_cannot_change_where_a_package_came_from(role: GetRole) -> None:
    approve = {"sagemaker:ModelApprovalStatus": "Approved", **OWN_PACKAGE}
    for key in metadata_of_a_package():
        forged = {**approve, f"sagemaker:CustomerMetadataProperties/{key}": "x"}
        assert not role("release").may("sagemaker:UpdateModelPackage", PACKAGE, **forged), key
    removed = {**approve, "sagemaker:CustomerMetadataPropertiesToRemove": "source"}
    assert not role("release").may("sagemaker:UpdateModelPackage", PACKAGE, **removed)


def metadata_of_a_package() -> set[str]:
    """Keys of the metadata that the adapter gives a new package."""
    client = boto3.client("sagemaker", REGION, aws_access_key_id="x", aws_secret_access_key="x")
    sent: list[dict[str, object]] = []
    client.meta.events.register(
        "provide-client-params.sagemaker.CreateModelPackage", lambda params, **_: sent.append(params)
    )
    with Stubber(client) as stub:
        stub.add_response(
            "describe_model_package_group",
            {
                "ModelPackageGroupName": "g",
                "ModelPackageGroupArn": GROUP,
                "CreationTime": 0,
                "CreatedBy": {},
                "ModelPackageGroupStatus": "Completed",
            },
        )
        stub.add_response("list_model_packages", {"ModelPackageSummaryList": []})
        stub.add_response("create_model_package", {"ModelPackageArn": PACKAGE}, dict.fromkeys(CREATED, ANY))
        SageMakerRegistry(client, NAMES).register(NEW)
    properties = sent[0]["CustomerMetadataProperties"]
    assert isinstance(properties, dict)
    return set(properties)


CREATED = (
    "ModelPackageGroupName",
    "ModelPackageDescription",
    "ModelApprovalStatus",
    "InferenceSpecification",
    "CustomerMetadataProperties",
    "ClientToken",
)
NEW = NewPackage(
    group=f"{PROJECT}-diabetes",
    project=PROJECT,
    model="diabetes",
    job="diabetes-0123456789ab",
    run_key="0" * 64,
    source="1" * 64,
    commit="2" * 40,
    merge_request=7,
    description="a run",
    image=f"{NAMES.registry}/{PROJECT}@sha256:{'3' * 64}",
    artifact=f"s3://{NAMES.bucket}/diabetes/packages/job/model.tar.gz",
    artifact_etag="e",
    content_type="text/csv",
    tags={"mergemaker:project": PROJECT},
)

# What carries the project's tag -------------------------------------------------------------

CREATIONS = [
    ("submit", "CreateTrainingJob", JOB),
    ("submit", "CreateProcessingJob", PREPARATION),
    ("start-function", "CreateTrainingJob", JOB),
    ("start-function", "CreateProcessingJob", PREPARATION),
    ("report-function", "CreateModelPackageGroup", GROUP),
    ("release-function", "CreateModel", MODEL),
    ("release-function", "CreateEndpointConfig", CONFIG),
    ("release-function", "CreateEndpoint", ENDPOINT),
]


@pytest.mark.parametrize(("who", "creation", "resource"), CREATIONS)
def test_tags_are_given_at_creation_and_never_later(role: GetRole, who: str, creation: str, resource: str) -> None:
    own = {"aws:RequestTag/mergemaker:project": PROJECT}

    assert role(who).may("sagemaker:AddTags", resource, **own, **{"sagemaker:TaggingAction": creation})
    assert not role(who).may("sagemaker:AddTags", resource, **{"sagemaker:TaggingAction": creation})
    for there in (PROJECT, "another"):
        tagged = {"aws:ResourceTag/mergemaker:project": there}
        assert not role(who).may("sagemaker:AddTags", resource, **own, **tagged)


@pytest.mark.parametrize(("who", "creation", "resource"), [one for one in CREATIONS if one[1] != "CreateModel"])
def test_what_is_made_carries_the_projects_tag(role: GetRole, who: str, creation: str, resource: str) -> None:
    def may(**context: str) -> bool:
        return role(who).may(f"sagemaker:{creation}", resource, **context)

    assert may(**{"aws:RequestTag/mergemaker:project": PROJECT})
    assert not may(**{"aws:RequestTag/mergemaker:project": "another"})
    assert not may()


@pytest.mark.parametrize("action", ["sagemaker:UpdateEndpoint", "sagemaker:DeleteEndpoint"])
def test_an_endpoint_of_another_project_is_left_alone(role: GetRole, action: str) -> None:
    """The name does not tell: an endpoint of the project ``demo-eu`` has a name that begins with ``demo-``."""
    tag = "aws:ResourceTag/mergemaker:project"

    assert role("release-function").may(action, ENDPOINT, **{tag: PROJECT})
    assert not role("release-function").may(action, ENDPOINT, **{tag: f"{PROJECT}-eu"})
    assert not role("release-function").may(action, ENDPOINT)


def test_a_release_gives_an_endpoint_any_config_of_its_own_name(role: GetRole) -> None:
    for action in ("sagemaker:CreateEndpoint", "sagemaker:UpdateEndpoint"):
        assert role("release-function").may(action, CONFIG)
        assert not role("release-function").may(action, arn("sagemaker", "endpoint-config/another-diabetes-staging-3"))


def test_what_serves_has_no_network(role: GetRole) -> None:
    def may(**context: str) -> bool:
        return role("release-function").may("sagemaker:CreateModel", MODEL, **context)

    assert may(**{"sagemaker:NetworkIsolation": "true"})
    assert not may(**{"sagemaker:NetworkIsolation": "false"})
    assert not may()
