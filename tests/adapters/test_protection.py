"""What SageMaker is asked for, so that data is encrypted on disks and wires, and stays in the settings' network."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.session import get_session

from local.aws.sagemaker.checks import LOCAL_DISKS
from mergemaker.adapters.jobs import UNUSUAL
from mergemaker.bootstrap import Aws
from mergemaker.domain.errors import ServiceError
from mergemaker.domain.job import JobRequest, stores_locally
from mergemaker.domain.model import Resources
from mergemaker.domain.release import Approval, Package
from mergemaker.domain.settings import Environment, Network
from tests.adapters.conftest import NAMES
from tests.fakes.made import digest, lineage
from tests.local.aws.helpers import client

KEY = f"arn:aws:kms:{NAMES.region}:{NAMES.account}:key/0123"
VPC = Network(("subnet-0123456789abcdef0", "subnet-0123456789abcdef1"), ("sg-0123456789abcdef0",))
PACKAGE = Package(
    arn=f"arn:aws:sagemaker:{NAMES.region}:{NAMES.account}:model-package/shop-prices/1",
    group="shop-prices",
    version=1,
    project="shop",
    model="prices",
    job="prices-0123456789ab",
    commit="c" * 40,
    source=digest("source"),
    merge_request=7,
    approval=Approval.APPROVED,
    stage="staging",
    image="image",
    artifact="s3://b/prices/packages/prices-0123456789ab/model.tar.gz",
    artifact_etag="0",
    run_key=digest("run"),
    released_by=90,
)


def request(name: str = "prices-0123456789ab", **resources: Any) -> JobRequest:
    return JobRequest(
        name=name,
        lineage=lineage(),
        hyperparameters={"depth": "3"},
        channels={"training": f"s3://{NAMES.bucket}/prices/data/x/training/"},
        output=f"s3://{NAMES.bucket}/prices/output",
        resources=replace(Resources("ml.m5.large", 1, 10, 3600), **resources),
        metric_regexes={},
    )


class Asked:
    """What the adapters ask of AWS, on its way; nothing is sent."""

    def __init__(self, network: Network) -> None:
        self.aws = Aws(NAMES, network)
        self.calls: list[tuple[str, dict[str, Any]]] = []
        for service in ("sagemaker", "kms"):
            events = self.aws.clients(service).meta.events
            events.register("provide-client-params.*", self._keep)
            events.register("before-call.*", self._answer)

    def _keep(self, params: dict[str, Any], model: Any, **_: object) -> None:
        self.calls.append((model.name, params))

    def _answer(self, model: Any, **_: object) -> tuple[Any, dict[str, Any]]:
        answers = {"DescribeKey": {"KeyMetadata": {"Arn": KEY}}}
        return type("Answer", (), {"status_code": 200}), answers.get(model.name, {})

    def of(self, call: str) -> dict[str, Any]:
        (found,) = [params for name, params in self.calls if name == call]
        return found

    def job(self, **resources: Any) -> dict[str, Any]:
        """What is asked for a job with these resources."""
        assert self.aws.jobs.start(request(**resources), image="image")
        return self.of("CreateTrainingJob")

    def endpoint(self, instance_type: str = "ml.m5.large") -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """What is asked for a model and an endpoint config."""
        staging = Environment("staging", NAMES.account, NAMES.region, instance_type, instance_count=1)
        self.aws.endpoints.prepare(PACKAGE, config="c", model="m", environment=staging, tags={})
        return self.of("CreateModel"), self.of("CreateEndpointConfig")


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")


@pytest.fixture
def asked(keys: None) -> Asked:
    return Asked(Network())


@pytest.fixture
def inside(keys: None) -> Asked:
    """Where the settings name a network."""
    return Asked(VPC)


def test_a_jobs_disk_and_output_are_encrypted_with_the_projects_key_which_is_asked_for_once(asked: Asked) -> None:
    job = asked.job()
    assert job["ResourceConfig"]["VolumeKmsKeyId"] == KEY
    assert job["OutputDataConfig"]["KmsKeyId"] == KEY
    asked.endpoint()
    assert asked.of("DescribeKey") == {"KeyId": "alias/shop"}


def test_an_endpoints_disk_is_encrypted_with_the_projects_key(asked: Asked) -> None:
    _, config = asked.endpoint()
    assert config["KmsKeyId"] == KEY


def test_disks_that_encrypt_themselves_are_given_no_key(asked: Asked) -> None:
    assert "VolumeKmsKeyId" not in asked.job(instance_type="ml.g5.xlarge")["ResourceConfig"]
    assert "KmsKeyId" not in asked.endpoint("ml.g4dn.xlarge")[1]


@pytest.mark.parametrize("shape", ["TrainingInstanceType", "ProductionVariantInstanceType"])
def test_every_instance_type_that_sagemaker_has_is_known_to_have_its_own_disks_or_not(shape: str) -> None:
    """The families of the EC2 guide that the laptop cloud refuses a key for are those that are given none."""
    types = get_session().get_service_model("sagemaker").shape_for(shape).enum  # type: ignore[attr-defined]
    assert len(types) > 200
    assert {one for one in types if stores_locally(one)} == {one for one in types if one.split(".")[1] in LOCAL_DISKS}


@pytest.mark.parametrize("count", [1, 2])
def test_what_several_machines_tell_each_other_is_encrypted(asked: Asked, count: int) -> None:
    assert asked.job(instance_count=count)["EnableInterContainerTrafficEncryption"] is (count > 1)


def test_without_a_network_in_the_settings_nothing_is_asked_to_run_in_one(asked: Asked) -> None:
    assert "VpcConfig" not in asked.job()
    assert "VpcConfig" not in asked.endpoint()[0]


def test_jobs_and_models_run_in_the_network_of_the_settings(inside: Asked) -> None:
    vpc = {"Subnets": list(VPC.subnets), "SecurityGroupIds": list(VPC.security_groups)}
    assert inside.job()["VpcConfig"] == vpc
    model, _ = inside.endpoint()
    assert model["VpcConfig"] == vpc
    assert model["EnableNetworkIsolation"] is True


# What a job may not be -----------------------------------------------------------------------

COMPARED = {
    "TrainingJobName",
    "HyperParameters",
    "AlgorithmSpecification",
    "RoleArn",
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "Environment",
    "CheckpointConfig",
    "StoppingCondition",
    "Tags",
    "RemoteDebugConfig",
}
HARMLESS = {
    "VpcConfig": "IAM lets a job start nowhere else, and the settings may have changed since",
    "EnableNetworkIsolation": "less than usual",
    "EnableInterContainerTrafficEncryption": "more than usual",
    "EnableManagedSpotTraining": "cheaper, and the same",
    "DebugHookConfig": "for AWS's own framework images",
    "DebugRuleConfigurations": "jobs of their own",
    "TensorBoardOutputConfig": "one more copy of what the script writes",
    "ExperimentConfig": "where it is shown",
    "ProfilerConfig": "measures",
    "ProfilerRuleConfigurations": "jobs of their own",
    "RetryStrategy": "the same again",
    "InfraCheckConfig": "looks at the machine before",
    "SessionChainingConfig": "tags of the session",
    "MlflowConfig": "where it is shown",
    "MaxConcurrentJobs": "when it starts",
}


def test_each_setting_of_a_training_job_is_compared_refused_or_harmless() -> None:
    """What a new version of SageMaker adds is for a person to sort."""
    shape: Any = get_session().get_service_model("sagemaker").shape_for("CreateTrainingJobRequest")
    assert set(shape.members) - COMPARED - UNUSUAL - HARMLESS.keys() == set()


def test_a_model_is_made_of_the_image_and_artifact_that_were_compared_and_not_by_the_packages_name(
    asked: Asked,
) -> None:
    model, _ = asked.endpoint()
    assert model["PrimaryContainer"] == {"Image": PACKAGE.image, "ModelDataUrl": PACKAGE.artifact}
    assert "Containers" not in model
    assert {"Key": "mergemaker:package", "Value": PACKAGE.arn} in model["Tags"]


def test_no_metric_definitions_are_sent_where_there_are_none(asked: Asked) -> None:
    """SageMaker refuses them for its own algorithms."""
    assert asked.job()["AlgorithmSpecification"].keys() == {"TrainingImage", "TrainingInputMode"}


# The laptop cloud ----------------------------------------------------------------------------


@pytest.fixture
def port(aws_port: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Of the laptop cloud, where whatever is built now points at."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{aws_port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    return aws_port


def in_network(port: int) -> Aws:
    """The real adapters, in the cloud's own VPC."""
    ec2 = client("ec2", port)
    subnet = ec2.describe_subnets()["Subnets"][0]
    groups = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [subnet["VpcId"]]}])["SecurityGroups"]
    return Aws(NAMES, Network((subnet["SubnetId"],), (groups[0]["GroupId"],)))


