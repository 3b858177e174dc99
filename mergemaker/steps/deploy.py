"""What an approval and an endpoint's change mean: the endpoint serves what was approved, and the merge request hears.

A plan is made, logged, then carried out. All of it may be repeated: models and configs are named by version, one
that serves a later version is left alone, and the record of a release only ever says what SageMaker says.
"""

import logging
from dataclasses import replace

from mergemaker.domain.errors import RetryableError
from mergemaker.domain.names import Names
from mergemaker.domain.release import (
    Action,
    Approval,
    Endpoint,
    EndpointStatus,
    Package,
    Plan,
    plan_release,
    split_endpoint,
)
from mergemaker.domain.run import Release, ReleaseStatus, Run
from mergemaker.domain.settings import Environment
from mergemaker.ports import Clock
from mergemaker.steps.report import World, publish, tags

log = logging.getLogger(__name__)


def package_changed(arn: str, *, environments: tuple[Environment, ...], world: World, clock: Clock) -> Plan | None:
    """Releases a package that was approved. None if there is nothing to do with it."""
    package = world.registry.find(arn)
    model = _model_of(package, world.names) if package else None
    if package is None or model is None or package.approval is not Approval.APPROVED:
        return None
    stage = package.stage or environments[0].name
    environment = next((one for one in environments if one.name == stage), None)
    if environment is None:
        log.warning("package %s is approved for %r, which is no environment", arn, stage)
        return None
    return _deploy(package, model, environment, world, clock)


def endpoint_changed(name: str, *, environments: tuple[Environment, ...], world: World, clock: Clock) -> Run | None:
    """Tells the merge requests what became of their releases, and starts one that waited. The run that is served."""
    found = split_endpoint(name, names=world.names, environments=[one.name for one in environments])
    endpoint = world.endpoints.find(name) if found else None
    if found is None or endpoint is None or endpoint.status is EndpointStatus.BUSY:
        return None
    model, stage = found
    run = _run_of_version(model, endpoint.version, world)
    for other in _released(model, stage, world):
        _settle(other, endpoint, stage, world, clock)
    environment = next(one for one in environments if one.name == stage)
    for package in world.registry.newest(world.names.package_group(model), approved=True):
        status = _status_in(package, model, stage, world)
        if status is ReleaseStatus.WAITING:
            _deploy(package, model, environment, world, clock)
        if status is not None:
            break
    return run


def _deploy(package: Package, model: str, environment: Environment, world: World, clock: Clock) -> Plan:
    """Plans, notes down what is coming, carries it out."""
    plan = _plan(package, model, environment, world)
    if plan.action is Action.WAIT:
        # The endpoint's next event starts it. That event may have come before this was noted down: look once more.
        _note_down(package, model, environment.name, ReleaseStatus.WAITING, world, clock)
        plan = _plan(package, model, environment, world)
    if plan.action is Action.REPLACE:
        world.endpoints.delete(plan.endpoint)
        plan = _plan(package, model, environment, world)
        if plan.action is not Action.CREATE:
            raise RetryableError(f"{plan.endpoint} has failed and is being deleted; it is created anew after that")
    if plan.action in (Action.CREATE, Action.UPDATE):
        _note_down(package, model, environment.name, ReleaseStatus.DEPLOYING, world, clock)
        _execute(plan, package, environment, world)
    return plan


def _plan(package: Package, model: str, environment: Environment, world: World) -> Plan:
    plan = plan_release(
        model=model,
        environment=environment.name,
        version=package.version,
        endpoint=world.endpoints.find(world.names.endpoint(model, environment.name)),
        names=world.names,
    )
    log.info("%s", plan)
    return plan


def _execute(plan: Plan, package: Package, environment: Environment, world: World) -> None:
    config = world.names.endpoint_config(plan.model, plan.environment, plan.version)
    owned = tags(world.names, plan.model)
    world.endpoints.prepare(
        package,
        config=config,
        model=world.names.sagemaker_model(plan.model, plan.version),
        environment=environment,
        tags=owned,
    )
    if plan.action is Action.CREATE:
        world.endpoints.create(plan.endpoint, config=config, tags=owned)
    else:
        world.endpoints.update(plan.endpoint, config=config)


# The record ---------------------------------------------------------------------------------


def _settle(run: Run, endpoint: Endpoint, stage: str, world: World, clock: Clock) -> None:
    """Brings a run's release up to what the endpoint is now."""
    release = run.releases[stage]
    status = _settled(release, endpoint)
    if status is None or status is release.status:
        return
    reason = endpoint.reason if status in (ReleaseStatus.FAILED, ReleaseStatus.ROLLED_BACK) else ""
    _set_release(run, replace(release, status=status, at=clock(), reason=reason), world)


def _settled(release: Release, endpoint: Endpoint) -> ReleaseStatus | None:
    """What became of a release; None where its turn has not come."""
    if endpoint.version == release.version:
        return ReleaseStatus.SERVING if endpoint.status is EndpointStatus.IN_SERVICE else ReleaseStatus.FAILED
    if release.status in (ReleaseStatus.FAILED, ReleaseStatus.ROLLED_BACK, ReleaseStatus.REPLACED):
        return None
    # Whether this one served for a moment or waited in vain: the endpoint has gone past it.
    if release.status is ReleaseStatus.SERVING or (endpoint.version or 0) > release.version:
        return ReleaseStatus.REPLACED
    # An endpoint that is in service on another config than the one it was asked for went back by itself.
    return ReleaseStatus.ROLLED_BACK if release.status is ReleaseStatus.DEPLOYING else None


def _note_down(package: Package, model: str, stage: str, status: ReleaseStatus, world: World, clock: Clock) -> None:
    run = world.runs.get(model, package.job) if package.job else None
    if run is not None:
        _set_release(run, Release(stage, package.version, status, clock()), world)


def _set_release(run: Run, release: Release, world: World) -> None:
    def change(before: Run | None) -> Run:
        now = before or run
        return replace(now, releases={**now.releases, release.environment: release})

    publish(world.runs.change(run.model, run.job, change), world)


def _released(model: str, stage: str, world: World) -> list[Run]:
    """Runs with a release into `stage`, the newest first, as far back as one that is settled for good."""
    found: list[Run] = []
    for package in world.registry.newest(world.names.package_group(model), approved=True):
        run = world.runs.get(model, package.job) if package.job else None
        if run is None or stage not in run.releases:
            continue
        if found and run.releases[stage].status is ReleaseStatus.REPLACED:
            break
        found.append(run)
    return found


def _status_in(package: Package, model: str, stage: str, world: World) -> ReleaseStatus | None:
    run = world.runs.get(model, package.job) if package.job else None
    release = run.releases.get(stage) if run else None
    return release.status if release else None


def _run_of_version(model: str, version: int | None, world: World) -> Run | None:
    package = world.registry.of_version(world.names.package_group(model), version) if version else None
    return world.runs.get(model, package.job) if package and package.job else None


def _model_of(package: Package, names: Names) -> str | None:
    model = package.group.removeprefix(f"{names.project}-")
    return None if model == package.group else model
