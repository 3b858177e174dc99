"""Endpoints serve with the image's own server, and survive updates that fail and servers that die."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mergemaker.adapters.endpoints import SageMakerEndpoints
from mergemaker.adapters.registry import SageMakerRegistry
from mergemaker.domain.names import Names
from mergemaker.domain.release import NewPackage
from mergemaker.domain.serving import CODE_CHANNEL, variables
from mergemaker.domain.settings import Environment, Network
from tests.fakes.made import digest
from tests.local.aws.helpers import ACCOUNT, BUCKET, REGION, Aws, new_role, unique, wait_for
from tests.local.aws.jobs import packed
from tests.local.aws.test_events import Mailboxes, assert_shaped, sample

pytestmark = pytest.mark.cloud
Config = Callable[..., str]


@pytest.fixture
def config(aws: Aws, image: str, role: str) -> Config:
    """Makes a model that gives an answer, and a config of it."""

    def make(answer: str, **container: Any) -> str:
        name = unique("c")
        key = f"m/output/{name}/output/model.tar.gz"
        aws.s3.put_object(Bucket=BUCKET, Key=key, Body=packed({"answer.txt": answer}))
        primary: Any = {"Image": image, "ModelDataUrl": f"s3://{BUCKET}/{key}", "Environment": {"EXTRA": "more"}}
        aws.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=primary | container)
        return configured(aws, name)

    return make


def configured(aws: Aws, model: str, **more: Any) -> str:
    variant: Any = {
        "VariantName": "AllTraffic",
        "ModelName": model,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        **more,
    }
    aws.sagemaker.create_endpoint_config(EndpointConfigName=model, ProductionVariants=[variant])
    return model


@pytest.fixture
def endpoint(aws: Aws, config: Config) -> Iterator[str]:
    """An endpoint in service that answers ``one``."""
    name = unique("shop-m-staging")
    aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config("one"))
    assert settled(aws, name)["EndpointStatus"] == "InService"
    yield name
    wait_for(lambda: describe(aws, name).get("EndpointStatus") not in ("Creating", "Updating"))
    if describe(aws, name):
        aws.sagemaker.delete_endpoint(EndpointName=name)


@pytest.fixture
def served(aws: Aws) -> Iterator[Callable[[str], str]]:
    """Makes an endpoint of a config that gets in service."""
    names: list[str] = []

    def make(config: str) -> str:
        name = unique("e")
        aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
        names.append(name)
        found = settled(aws, name)
        assert found["EndpointStatus"] == "InService", found
        return name

    yield make
    for name in names:
        aws.sagemaker.delete_endpoint(EndpointName=name)


def with_functions(aws: Aws, image: str, file: str) -> Any:
    """A container as a package of somebody else's image has it: `file`, beside the model, says what it answers."""
    at = unique("beside")
    code = stored(aws, f"{at}/code.tar.gz", {file: "def predict_fn(data, model): return f'{model} says {data}'"})
    return {
        "Image": image,
        "ModelDataSource": stored(aws, f"{at}/model.tar.gz", {"answer.txt": "one"}),
        "AdditionalModelDataSources": [{"ChannelName": CODE_CHANNEL, **code}],
        "Environment": variables(image, file, region=REGION),
    }


def stored(aws: Aws, key: str, files: dict[str, str]) -> dict[str, Any]:
    """An archive of these files in the bucket, as a source of model data; not there without any."""
    if files:
        aws.s3.put_object(Bucket=BUCKET, Key=f"m/{key}", Body=packed(files))
    source = {"S3Uri": f"s3://{BUCKET}/m/{key}", "S3DataType": "S3Object", "CompressionType": "Gzip"}
    return {"S3DataSource": source}


def describe(aws: Aws, name: str) -> dict[str, Any]:
    """Empty where there is no such endpoint."""
    try:
        found: Any = aws.sagemaker.describe_endpoint(EndpointName=name)
        return dict(found)
    except ClientError as error:
        if "Could not find endpoint" not in str(error):
            raise
        return {}


