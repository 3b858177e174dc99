"""Models and endpoint configs: descriptions that an endpoint is made from."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.aws.cloud import Cloud
from local.aws.errors import invalid
from local.aws.images import by_digest
from local.aws.listing import Listing
from local.aws.sagemaker import sources
from local.aws.sagemaker.checks import Checks
from local.aws.sagemaker.registry import Registry
from local.aws.sagemaker.tags import Tags

Record = dict[str, Any]
_MODELS = Listing(name="ModelName", order="Descending")
_CONFIGS = Listing(name="EndpointConfigName", order="Descending")


@dataclass(frozen=True)
class ContainerSpec:
    """What one variant of an endpoint runs."""

    variant: str
    image: str
    data_url: str | None
    beside: dict[str, str]
    """What is put beside the model: folder -> archive."""
    environment: dict[str, str]
    startup_seconds: float
    role: str
    isolated: bool
    """Without network, and so without keys: SageMaker gives such containers none."""


STARTUP_SECONDS = 480.0
"""What SageMaker gives a container to answer its first ping, unless the variant says otherwise."""


class Models:
    """All models and endpoint configs of the account."""

    def __init__(self, cloud: Cloud, tags: Tags, checks: Checks, registry: Registry) -> None:
        self._cloud, self._tags, self._checks, self._registry = cloud, tags, checks, registry
        self._models: dict[str, Record] = {}
        self._configs: dict[str, Record] = {}

    @property
    def operations(self) -> dict[str, Callable[[Record], Record]]:
        return {
            "CreateModel": self._create_model,
            "DescribeModel": lambda params: self._model(params["ModelName"]),
            "DeleteModel": self._delete_model,
            "ListModels": self._list_models,
            "CreateEndpointConfig": self._create_config,
            "DescribeEndpointConfig": lambda params: self.config(params["EndpointConfigName"]),
            "DeleteEndpointConfig": self._delete_config,
            "ListEndpointConfigs": self._list_configs,
        }

    def config(self, name: str) -> Record:
        return self._find(self._configs, f"endpoint-config/{name}", "endpoint configuration")

    def containers(self, config: str) -> list[ContainerSpec]:
        """One of each production variant. Raises AwsError when a model or package is gone."""
        return [self._spec(variant) for variant in self.config(config)["ProductionVariants"]]

    def _spec(self, variant: Record) -> ContainerSpec:
        model = self._model(variant["ModelName"])
        container = model["PrimaryContainer"]
        image, data, environment = container.get("Image"), container, container.get("Environment", {})
        if package := container.get("ModelPackageName"):
            data = self._registry.package(package)["InferenceSpecification"]["Containers"][0]
            image = by_digest(data["Image"], data["ImageDigest"])
            environment = data.get("Environment", {}) | environment
        startup = variant.get("ContainerStartupHealthCheckTimeoutInSeconds", STARTUP_SECONDS)
        return ContainerSpec(
            variant=variant["VariantName"],
            image=image,
            data_url=sources.model_url(data),
            beside=sources.beside(data),
            environment=environment,
            startup_seconds=float(startup),
            role=model["ExecutionRoleArn"],
            isolated=bool(model.get("EnableNetworkIsolation")),
        )

    def _model(self, name: str) -> Record:
        return self._find(self._models, f"model/{name}", "model")

    def _find(self, records: dict[str, Record], resource: str, kind: str) -> Record:
        arn = self._cloud.arn(resource)
        found = records.get(arn)
        if found is None:
            raise invalid(f'Could not find {kind} "{arn}".')
        return found

    def _create_model(self, params: Record) -> Record:
        arn = self._cloud.arn(f"model/{params['ModelName']}")
        if arn in self._models:
            raise invalid(f'Cannot create already existing model "{arn}".')
        containers = params.pop("Containers", None) or [params.get("PrimaryContainer")]
        if len(containers) != 1 or containers[0] is None:
            raise invalid("the laptop cloud serves models of one container: set PrimaryContainer")
        if "ExecutionRoleArn" not in params:
            raise invalid("ExecutionRoleArn is required")
        self._checks.role(params["ExecutionRoleArn"])
        self._check_container(containers[0])
        if vpc := params.get("VpcConfig"):
            self._checks.network(vpc)
        self._tags.created(arn, params)
        members = {k: v for k, v in params.items() if k != "Tags"}
        self._models[arn] = members | {
            "PrimaryContainer": containers[0],
            "ModelArn": arn,
            "CreationTime": datetime.now(UTC),
        }
        return {"ModelArn": arn}

    def _check_container(self, container: Record) -> None:
        if package := container.get("ModelPackageName"):
            if {"Image", "ModelDataUrl", "ModelDataSource", "AdditionalModelDataSources"} & container.keys():
                raise invalid("a container has either a ModelPackageName or an Image, not both")
            record = self._registry.package(package)
            if record["ModelApprovalStatus"] != "Approved":
                raise invalid(f"Model package {package} is {record['ModelApprovalStatus']}: approve it first")
            return
        if "Image" not in container:
            raise invalid("a container needs an Image or a ModelPackageName")
        self._checks.image(container["Image"])
        sources.look_up(container, self._checks)

    def _delete_model(self, params: Record) -> Record:
        arn = self._model(params["ModelName"])["ModelArn"]
        del self._models[arn]
        self._tags.deleted(arn)
        return {}

    def _list_models(self, params: Record) -> Record:
        page, token = _MODELS.page(self._models.values(), params)
        return {"Models": page, "NextToken": token}

    def _create_config(self, params: Record) -> Record:
        arn = self._cloud.arn(f"endpoint-config/{params['EndpointConfigName']}")
        if arn in self._configs:
            raise invalid(f'Cannot create already existing endpoint configuration "{arn}".')
        names = [variant["VariantName"] for variant in params["ProductionVariants"]]
        if len(set(names)) != len(names):
            raise invalid("Variant names must be unique")
        for variant in params["ProductionVariants"]:
            if "ModelName" not in variant:
                raise invalid("the laptop cloud has no inference components: each variant needs a ModelName")
            if ("ServerlessConfig" in variant) == ("InstanceType" in variant):
                raise invalid(f"variant {variant['VariantName']} needs either an InstanceType or a ServerlessConfig")
            container = self._model(variant["ModelName"])["PrimaryContainer"]
            if "ServerlessConfig" in variant and "ModelDataSource" in container:
                raise invalid("serverless variants take no model with a ModelDataSource")
        if key := params.get("KmsKeyId"):
            self._checks.key(key, alias=True)
        self._tags.created(arn, params)
        members = {k: v for k, v in params.items() if k != "Tags"}
        self._configs[arn] = members | {"EndpointConfigArn": arn, "CreationTime": datetime.now(UTC)}
        return {"EndpointConfigArn": arn}

    def _delete_config(self, params: Record) -> Record:
        arn = self.config(params["EndpointConfigName"])["EndpointConfigArn"]
        del self._configs[arn]
        self._tags.deleted(arn)
        return {}

    def _list_configs(self, params: Record) -> Record:
        page, token = _CONFIGS.page(self._configs.values(), params)
        return {"EndpointConfigs": page, "NextToken": token}
