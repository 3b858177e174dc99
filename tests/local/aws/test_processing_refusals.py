"""What SageMaker refuses of a processing job is refused, and what a laptop has not is said."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.aws.helpers import REGION
from tests.local.aws.jobs import needs_own_mounts
from tests.local.aws.processing import BUCKET, Processings

pytestmark = [pytest.mark.cloud, needs_own_mounts]
Record = dict[str, Any]


def cluster(**changed: Any) -> Callable[[Record], None]:
    return lambda request: request["ProcessingResources"]["ClusterConfig"].update(changed)


def whole(**changed: Any) -> Callable[[Record], None]:
    return lambda request: request.update(changed)


def data(**changed: Any) -> Callable[[Record], None]:
    """The second input."""
    return lambda request: request["ProcessingInputs"][1]["S3Input"].update(changed)


def left(**changed: Any) -> Callable[[Record], None]:
    """The first output."""
    return lambda request: request["ProcessingOutputConfig"]["Outputs"][0]["S3Output"].update(changed)


def an_input_is(**one: Any) -> Callable[[Record], None]:
    return lambda request: request["ProcessingInputs"].append({"InputName": "more", **one})


def an_output_is(**one: Any) -> Callable[[Record], None]:
    return lambda request: request["ProcessingOutputConfig"]["Outputs"].append({"OutputName": "more", **one})


PLACE = "/opt/ml/processing/input"
IMAGE = f"000000000000.dkr.ecr.{REGION}.amazonaws.com/shop:none"
SOURCE = {"S3Uri": f"s3://{BUCKET}/x", "S3DataType": "S3Prefix", "LocalPath": f"{PLACE}/more"}


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (whole(ProcessingJobName="under_score"), "regular expression pattern"),
        (whole(RoleArn="arn:aws:iam::000000000000:role/nobody"), "Could not assume role"),
        (whole(StoppingCondition={"MaxRuntimeInSeconds": 0}), "MaxRuntimeInSeconds"),
        (whole(AppSpecification={"ImageUri": IMAGE, "ContainerEntrypoint": ["true"]}), "Requested image .* not found"),
        (whole(AppSpecification={"ImageUri": IMAGE}), "laptop cloud knows no image's entrypoint"),
        (whole(NetworkConfig={"VpcConfig": {"SecurityGroupIds": ["sg-0"], "Subnets": ["subnet-0"]}}), "VpcConfig"),
        (whole(Tags=[{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]), "Duplicate tag keys"),
        (cluster(VolumeKmsKeyId="nobody"), "Invalid KMS key"),
        (cluster(InstanceType="ml.g5.xlarge", VolumeKmsKeyId="any"), "local storage"),
        (cluster(InstanceType="ml.unknown"), "enum value set"),
        (lambda request: request["ProcessingOutputConfig"].update(KmsKeyId="alias/none"), "Invalid KMS key"),
        (lambda request: request["ProcessingResources"]["ClusterConfig"].pop("InstanceType"), "InstancePreferences"),
        (data(S3DataType="ManifestFile"), "laptop cloud reads an S3Prefix"),
        (data(S3InputMode="Pipe"), "File mode only"),
        (data(S3CompressionType="Gzip"), "Pipe mode"),
        (data(LocalPath="/opt/ml/model"), "must begin with /opt/ml/processing/"),
        (data(LocalPath="/opt/ml/processing/../../../etc"), "must begin with"),
        (data(LocalPath="/opt/ml/processing/"), "must begin with"),
        (data(LocalPath=f"{PLACE}/code"), "used once only"),
        (left(LocalPath=f"{PLACE}/code/"), "used once only"),
        (left(LocalPath="rows"), "must begin with"),
        (left(S3UploadMode="Continuous"), "at the EndOfJob only"),
        (an_input_is(DatasetDefinition={"LocalPath": f"{PLACE}/more"}), "laptop cloud reads S3Inputs only"),
        (an_input_is(AppManaged=True, S3Input=SOURCE), "AppManaged"),
        (an_input_is(InputName="data", S3Input=SOURCE), "InputName must be unique"),
        (an_output_is(FeatureStoreOutput={"FeatureGroupName": "rows"}), "laptop cloud writes S3Outputs only"),
    ],
)
def test_a_request_is_refused(processings: Processings, change: Callable[[Record], None], refusal: str) -> None:
    request = processings.request("print(1)")
    change(request)
    with pytest.raises(ClientError, match=refusal) as caught:
        processings.aws.sagemaker.create_processing_job(**request)
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_a_second_instance_is_over_the_limit_of_a_laptop(processings: Processings) -> None:
    request = processings.request("print(1)")
    cluster(InstanceCount=2)(request)
    with pytest.raises(processings.aws.sagemaker.exceptions.ResourceLimitExceeded, match="processing job usage"):
        processings.aws.sagemaker.create_processing_job(**request)