def settled(aws: Aws, name: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found = describe(aws, name)
        return found if found["EndpointStatus"] in ("InService", "Failed") else None

    return wait_for(look)


def ask(aws: Aws, name: str, body: str = "1,2") -> str:
    answer = aws.runtime.invoke_endpoint(EndpointName=name, Body=body.encode(), ContentType="text/csv")
    return answer["Body"].read().decode()


def test_a_request_and_its_answer_pass_unchanged(aws: Aws, endpoint: str) -> None:
    answer = aws.runtime.invoke_endpoint(
        EndpointName=endpoint, Body=b"1,2", ContentType="text/csv", Accept="text/plain", CustomAttributes="trace=7"
    )
    assert answer["Body"].read() == b"one|hello there|more|text/csv|text/plain|1,2"
    assert (answer["ContentType"], answer["CustomAttributes"]) == ("text/csv", "trace=7")
    assert answer["InvokedProductionVariant"] == "AllTraffic"


def test_an_image_serves_with_functions_that_are_put_beside_the_model(
    aws: Aws, image: str, role: str, served: Callable[[str], str]
) -> None:
    """As AWS's XGBoost and scikit-learn images do it."""
    name = unique("c")
    container = with_functions(aws, image, "src/inference.py")
    aws.sagemaker.create_model(
        ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container, EnableNetworkIsolation=True
    )
    assert ask(aws, served(configured(aws, name))) == "one says 1,2"


def test_a_package_serves_with_what_it_has_beside_its_model(
    aws: Aws, image: str, role: str, served: Callable[[str], str]
) -> None:
    name = unique("c")
    aws.sagemaker.create_model_package_group(ModelPackageGroupName=name)
    package = aws.sagemaker.create_model_package(
        ModelPackageGroupName=name,
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [with_functions(aws, image, "inference.py")],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )["ModelPackageArn"]
    aws.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer={"ModelPackageName": package})
    assert ask(aws, served(configured(aws, name))) == "one says 1,2"


def test_what_the_release_function_makes_of_a_package_serves_by_its_script(
    aws: Aws, image: str, served: Callable[[str], str]
) -> None:
    """From the registry to an answer, by the product's own adapters."""
    names = Names(project=unique("shop"), account=ACCOUNT, region=REGION)
    new_role(aws.iam, names.role("execution"), "sagemaker", "*")
    container = with_functions(aws, image, "inference.py")
    (beside,) = container["AdditionalModelDataSources"]
    artifact = container["ModelDataSource"]["S3DataSource"]["S3Uri"]
    etag = aws.s3.head_object(Bucket=BUCKET, Key=artifact.removeprefix(f"s3://{BUCKET}/"))["ETag"].strip('"')
    registry = SageMakerRegistry(aws.sagemaker, names)
    group = names.package_group("prices")
    registry.register(
        NewPackage(
            group=group,
            project=names.project,
            model="prices",
            job="prices-1",
            run_key=digest("key"),
            source=digest("source"),
            commit="c" * 40,
            merge_request=7,
            description="Run prices-1",
            image=image,
            artifact=artifact,
            artifact_etag=etag,
            content_type="text/csv",
            tags={},
            environment=container["Environment"],
            code=beside["S3DataSource"]["S3Uri"],
        )
    )
    package = registry.of_version(group, 1)
    assert package is not None
    config = names.endpoint_config("prices", "staging", 1)
    staging = Environment("staging", ACCOUNT, REGION, instance_type="ml.g5.xlarge", instance_count=1)
    SageMakerEndpoints(aws.sagemaker, names, key=str, network=Network()).prepare(
        package, config=config, model=names.sagemaker_model("prices", 1), environment=staging, tags={}
    )
    assert ask(aws, served(config)) == "one says 1,2"


def test_model_data_that_contradicts_itself_is_refused(aws: Aws, image: str, role: str) -> None:
    source = stored(aws, "refused/model.tar.gz", {"answer.txt": "one"})
    url = source["S3DataSource"]["S3Uri"]
    beside = [{"ChannelName": "code", **source}]
    other: Any = {"S3DataSource": {**source["S3DataSource"], "ETag": "0"}}
    folder: Any = {"S3DataSource": {**source["S3DataSource"], "S3DataType": "S3Prefix"}}
    for container, refusal in [
        ({"ModelDataUrl": url, "ModelDataSource": source}, "not both"),
        ({"ModelDataUrl": url, "AdditionalModelDataSources": beside}, "in addition to a ModelDataSource"),
        ({"ModelDataSource": source, "AdditionalModelDataSources": beside * 2}, "names of their own"),
        (
            {"ModelDataSource": source, "AdditionalModelDataSources": [{"ChannelName": "..", **source}]},
            "can be folders",
        ),
        ({"ModelDataSource": other}, "ETag is not that of"),
        ({"ModelDataSource": folder}, "archives only"),
        ({"ModelDataSource": stored(aws, "", {})}, "Could not find model data"),
    ]:
        made: Any = {"Image": image, **container}
        with pytest.raises(ClientError, match=refusal):
            aws.sagemaker.create_model(ModelName=unique("c"), ExecutionRoleArn=role, PrimaryContainer=made)


