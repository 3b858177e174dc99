"""What CI's roles and a model's own code try on the laptop cloud, and must not get.

Roles come as they come to CI: for an id token of a pipeline. *execution* is SageMaker's, which the tests take as root.
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
import requests
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from local.laptop import REGION
from local.team import Team
from mergemaker.domain.names import output_key, package_key
from mergemaker.steps.stacks import stack_names

Attempts = Mapping[str, tuple[str, Callable[[], object]]]
"""What is tried: the action that AWS must refuse, and the call."""


@dataclass(frozen=True)
class Principal:
    """Who holds a role's credentials."""

    team: Team
    credentials: Mapping[str, Any]

    def client(self, service: str) -> Any:
        keys = self.credentials
        session = boto3.session.Session(
            keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=REGION
        )
        make: Any = session.client
        return make(service, endpoint_url=self.team.laptop.aws)


def ci(team: Team, purpose: str, token: str) -> Principal:
    """A CI job that shows its id token. Raises ClientError where it does not get the role."""
    make: Any = boto3.session.Session(region_name=REGION).client
    sts = make("sts", endpoint_url=team.laptop.aws, config=Config(signature_version=UNSIGNED))
    role = team.names.role_arn(purpose)
    made = sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="ci", WebIdentityToken=token)
    return Principal(team, made["Credentials"])


def execution(team: Team) -> Principal:
    made = team.client("sts").assume_role(RoleArn=team.names.role_arn("execution"), RoleSessionName="SageMaker")
    return Principal(team, made["Credentials"])


def id_token(team: Team, pipeline: int, *, audience: str | None = None) -> str:
    """What GitLab gives a job of the pipeline."""
    asked = {"pipeline_id": pipeline, "aud": audience or team.laptop.gitlab}
    headers = {"PRIVATE-TOKEN": team.laptop.token}
    url = f"{team.laptop.gitlab}/-/runner/id_token"
    token: str = requests.post(url, json=asked, headers=headers, timeout=10).json()["id_token"]
    return token


def forged(token: str, **claims: object) -> str:
    """The same token with other claims, under the signature of the first."""
    header, body, signature = token.split(".")
    said = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    changed = base64.urlsafe_b64encode(json.dumps({**said, **claims}).encode()).rstrip(b"=").decode()
    return f"{header}.{changed}.{signature}"


def gone_wrong(attempts: Attempts) -> dict[str, str]:
    """Of the attempts, those that AWS did not refuse for want of the action: what it said instead."""
    said = {what: _answer(call) for what, (_, call) in attempts.items()}
    return {what: said[what] for what, (action, _) in attempts.items() if not _denied(said[what], action)}


def _denied(said: str, action: str) -> bool:
    # S3 tells nobody what was missing.
    return said.startswith("AccessDenied") and (f"not authorized to perform: {action} " in said or action[:3] == "s3:")


def _answer(call: Callable[[], object]) -> str:
    try:
        call()
    except ClientError as error:
        told = error.response["Error"]
        return f"{told['Code']}: {told['Message']} "
    return "done"


