"""Releases: what the registry and an endpoint hold, and what to do so that they agree."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from mergemaker.domain.names import Names


class Approval(StrEnum):
    """A package's state in the registry, in SageMaker's words."""

    PENDING = "PendingManualApproval"
    APPROVED = "Approved"
    REJECTED = "Rejected"


@dataclass(frozen=True)
class Package:
    """A run's model in the registry."""

    arn: str
    group: str
    version: int
    approval: Approval
    stage: str
    """The environment that it was approved for; empty if nobody said."""
    image: str
    artifact: str
    job: str
    """The run that made it; empty for a package that somebody made by hand."""
    commit: str
    source: str
    """Digest of what its run took from the repository."""


@dataclass(frozen=True)
class NewPackage:
    """What the registry is told of a finished run."""

    group: str
    job: str
    run_key: str
    source: str
    commit: str
    merge_request: int | None
    description: str
    image: str
    artifact: str
    artifact_etag: str
    content_type: str
    tags: Mapping[str, str]


class EndpointStatus(StrEnum):
    """SageMaker's words, those that tell us apart what may be done."""

    IN_SERVICE = "InService"
    FAILED = "Failed"
    BUSY = "Busy"
    """Creating, updating, rolling back or being deleted."""


@dataclass(frozen=True)
class Endpoint:
    """An endpoint as it is."""

    name: str
    status: EndpointStatus
    config: str
    """What it serves from; while it is made for the first time, what it will."""
    target: str
    """What it is moving to while it is busy; else `config`."""
    reason: str

    @property
    def version(self) -> int | None:
        """The package's version that it serves: its config's name ends in it."""
        return _version(self.config)

    @property
    def target_version(self) -> int | None:
        return _version(self.target)


def _version(config: str) -> int | None:
    last = config.rpartition("-")[2]
    return int(last) if last.isascii() and last.isdigit() else None


class Action(StrEnum):
    """What a plan does to the endpoint."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    """Delete an endpoint whose creation failed, which SageMaker can't update, and create it anew."""
    NOTHING = "nothing"
    WAIT = "wait"


@dataclass(frozen=True)
class Plan:
    """How a package gets into an environment. Made without AWS, carried out by `steps.deploy`."""

    action: Action
    model: str
    environment: str
    endpoint: str
    version: int
    previous: int | None
    """The version that the endpoint serves now."""
    why: str

    def __str__(self) -> str:
        before = f" (now version {self.previous})" if self.previous else ""
        return f"{self.action} {self.endpoint} with version {self.version}{before}: {self.why}"


def plan_release(*, model: str, environment: str, version: int, endpoint: Endpoint | None, names: Names) -> Plan:
    """What an approval of `version` does: a late or repeated one never takes an endpoint backwards."""

    def plan(action: Action, why: str) -> Plan:
        return Plan(
            action=action,
            model=model,
            environment=environment,
            endpoint=names.endpoint(model, environment),
            version=version,
            previous=endpoint.version if endpoint else None,
            why=why,
        )

    if endpoint is None:
        return plan(Action.CREATE, "there is no endpoint yet")
    going_to, live = endpoint.target_version or 0, endpoint.version or 0
    if endpoint.status is EndpointStatus.BUSY:
        if going_to >= version:
            return plan(Action.NOTHING, f"version {going_to} is on its way")
        return plan(Action.WAIT, "the endpoint is being changed")
    if endpoint.status is EndpointStatus.FAILED:
        return plan(Action.REPLACE, "the endpoint has failed")
    if live >= version:
        return plan(Action.NOTHING, f"version {live} is there already")
    return plan(Action.UPDATE, "approved")


def split_endpoint(name: str, *, names: Names, environments: list[str]) -> tuple[str, str] | None:
    """Model and environment of one of our endpoints' names; None for another's."""
    rest = name.removeprefix(f"{names.project}-")
    if rest == name:
        return None
    for environment in environments:
        if rest.endswith(f"-{environment}") and len(rest) > len(environment) + 1:
            return rest.removesuffix(f"-{environment}"), environment
    return None