def test_a_serverless_variant_takes_no_model_of_several_sources(aws: Aws, image: str, role: str) -> None:
    name = unique("c")
    container = with_functions(aws, image, "inference.py")
    aws.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container)
    serverless: Any = {"MemorySizeInMB": 1024, "MaxConcurrency": 1}
    variant: Any = {"VariantName": "AllTraffic", "ModelName": name, "ServerlessConfig": serverless}
    with pytest.raises(ClientError, match="serverless variants take no model with a ModelDataSource"):
        aws.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])


def test_what_the_model_refuses_is_a_model_error_with_its_own_words(aws: Aws, endpoint: str) -> None:
    with pytest.raises(aws.runtime.exceptions.ModelError) as caught:
        ask(aws, endpoint, "bad")
    response: Any = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert (response["OriginalStatusCode"], response["OriginalMessage"]) == (400, '{"error": "no such row"}')
    assert "Received client error (400)" in str(caught.value)


def test_an_endpoint_that_is_not_there_is_a_validation_error(aws: Aws) -> None:
    with pytest.raises(aws.runtime.exceptions.ValidationError, match="Endpoint nobody of account"):
        ask(aws, "nobody")


def test_an_update_switches_to_the_new_model_without_a_gap(aws: Aws, endpoint: str, config: Config, image: str) -> None:
    second = config("two")
    aws.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=second)
    with pytest.raises(ClientError, match=r"ValidationException.*Cannot update in-progress endpoint"):
        aws.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=second)
    moving = describe(aws, endpoint)
    assert moving["EndpointConfigName"] != second
    assert moving["PendingDeploymentSummary"]["EndpointConfigName"] == second
    answers = []
    while describe(aws, endpoint)["EndpointStatus"] != "InService":
        answers.append(ask(aws, endpoint).partition("|")[0])
    assert set(answers) <= {"one", "two"}
    assert ask(aws, endpoint).startswith("two|")
    found = describe(aws, endpoint)
    assert found["EndpointConfigName"] == second
    assert "PendingDeploymentSummary" not in found
    (variant,) = found["ProductionVariants"]
    assert variant["DeployedImages"][0]["ResolvedImage"] == image


def test_an_update_that_does_not_answer_rolls_back_to_the_old_config(
    aws: Aws, endpoint: str, config: Config, mailbox: Mailboxes
) -> None:
    box = mailbox({"source": ["aws.sagemaker"], "detail": {"EndpointName": [endpoint]}})
    before = describe(aws, endpoint)["EndpointConfigName"]
    aws.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config("broken"))
    found = settled(aws, endpoint)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", before)
    assert "did not pass the ping health check" in found["FailureReason"]
    assert ask(aws, endpoint).startswith("one|")
    events = box.take(lambda got: len(got) == 3)
    assert [e["detail"]["EndpointStatus"] for e in events] == ["UPDATING", "ROLLING_BACK", "IN_SERVICE"]
    like = sample("endpoint-state-change.json")
    assert_shaped(events[-1], like, more={"FailureReason"}, less=set())


def test_an_endpoint_whose_model_does_not_load_fails_and_can_only_be_deleted(aws: Aws, config: Config) -> None:
    name, broken = unique("e"), config("broken")
    aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=broken)
    found = settled(aws, name)
    assert found["EndpointStatus"] == "Failed"
    assert "did not pass the ping health check" in found["FailureReason"]
    group = f"/aws/sagemaker/Endpoints/{name}"
    lines = [e["message"] for e in aws.logs.filter_log_events(logGroupName=group)["events"]]
    assert "this model does not load" in lines
    with pytest.raises(ClientError, match="only be deleted"):
        aws.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=broken)
    aws.sagemaker.delete_endpoint(EndpointName=name)
    wait_for(lambda: not describe(aws, name))