def of_submit(me: Principal, *, job: Any, package: str, model: str) -> Attempts:
    """`job` is one of its own, as SageMaker describes it."""
    sagemaker, s3, names = me.client("sagemaker"), me.client("s3"), me.team.names
    again = {key: job[key] for key in ("AlgorithmSpecification", "OutputDataConfig", "ResourceConfig", "RoleArn")}
    again |= {"TrainingJobName": f"{model}-refused", "StoppingCondition": {"MaxRuntimeInSeconds": 60}}
    mine = [{"Key": "mergemaker:project", "Value": names.project}]
    code = json.loads(job["HyperParameters"]["sagemaker_submit_directory"]).partition(f"{names.bucket}/")[2]
    build = build_of(names, code, model)
    start: Any = me.client("codebuild").start_build
    bucket, channel = names.bucket, job["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"]
    data = f"{channel.removeprefix(f's3://{bucket}/')}train.csv"
    return {
        "approve": ("sagemaker:UpdateModelPackage", lambda: approve(me, package)),
        "create an endpoint": (
            "sagemaker:CreateEndpoint",
            lambda: sagemaker.create_endpoint(EndpointName="mine", EndpointConfigName="mine"),
        ),
        "delete the endpoint": (
            "sagemaker:DeleteEndpoint",
            lambda: sagemaker.delete_endpoint(EndpointName=names.endpoint(model, "staging")),
        ),
        "read the token": ("secretsmanager:GetSecretValue", lambda: read_token(me)),
        "pass another role": (
            "iam:PassRole",
            lambda: sagemaker.create_training_job(
                **{**again, "RoleArn": names.role_arn("release-function")}, Tags=mine
            ),
        ),
        "train without the project's tag": (
            "sagemaker:CreateTrainingJob",
            lambda: sagemaker.create_training_job(**again),
        ),
        "train as another project": (
            "sagemaker:CreateTrainingJob",
            lambda: sagemaker.create_training_job(**again, Tags=[{"Key": "mergemaker:project", "Value": "other"}]),
        ),
        "tag what is there": (
            "sagemaker:AddTags",
            lambda: sagemaker.add_tags(ResourceArn=job["TrainingJobArn"], Tags=mine),
        ),
        "write the history": (
            "s3:PutObject",
            lambda: s3.put_object(Bucket=bucket, Key=f"{model}/reports.csv", Body=b""),
        ),
        "write an artifact": (
            "s3:PutObject",
            lambda: s3.put_object(Bucket=bucket, Key=f"{model}/output/x/model.tar.gz", Body=b""),
        ),
        "write what a package serves": (
            "s3:PutObject",
            lambda: s3.put_object(Bucket=bucket, Key=package_key(model, "x"), Body=b"", IfNoneMatch="*"),
        ),
        "replace code": ("s3:PutObject", lambda: s3.put_object(Bucket=bucket, Key=code, Body=b"")),
        "replace data": ("s3:PutObject", lambda: s3.put_object(Bucket=bucket, Key=data, Body=b"")),
        "copy over data": (
            "s3:PutObject",
            lambda: s3.copy_object(Bucket=bucket, Key=data, CopySource={"Bucket": bucket, "Key": f"{model}/input/x"}),
        ),
        "write another project's bucket": (
            "s3:PutObject",
            lambda: s3.put_object(Bucket="other", Key=f"{model}/code/x", Body=b""),
        ),
        "list everything": ("s3:ListBucket", lambda: s3.list_objects_v2(Bucket=bucket)),
        "build as it likes": ("codebuild:StartBuild", lambda: start(**build, buildspecOverride="version: 0.2")),
        "build as another role": (
            "codebuild:StartBuild",
            lambda: start(**build, serviceRoleOverride=names.role_arn("release-function")),
        ),
        "build with another variable": (
            "codebuild:StartBuild",
            lambda: start(**{**build, "environmentVariablesOverride": [{"name": "REPOSITORY", "value": "other"}]}),
        ),
        "build from elsewhere": (
            "codebuild:StartBuild",
            lambda: start(**{**build, "sourceLocationOverride": "other/x.zip"}),
        ),
        "push an image": (
            "ecr:PutImage",
            lambda: me.client("ecr").put_image(repositoryName=names.repository, imageManifest="{}"),
        ),
        "read another's stack": (
            "cloudformation:GetTemplate",
            lambda: me.client("cloudformation").get_template(StackName="CDKToolkit"),
        ),
        "prepare a deploy": (
            "cloudformation:CreateChangeSet",
            lambda: me.client("cloudformation").create_change_set(
                StackName=stack_names(names)[0], ChangeSetName="mine", TemplateBody="{}"
            ),
        ),
        "become release": (
            "sts:AssumeRole",
            lambda: me.client("sts").assume_role(RoleArn=names.role_arn("release"), RoleSessionName="me"),
        ),
    }


