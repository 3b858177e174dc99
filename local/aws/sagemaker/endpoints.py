"""Endpoints: create, update with the old fleet serving until the new one answers, delete."""

import copy
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.aws.cloud import Cloud
from local.aws.errors import invalid
from local.aws.images import by_digest
from local.aws.listing import Listing
from local.aws.sagemaker import events
from local.aws.sagemaker.fleet import Fleet, FleetError
from local.aws.sagemaker.models import ContainerSpec, Models
from local.aws.sagemaker.tags import Tags

Record = dict[str, Any]
_SUMMARY = Listing(name="EndpointName", status="EndpointStatus", order="Descending")
_BUSY = ("Creating", "Updating", "RollingBack", "Deleting")


@dataclass
class Endpoint:
    """An endpoint with the fleet that serves now, if any."""

    record: Record
    fleet: Fleet | None = None


class Endpoints:
    """All endpoints of the account. Records change under the service's lock only."""

    def __init__(self, cloud: Cloud, tags: Tags, models: Models, lock: threading.RLock) -> None:
        self._cloud, self._tags, self._models, self._lock = cloud, tags, models, lock
        self._endpoints: dict[str, Endpoint] = {}

    @property
    def operations(self) -> dict[str, Callable[[Record], Record]]:
        return {
            "CreateEndpoint": self._create,
            "UpdateEndpoint": self._update,
            "DescribeEndpoint": lambda params: self._find(params).record,
            "DeleteEndpoint": self._delete,
            "ListEndpoints": self._list,
        }

    def serving(self, name: str) -> tuple[Fleet, dict[str, float]] | None:
        """The fleet that serves and its variants' weights; None where nothing does. The caller leaves the fleet."""
        with self._lock:
            endpoint = self._endpoints.get(self._cloud.arn(f"endpoint/{name}"))
            if endpoint is None or endpoint.fleet is None:
                return None
            endpoint.fleet.enter()
            return endpoint.fleet, {v["VariantName"]: v["CurrentWeight"] for v in endpoint.record["ProductionVariants"]}

    def _find(self, params: Record) -> Endpoint:
        arn = self._cloud.arn(f"endpoint/{params['EndpointName']}")
        if arn not in self._endpoints:
            raise invalid(f'Could not find endpoint "{arn}".')
        return self._endpoints[arn]

    def _create(self, params: Record) -> Record:
        name, config = params["EndpointName"], params["EndpointConfigName"]
        arn = self._cloud.arn(f"endpoint/{name}")
        if arn in self._endpoints:
            raise invalid(f'Cannot create already existing endpoint "{arn}".')
        specs = self._models.containers(config)
        self._tags.created(arn, params)
        now = datetime.now(UTC)
        record = {
            "EndpointName": name,
            "EndpointArn": arn,
            "EndpointConfigName": config,
            "EndpointStatus": "Creating",
            "CreationTime": now,
            "LastModifiedTime": now,
            "ProductionVariants": _variants(self._models.config(config), None),
            "PendingDeploymentSummary": _pending(config, self._models.config(config)),
        }
        endpoint = Endpoint(record)
        self._endpoints[arn] = endpoint
        self._change(endpoint, "Creating")
        self._deploy(endpoint, config, specs, params.get("DeploymentConfig"))
        return {"EndpointArn": arn}

    def _update(self, params: Record) -> Record:
        endpoint = self._find(params)
        status, arn = endpoint.record["EndpointStatus"], endpoint.record["EndpointArn"]
        if status in _BUSY:
            raise invalid(f'Cannot update in-progress endpoint "{arn}".')
        if status == "Failed":
            raise invalid(f'Endpoint "{arn}" is in status Failed: it can only be deleted.')
        config = params["EndpointConfigName"]
        specs = self._models.containers(config)
        endpoint.record.pop("FailureReason", None)
        endpoint.record["PendingDeploymentSummary"] = _pending(config, self._models.config(config))
        self._change(endpoint, "Updating")
        self._deploy(endpoint, config, specs, params.get("DeploymentConfig"))
        return {"EndpointArn": arn}

    def _delete(self, params: Record) -> Record:
        endpoint = self._find(params)
        if endpoint.record["EndpointStatus"] in _BUSY:
            raise invalid(f'Cannot update in-progress endpoint "{endpoint.record["EndpointArn"]}".')
        self._change(endpoint, "Deleting")
        fleet, endpoint.fleet = endpoint.fleet, None

        def remove() -> None:
            if fleet is not None:
                fleet.stop()
            with self._lock:
                self._endpoints.pop(endpoint.record["EndpointArn"], None)
                self._tags.deleted(endpoint.record["EndpointArn"])

        threading.Thread(target=remove, daemon=True, name="delete endpoint").start()
        return {}

    def _list(self, params: Record) -> Record:
        page, token = _SUMMARY.page((e.record for e in self._endpoints.values()), params)
        return {"Endpoints": page, "NextToken": token}

    def _deploy(self, endpoint: Endpoint, config: str, specs: list[ContainerSpec], deployment: Record | None) -> None:
        configured = copy.deepcopy(self._models.config(config))
        fleet = Fleet(self._cloud, endpoint.record["EndpointName"], config)

        def deploy() -> None:
            try:
                fleet.start(specs)
            except FleetError as error:
                self._failed(endpoint, str(error))
                return
            except Exception:
                logging.getLogger("local.aws").exception("endpoint %s", endpoint.record["EndpointName"])
                fleet.stop()
                self._failed(
                    endpoint, "Unable to provision requested ML compute: the laptop cloud's aws.log tells why."
                )
                return
            self._switch(endpoint, fleet, configured, deployment)

        threading.Thread(target=deploy, daemon=True, name="deploy").start()

    def _switch(self, endpoint: Endpoint, fleet: Fleet, config: Record, deployment: Record | None) -> None:
        with self._lock:
            old, endpoint.fleet = endpoint.fleet, fleet
            endpoint.record["EndpointConfigName"] = fleet.config
            endpoint.record.pop("PendingDeploymentSummary", None)
            endpoint.record["ProductionVariants"] = _variants(config, fleet)
            if deployment:
                endpoint.record["LastDeploymentConfig"] = deployment
            if capture := config.get("DataCaptureConfig"):
                endpoint.record["DataCaptureConfig"] = _capture(capture)
            self._change(endpoint, "InService")
        if old is not None:
            old.stop()

    def _failed(self, endpoint: Endpoint, reason: str) -> None:
        """Back to the old fleet, as SageMaker rolls back; Failed where there is none."""
        with self._lock:
            endpoint.record["FailureReason"] = reason[:1024]
            endpoint.record.pop("PendingDeploymentSummary", None)
            if endpoint.fleet is None:
                self._change(endpoint, "Failed")
            else:
                self._change(endpoint, "RollingBack")
                self._change(endpoint, "InService")

    def _change(self, endpoint: Endpoint, status: str) -> None:
        endpoint.record.update(EndpointStatus=status, LastModifiedTime=datetime.now(UTC))
        record = copy.deepcopy(endpoint.record)
        self._cloud.send(*events.endpoint(record, self._tags.of(record["EndpointArn"])))


