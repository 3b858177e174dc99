"""SageMaker's control plane and runtime on one handler: both sign as ``sagemaker``, the path tells them apart."""

import logging
import threading
from collections.abc import Callable
from typing import Any

from local.aws import seam
from local.aws.access import Check, require
from local.aws.answer import Answer, Request
from local.aws.cloud import Cloud
from local.aws.errors import AwsError, invalid
from local.aws.protocol import parse, render, service_model
from local.aws.sagemaker import access
from local.aws.sagemaker.checks import Checks
from local.aws.sagemaker.endpoints import Endpoints
from local.aws.sagemaker.invoke import Runtime
from local.aws.sagemaker.models import Models
from local.aws.sagemaker.processing import Processing
from local.aws.sagemaker.registry import Registry
from local.aws.sagemaker.slots import Slots
from local.aws.sagemaker.tags import Tags
from local.aws.sagemaker.training import Training

Operation = Callable[[dict[str, Any]], dict[str, Any]]


class SageMaker:
    """One lock guards every record: calls hold it while they run, threads of jobs and endpoints when they change one.

    Nothing waits for a process or an event's target while it holds the lock.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud, self._lock = cloud, threading.RLock()
        self._tags, checks = Tags(), Checks(cloud)
        tags = self._tags
        self._registry = registry = Registry(cloud, tags, checks)
        models = Models(cloud, tags, checks, registry)
        endpoints = Endpoints(cloud, tags, models, self._lock)
        slots = Slots()
        training = Training(cloud, tags, checks, self._lock, slots)
        processing = Processing(cloud, tags, checks, self._lock, slots)
        self._operations: dict[str, Operation] = {
            **tags.operations,
            **registry.operations,
            **models.operations,
            **endpoints.operations,
            **training.operations,
            **processing.operations,
        }
        self._runtime = Runtime(cloud, endpoints)

    def handle(self, request: Request) -> Answer:
        try:
            self._check_place()
            target = request.headers.get("x-amz-target")
            return self._call(target.rpartition(".")[2], request) if target else self._invoke(request)
        except AwsError as error:
            return error.answer()
        except Exception:
            logging.getLogger("local.aws").exception("%s %s failed", request.method, request.path)
            return AwsError("InternalFailure", "the laptop cloud failed: its aws.log tells why", status=500).answer()

    def _call(self, name: str, request: Request) -> Answer:
        run = self._operations.get(name)
        if run is None:
            raise AwsError("UnknownOperationException", f"the laptop cloud's SageMaker has no {name}")
        operation = service_model("sagemaker").operation_model(name)
        params = parse(operation, request.body)
        with self._lock:
            require(request, self._permissions(name, params))
            content = render(operation, run(params))
        return Answer(200, {"content-type": "application/x-amz-json-1.1"}, content)

    def _permissions(self, name: str, params: dict[str, Any]) -> list[Check]:
        packages = self._registry.packages
        return access.checks(name, params, arn=self._cloud.arn, tagged=self._tags.of, packages=packages)

    def _invoke(self, request: Request) -> Answer:
        endpoint = self._runtime.endpoint(request)
        require(request, [access.invoke(endpoint, request.headers, arn=self._cloud.arn, tagged=self._tags.of)])
        return self._runtime.handle(endpoint, request)

    def _check_place(self) -> None:
        here, there = (self._cloud.account, self._cloud.region), (seam.request_account(), seam.request_region())
        if here != there:
            raise invalid(f"this laptop cloud has account {here[0]} in {here[1]} only, not {there[0]} in {there[1]}")