@pytest.mark.cloud
def test_sagemaker_takes_jobs_with_key_and_network(port: int, name: str, image: str) -> None:
    jobs = in_network(port).jobs
    assert jobs.start(request(name), image=image)
    assert jobs.start(request(f"{name}-g5", instance_type="ml.g5.xlarge"), image=image)
    described = client("sagemaker", port).describe_training_job(TrainingJobName=name)
    assert described["VpcConfig"]["Subnets"]
    assert described["ResourceConfig"]["VolumeKmsKeyId"] == described["OutputDataConfig"]["KmsKeyId"]


@pytest.mark.cloud
@pytest.mark.usefixtures("port")
def test_sagemaker_refuses_a_network_that_is_not_there(name: str, image: str) -> None:
    with pytest.raises(ServiceError, match="Invalid VpcConfig"):
        Aws(NAMES, VPC).jobs.start(request(name), image=image)


@pytest.mark.cloud
@pytest.mark.parametrize(
    ("given", "instance_type", "refusal"),
    [
        (NAMES.key_alias, "ml.m5.large", "Invalid KMS key"),
        ("11111111-2222-3333-4444-555555555555", "ml.m5.large", "Invalid KMS key"),
        ("any", "ml.g5.xlarge", "not supported for instance type"),
    ],
)
def test_sagemaker_refuses_a_key_that_a_jobs_disk_cannot_have(
    port: int, name: str, image: str, given: str, instance_type: str, refusal: str
) -> None:
    sagemaker = client("sagemaker", port)
    with pytest.raises(ClientError, match=refusal):
        sagemaker.create_training_job(
            TrainingJobName=name,
            RoleArn=NAMES.role_arn("execution"),
            AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"},
            OutputDataConfig={"S3OutputPath": f"s3://{NAMES.bucket}/out"},
            ResourceConfig={
                "InstanceType": instance_type,
                "InstanceCount": 1,
                "VolumeSizeInGB": 1,
                "VolumeKmsKeyId": given,
            },
            StoppingCondition={"MaxRuntimeInSeconds": 60},
        )


@pytest.mark.cloud
@pytest.mark.parametrize("given", ["alias/nobodys", "11111111-2222-3333-4444-555555555555"])
def test_sagemaker_refuses_a_model_in_no_network_of_the_account_and_a_disk_with_an_unknown_key(
    port: int, name: str, image: str, given: str
) -> None:
    sagemaker = client("sagemaker", port)
    model = {"ModelName": name, "PrimaryContainer": {"Image": image}, "ExecutionRoleArn": NAMES.role_arn("execution")}
    vpc = {"Subnets": list(VPC.subnets), "SecurityGroupIds": list(VPC.security_groups)}
    with pytest.raises(ClientError, match="Invalid VpcConfig"):
        sagemaker.create_model(**model, VpcConfig=vpc)
    sagemaker.create_model(**model)
    variant = {"VariantName": "v", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    with pytest.raises(ClientError, match="Invalid KMS key"):
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant], KmsKeyId=given)
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant], KmsKeyId=NAMES.key_alias)
