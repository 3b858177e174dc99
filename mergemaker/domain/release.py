"""Releases: what the registry and an endpoint hold, and what to do so that they agree."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mergemaker.domain.names import Names
from mergemaker.domain.run import Run, Status


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
    project: str
    """Who made it; empty for a package that somebody made by hand."""
    model: str
    version: int
    approval: Approval
    stage: str
    """The environment that it was approved for; empty if nobody said."""
    image: str
    artifact: str
    artifact_etag: str
    job: str
    """The run that made it."""
    run_key: str
    commit: str
    merge_request: int | None
    source: str
    """Digest of what its run took from the repository."""
    released_by: int | None
    """The pipeline that approved it last; None if a person did."""
    pipeline: int = 0
    """The one that asked for its run; 0 where nobody said."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables of its container."""
    code: str = ""
    """``s3://…`` address of what is put beside the model; empty where nothing is."""

    def supersedes(self, other: "Package") -> bool:
        """Whether it was released after `other`: by a later pipeline, or, where a person approved one, by version."""
        if self.released_by and other.released_by:
            return self.released_by > other.released_by
        return self.version > other.version


@dataclass(frozen=True)
class NewPackage:
    """What the registry is told of a finished run."""

    group: str
    project: str
    model: str
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
    pipeline: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    code: str = ""


def contradiction(package: Package, run: Run | None) -> str | None:
    """Why `package`, as the registry has it now, is not what the report function made of `run`; None if it is.

    Who may approve a package can put another image, artifact or code into it with the same call. The record of the run
    they can't change.
    """
    if run is None or run.status is not Status.COMPLETED:
        return (
            f"version {package.version} is of no completed run of this project; only what was trained here is released"
        )
    made = {
        "version": package.version == run.version,
        "image": package.image == (run.serve_image or run.image),
        "artifact": (package.artifact, package.artifact_etag) == (run.artifact, run.artifact_etag),
        "set of variables": dict(package.environment) == dict(run.serve_environment),
        "code": package.code == run.serve_code,
    }
    others = [what for what, same in made.items() if not same]
    if not others:
        return None
    return (
        f"the registry's version {package.version} has another {' and '.join(others)} than its run: "
        "somebody changed it afterwards. Put it back, or release another run"
    )


class EndpointStatus(StrEnum):
    """SageMaker's words, those that tell us apart what may be done."""

    IN_SERVICE = "InService"
    FAILED = "Failed"
    BUSY = "Busy"
    """Creating, updating or rolling back: it will be in service or failed."""
    DELETING = "Deleting"
    BROKEN = "Broken"
    """Out of service, or stuck half way: a person has to look."""


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
    LEAVE = "leave"
    """Nothing, because what is there was released later."""
    WAIT = "wait"
    REFUSE = "refuse"
    """Touch nothing: a person has to look."""


@dataclass(frozen=True)
class Plan:
    """How a package gets into an environment. Made without AWS, carried out by `steps.deploy`."""

    action: Action
    endpoint: str
    package: Package
    environment: str
    previous: int | None
    """The version that the endpoint serves now."""
    why: str

    def __str__(self) -> str:
        before = f" (now version {self.previous})" if self.previous else ""
        return f"{self.action} {self.endpoint} with version {self.package.version}{before}: {self.why}"


def plan_release(
    package: Package, *, environment: str, endpoint: Endpoint | None, target: Package | None, names: Names
) -> Plan:
    """What an approval of `package` does: a late or repeated one never takes an endpoint backwards.

    `target` is the package that the endpoint serves or is moving to; None if there is none or nobody knows it.
    """
    action, why = _decide(package, endpoint, target)
    return Plan(
        action=action,
        endpoint=names.endpoint(package.model, environment),
        package=package,
        environment=environment,
        previous=endpoint.version if endpoint else None,
        why=why,
    )


def _decide(package: Package, endpoint: Endpoint | None, target: Package | None) -> tuple[Action, str]:
    if endpoint is None:
        return Action.CREATE, "there is no endpoint yet"
    if endpoint.status is EndpointStatus.BROKEN:
        return Action.REFUSE, f"the endpoint needs a person: {endpoint.reason or 'it is out of service'}"
    if endpoint.status in (EndpointStatus.FAILED, EndpointStatus.DELETING):
        return Action.REPLACE, f"the endpoint is {endpoint.status.lower()}"
    busy = endpoint.status is EndpointStatus.BUSY
    if endpoint.target_version == package.version:
        return Action.NOTHING, f"version {package.version} is {'on its way' if busy else 'there already'}"
    if target is not None and not package.supersedes(target):
        return Action.LEAVE, f"version {target.version} was released later"
    return (Action.WAIT, "the endpoint is being changed") if busy else (Action.UPDATE, "approved")


def split_endpoint(name: str, *, names: Names, environments: list[str]) -> tuple[str, str] | None:
    """Model and environment of one of our endpoints' names; None for another's."""
    rest = name.removeprefix(f"{names.project}-")
    if rest == name:
        return None
    for environment in environments:
        if rest.endswith(f"-{environment}") and len(rest) > len(environment) + 1:
            return rest.removesuffix(f"-{environment}"), environment
    return None
