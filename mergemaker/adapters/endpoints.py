"""SageMaker's endpoints, and the models and configs that they are made of."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from botocore.exceptions import ClientError

from mergemaker.adapters.aws import calling, code_of, message_of
from mergemaker.adapters.jobs import absent, tag_list, vpc_config
from mergemaker.adapters.registry import already_there, archive, beside
from mergemaker.domain.errors import RetryableError
from mergemaker.domain.job import stores_locally
from mergemaker.domain.lineage import TAG_PREFIX
from mergemaker.domain.names import Names
from mergemaker.domain.release import Endpoint, EndpointStatus, Package
from mergemaker.domain.settings import Environment, Network

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.literals import ProductionVariantInstanceTypeType
    from mypy_boto3_sagemaker.type_defs import (
        ContainerDefinitionTypeDef,
        CreateEndpointConfigInputTypeDef,
        CreateModelInputTypeDef,
    )

VARIANT = "AllTraffic"
_STATUSES = {
    "InService": EndpointStatus.IN_SERVICE,
    "Failed": EndpointStatus.FAILED,
    "Deleting": EndpointStatus.DELETING,
    "OutOfService": EndpointStatus.BROKEN,
    "UpdateRollbackFailed": EndpointStatus.BROKEN,
}
"""Any other is an endpoint on its way."""


class SageMakerEndpoints:
    """`ports.Endpoints`."""

    def __init__(self, sagemaker: "SageMakerClient", names: Names, *, key: Callable[[], str], network: Network) -> None:
        """`key`: ARN of the key that encrypts the disks; asked for only where something is made."""
        self._sagemaker, self._names, self._key, self._network = sagemaker, names, key, network

    def find(self, name: str) -> Endpoint | None:
        with calling(f"endpoint {name}"):
            try:
                found = self._sagemaker.describe_endpoint(EndpointName=name)
            except ClientError as error:
                if absent(error):
                    return None
                raise
            config = found.get("EndpointConfigName", "")
            status = found["EndpointStatus"]
            return Endpoint(
                name=name,
                status=_STATUSES.get(status, EndpointStatus.BUSY),
                config=config,
                target=found.get("PendingDeploymentSummary", {}).get("EndpointConfigName", config),
                reason=found.get("FailureReason", ""),
            )

    def prepare(
        self, package: Package, *, config: str, model: str, environment: Environment, tags: Mapping[str, str]
    ) -> None:
        owned = tag_list(dict(tags))
        served: CreateModelInputTypeDef = {
            "ModelName": model,
            # Not by the package's name: what it says can change after it was looked at. A tag keeps the way back.
            "PrimaryContainer": _container(package),
            "ExecutionRoleArn": self._names.role_arn("execution"),
            "EnableNetworkIsolation": True,
            "Tags": [*owned, {"Key": f"{TAG_PREFIX}package", "Value": package.arn}],
        }
        if self._network.subnets:
            served["VpcConfig"] = vpc_config(self._network)
        with calling(f"model {model}"):
            _once(lambda: self._sagemaker.create_model(**served))
        made: CreateEndpointConfigInputTypeDef = {
            "EndpointConfigName": config,
            "ProductionVariants": [
                {
                    "VariantName": VARIANT,
                    "ModelName": model,
                    "InitialInstanceCount": environment.instance_count,
                    "InstanceType": cast("ProductionVariantInstanceTypeType", environment.instance_type),
                }
            ],
            "Tags": owned,
        }
        if not stores_locally(environment.instance_type):
            made["KmsKeyId"] = self._key()
        with calling(f"endpoint config {config}"):
            _once(lambda: self._sagemaker.create_endpoint_config(**made))

    def create(self, name: str, *, config: str, tags: Mapping[str, str]) -> None:
        with calling(f"endpoint {name}"), _busy(name):
            self._sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config, Tags=tag_list(dict(tags)))

    def update(self, name: str, *, config: str) -> None:
        with calling(f"endpoint {name}"), _busy(name):
            self._sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config)

    def delete(self, name: str) -> None:
        with calling(f"endpoint {name}"):
            try:
                self._sagemaker.delete_endpoint(EndpointName=name)
            except ClientError as error:
                if not absent(error) and not _in_progress(error):
                    raise


def _container(package: Package) -> "ContainerDefinitionTypeDef":
    data: ContainerDefinitionTypeDef = {"ModelDataUrl": package.artifact}
    if package.code:
        data = {
            "ModelDataSource": {"S3DataSource": archive(package.artifact)},
            "AdditionalModelDataSources": beside(package.code),
        }
    variables: ContainerDefinitionTypeDef = {"Environment": package.environment} if package.environment else {}
    return {"Image": package.image, **variables, **data}


def _once(create: Callable[[], object]) -> None:
    """What is there under the name is what would have been made: names carry the version."""
    try:
        create()
    except ClientError as error:
        if not already_there(error):
            raise


def _in_progress(error: ClientError) -> bool:
    return code_of(error) == "ValidationException" and "Cannot update" in message_of(error)


@contextmanager
def _busy(name: str) -> Iterator[None]:
    """Someone else was faster, or the endpoint is being changed: both pass."""
    try:
        yield
    except ClientError as error:
        if already_there(error) or _in_progress(error):
            raise RetryableError(f"endpoint {name}: {message_of(error)}") from error
        raise