def _variants(config: Record, fleet: Fleet | None) -> list[Record]:
    """The endpoint's summary of its variants; without a fleet none of them serves yet."""
    deployed = {m.spec.variant: m for m in fleet.members} if fleet else {}
    variants: list[Record] = []
    for variant in config["ProductionVariants"]:
        weight, count = variant.get("InitialVariantWeight", 1.0), variant.get("InitialInstanceCount", 1)
        summary = {
            "VariantName": variant["VariantName"],
            "DesiredWeight": weight,
            "DesiredInstanceCount": count,
            "CurrentWeight": weight if deployed else 0.0,
            "CurrentInstanceCount": count if deployed else 0,
        }
        if member := deployed.get(variant["VariantName"]):
            image = member.spec.image
            deployed_image = {"SpecifiedImage": image, "ResolvedImage": by_digest(image, member.image_digest)}
            summary["DeployedImages"] = [deployed_image]
        variants.append(summary)
    return variants


def _pending(name: str, config: Record) -> Record:
    """What a deployment under way moves to."""
    variants = [{"VariantName": variant["VariantName"]} for variant in config["ProductionVariants"]]
    return {"EndpointConfigName": name, "StartTime": datetime.now(UTC), "ProductionVariants": variants}


def _capture(config: Record) -> Record:
    return {
        "EnableCapture": config.get("EnableCapture", False),
        "CaptureStatus": "Started" if config.get("EnableCapture") else "Stopped",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
        "KmsKeyId": config.get("KmsKeyId", ""),
    }