def test_hostile_model_data_fails_the_endpoint_and_writes_nothing_outside(aws: Aws, image: str, role: str) -> None:
    name = unique("h")
    aws.s3.put_object(Bucket=BUCKET, Key=f"{name}.tar.gz", Body=packed({"../../escaped.txt": "out"}))
    primary: Any = {"Image": image, "ModelDataUrl": f"s3://{BUCKET}/{name}.tar.gz"}
    aws.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=primary)
    aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=configured(aws, name))
    assert "points out of the archive" in settled(aws, name)["FailureReason"]
    assert not list(aws.state.rglob("escaped.txt"))


def test_a_server_that_dies_is_started_again(aws: Aws, endpoint: str) -> None:
    with pytest.raises(aws.runtime.exceptions.ModelError):
        ask(aws, endpoint, "die")

    def answers() -> bool:
        try:
            return ask(aws, endpoint).startswith("one|")
        except ClientError:
            return False

    wait_for(answers)


def test_a_package_is_served_once_it_is_approved(aws: Aws, image: str, role: str) -> None:
    name = unique("p")
    aws.s3.put_object(Bucket=BUCKET, Key=f"{name}.tar.gz", Body=packed({"answer.txt": "packed"}))
    aws.sagemaker.create_model_package_group(ModelPackageGroupName=name)
    specification: Any = {"Containers": [{"Image": image, "ModelDataUrl": f"s3://{BUCKET}/{name}.tar.gz"}]}
    arn = aws.sagemaker.create_model_package(ModelPackageGroupName=name, InferenceSpecification=specification)
    primary: Any = {"ModelPackageName": arn["ModelPackageArn"], "Environment": {"EXTRA": "own"}}
    with pytest.raises(ClientError, match="approve it first"):
        aws.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=primary)
    aws.sagemaker.update_model_package(ModelPackageArn=arn["ModelPackageArn"], ModelApprovalStatus="Approved")
    aws.sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=primary)
    aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=configured(aws, name))
    assert settled(aws, name)["EndpointStatus"] == "InService"
    assert ask(aws, name).startswith("packed|hello there|own|")
    aws.sagemaker.delete_endpoint(EndpointName=name)


def test_names_are_unique_and_what_is_missing_is_named(aws: Aws, endpoint: str, config: Config, role: str) -> None:
    name = config("three")
    primary: Any = {"Image": "000000000000.dkr.ecr.us-east-1.amazonaws.com/shop:none"}
    create_model, create = aws.sagemaker.create_model, aws.sagemaker.create_endpoint
    with pytest.raises(ClientError, match="Cannot create already existing endpoint"):
        create(EndpointName=endpoint, EndpointConfigName=name)
    with pytest.raises(ClientError, match=r"Could not find endpoint configuration .*endpoint-config/nobody"):
        create(EndpointName=unique("e"), EndpointConfigName="nobody")
    with pytest.raises(ClientError, match="Cannot create already existing endpoint configuration"):
        configured(aws, name)
    with pytest.raises(ClientError, match=r"Could not find model .*model/nobody"):
        configured(aws, "nobody")
    with pytest.raises(ClientError, match="Cannot create already existing model"):
        create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=primary)
    with pytest.raises(ClientError, match="not found"):
        create_model(ModelName=unique("m"), ExecutionRoleArn=role, PrimaryContainer=primary)


def test_models_configs_and_endpoints_are_listed_and_deleted(aws: Aws, endpoint: str, config: Config) -> None:
    name = config("three")
    assert [m["ModelName"] for m in aws.sagemaker.list_models(NameContains=name)["Models"]] == [name]
    listed = aws.sagemaker.list_endpoint_configs(NameContains=name)["EndpointConfigs"]
    assert [c["EndpointConfigName"] for c in listed] == [name]
    found = aws.sagemaker.list_endpoints(NameContains=endpoint, StatusEquals="InService")["Endpoints"]
    assert [e["EndpointName"] for e in found] == [endpoint]
    aws.sagemaker.delete_endpoint_config(EndpointConfigName=name)
    aws.sagemaker.delete_model(ModelName=name)
    with pytest.raises(ClientError, match="Could not find endpoint configuration"):
        aws.sagemaker.describe_endpoint_config(EndpointConfigName=name)
    with pytest.raises(ClientError, match="Could not find model"):
        aws.sagemaker.describe_model(ModelName=name)