def build_of(names: Any, code: str, model: str) -> dict[str, Any]:
    """A build as submit asks for it, but of a zip that is not there."""
    return {
        "projectName": names.image_builder,
        "sourceTypeOverride": "S3",
        "sourceLocationOverride": f"{names.bucket}/{code.rpartition('/')[0]}/none.zip",
        "environmentVariablesOverride": [{"name": "IMAGE_TAG", "value": f"{model}-none"}],
    }


def of_release(me: Principal, *, job: Any, package: str, model: str) -> Attempts:
    sagemaker, names = me.client("sagemaker"), me.team.names
    members = ("AlgorithmSpecification", "OutputDataConfig", "ResourceConfig", "RoleArn", "StoppingCondition")
    again = {key: job[key] for key in members} | {"TrainingJobName": f"{model}-refused"}
    mine = [{"Key": "mergemaker:project", "Value": names.project}]
    return {
        "train": ("sagemaker:CreateTrainingJob", lambda: sagemaker.create_training_job(**again, Tags=mine)),
        "write": (
            "s3:PutObject",
            lambda: me.client("s3").put_object(Bucket=names.bucket, Key=f"{model}/code/x", Body=b""),
        ),
        "change an origin": (
            "sagemaker:UpdateModelPackage",
            lambda: sagemaker.update_model_package(
                ModelPackageArn=package, ModelApprovalStatus="Approved", CustomerMetadataProperties={"commit": "0" * 40}
            ),
        ),
        "forget an origin": (
            "sagemaker:UpdateModelPackage",
            lambda: sagemaker.update_model_package(
                ModelPackageArn=package, ModelApprovalStatus="Approved", CustomerMetadataPropertiesToRemove=["commit"]
            ),
        ),
        "reject": (
            "sagemaker:UpdateModelPackage",
            lambda: sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Rejected"),
        ),
        "update the endpoint": (
            "sagemaker:UpdateEndpoint",
            lambda: sagemaker.update_endpoint(EndpointName=names.endpoint(model, "staging"), EndpointConfigName="mine"),
        ),
        "read the token": ("secretsmanager:GetSecretValue", lambda: read_token(me)),
    }


def of_execution(me: Principal, *, run: str, package: str, model: str) -> Attempts:
    s3, bucket = me.client("s3"), me.team.names.bucket
    return {
        "read the token": ("secretsmanager:GetSecretValue", lambda: read_token(me)),
        "list inputs": ("s3:ListBucket", lambda: s3.list_objects_v2(Bucket=bucket, Prefix=f"{model}/input/")),
        "list everything": ("s3:ListBucket", lambda: s3.list_objects_v2(Bucket=bucket)),
        "write code": (
            "s3:PutObject",
            lambda: s3.put_object(Bucket=bucket, Key=f"{model}/code/x", Body=b"", IfNoneMatch="*"),
        ),
        "write the history": (
            "s3:PutObject",
            lambda: s3.put_object(Bucket=bucket, Key=f"{model}/reports.csv", Body=b""),
        ),
        "replace what a package serves": (
            "s3:PutObject",
            lambda: s3.put_object(Bucket=bucket, Key=package_key(model, run), Body=b""),
        ),
        "write what a package will serve": (
            "s3:PutObject",
            lambda: s3.put_object(Bucket=bucket, Key=package_key(model, "output"), Body=b"", IfNoneMatch="*"),
        ),
        "read another run's output": (
            "s3:GetObject",
            lambda: s3.get_object(Bucket=bucket, Key=output_key(model, run, "model.tar.gz")),
        ),
        "approve": ("sagemaker:UpdateModelPackage", lambda: approve(me, package)),
    }


def approve(me: Principal, package: str) -> object:
    done: object = me.client("sagemaker").update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
    return done


def read_token(me: Principal) -> object:
    read: object = me.client("secretsmanager").get_secret_value(SecretId=me.team.names.token_secret)
    return read
