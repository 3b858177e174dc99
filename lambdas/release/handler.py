"""A package was approved, or an endpoint has changed: see `mergemaker.steps.deploy`."""

from functools import cache
from typing import Any

from lambdas.queue import Answer, Function, each, now
from mergemaker.domain.errors import RefusedError
from mergemaker.domain.events import EndpointChanged, Event, PackageChanged
from mergemaker.steps.deploy import endpoint_changed, package_changed

function = cache(Function)


def handler(batch: dict[str, Any], _context: object) -> Answer:
    it = function()

    def handle(event: Event) -> object:
        environments = it.settings.environments
        match event:
            case PackageChanged(arn):
                return package_changed(arn, environments=environments, world=it.world, clock=now)
            case EndpointChanged(endpoint):
                return endpoint_changed(endpoint, environments=environments, world=it.world, clock=now)
        raise RefusedError(f"not for this function: {event}")

    return each(batch, it, handle)
