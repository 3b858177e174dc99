"""What an approval and an endpoint's change mean: the endpoint serves what was approved, and the merge request hears.

A plan is made, logged, then carried out. All of it may be repeated: models and configs are named by version, an
endpoint that serves what was released later is left alone, and a release's record says what SageMaker says. People are
told last: an endpoint does not wait for GitLab.
"""

import logging
from dataclasses import replace
from functools import partial
from itertools import islice

from mergemaker.domain import about
from mergemaker.domain.errors import RetryableError, ServiceError
from mergemaker.domain.release import (
    Action,
    Approval,
    Endpoint,
    EndpointStatus,
    Package,
    Plan,
    contradiction,
    plan_release,
    split_endpoint,
)
from mergemaker.domain.run import Release, ReleaseStatus, Run, Status
from mergemaker.domain.settings import Environment
from mergemaker.ports import Clock, World
from mergemaker.steps.publish import each, publish
from mergemaker.steps.report import tags

log = logging.getLogger(__name__)

LOOK_BACK = 20
"""Approved packages, the newest first, whose releases an endpoint's change may settle."""


def package_changed(arn: str, *, environments: tuple[Environment, ...], world: World, clock: Clock) -> Plan | None:
    """Releases a package that was approved. None if there is nothing to do with it."""
    package = world.registry.find(arn)
    if package is None or package.project != world.names.project or package.approval is not Approval.APPROVED:
        return None
    stage = package.stage or environments[0].name
    environment = next((one for one in environments if one.name == stage), None)
    if environment is None:
        log.warning("package %s is approved for %r, which is no environment", arn, stage)
        return None
    plan = _deploy(package, environment, world, clock)
    run = _run_of(package, world)
    if run is not None and stage in run.releases:
        publish(run, world)
    return plan


def endpoint_changed(name: str, *, environments: tuple[Environment, ...], world: World, clock: Clock) -> list[Run]:
    """Tells the merge requests what became of their releases, and starts one that waited. The runs it was about."""
    found = split_endpoint(name, names=world.names, environments=[one.name for one in environments])
    endpoint = world.endpoints.find(name) if found else None
    if found is None or endpoint is None or endpoint.status in (EndpointStatus.BUSY, EndpointStatus.DELETING):
        return []
    model, stage = found
    environment = next(one for one in environments if one.name == stage)
    version = endpoint.version
    live = world.registry.of_version(world.names.package_group(model), version) if version else None
    waiting, runs = [], []
    for package, before in _released(model, stage, world):
        overtaken = live is not None and live.supersedes(package)
        run = _settle(before, endpoint, stage, overtaken=overtaken, world=world, clock=clock)
        runs.append(run)
        if run.releases[stage].status is ReleaseStatus.WAITING:
            waiting.append(package)
    for package in waiting:
        if not any(other.supersedes(package) for other in waiting):
            _deploy(package, environment, world, clock)
    each(partial(publish, run, world) for run in runs)
    return runs


def _deploy(package: Package, environment: Environment, world: World, clock: Clock) -> Plan:
    """Plans, notes down what is coming, and carries it out."""
    if package.job:
        about.turn_to(package.job, package.model, package.merge_request)
    plan = _plan(package, environment, world)
    if plan.action is Action.WAIT:
        # The endpoint's next event starts it. That event may have come before this was noted down: look once more.
        _note_down(plan, ReleaseStatus.WAITING, world, clock)
        plan = _plan(package, environment, world)
    if plan.action is Action.REPLACE:
        world.endpoints.delete(plan.endpoint)
        plan = _plan(package, environment, world)
        if plan.action is not Action.CREATE:
            raise RetryableError(f"{plan.endpoint} is being deleted; it is created anew after that")
    if plan.action is Action.REFUSE:
        _note_down(plan, ReleaseStatus.FAILED, world, clock, reason=plan.why)
    if plan.action in (Action.CREATE, Action.UPDATE):
        _carry_out(plan, environment, world, clock)
    if plan.action is Action.LEAVE:
        _note_down(plan, ReleaseStatus.REPLACED, world, clock, only=ReleaseStatus.WAITING)
    if plan.action is Action.NOTHING:
        # If it still waits, SageMaker took the change, and its answer was lost.
        _note_down(plan, ReleaseStatus.DEPLOYING, world, clock, only=ReleaseStatus.WAITING)
    return plan


def _plan(package: Package, environment: Environment, world: World) -> Plan:
    endpoint = world.endpoints.find(world.names.endpoint(package.model, environment.name))
    version = endpoint.target_version if endpoint else None
    target = world.registry.of_version(package.group, version) if version else None
    plan = plan_release(package, environment=environment.name, endpoint=endpoint, target=target, names=world.names)
    if plan.action not in (Action.NOTHING, Action.LEAVE, Action.REFUSE):
        why = contradiction(package, _reported(package, world))
        plan = replace(plan, action=Action.REFUSE, why=why) if why else plan
    log.log(logging.WARNING if plan.action is Action.REFUSE else logging.INFO, "%s", plan)
    return plan


def _reported(package: Package, world: World) -> Run | None:
    """The run that the package is of. Raises RetryableError while the report function has not written down which
    package it made."""
    run = _run_of(package, world)
    if run is not None and run.status is Status.COMPLETED and run.version is None:
        raise RetryableError(f"run {run.job} is still being reported")
    return run


def _carry_out(plan: Plan, environment: Environment, world: World, clock: Clock) -> None:
    """A failure that passes leaves the release waiting, and comes again; one that stays is told with its reason.

    It is deploying only once SageMaker has said so: else an endpoint that stays as it was would look rolled back.
    """
    _note_down(plan, ReleaseStatus.WAITING, world, clock)
    try:
        _execute(plan, environment, world)
    except RetryableError:
        raise
    except ServiceError as error:
        _note_down(plan, ReleaseStatus.FAILED, world, clock, reason=str(error))
    else:
        # Its end may have been noted down already.
        _note_down(plan, ReleaseStatus.DEPLOYING, world, clock, only=ReleaseStatus.WAITING)


def _execute(plan: Plan, environment: Environment, world: World) -> None:
    model, version = plan.package.model, plan.package.version
    config = world.names.endpoint_config(model, plan.environment, version)
    owned = tags(world.names, model)
    world.endpoints.prepare(
        plan.package,
        config=config,
        model=world.names.sagemaker_model(model, version),
        environment=environment,
        tags=owned,
    )
    world.watch.over(plan.endpoint, tags=owned)  # first: an endpoint that nobody watches does not change
    if plan.action is Action.CREATE:
        world.endpoints.create(plan.endpoint, config=config, tags=owned)
    else:
        world.endpoints.update(plan.endpoint, config=config)


# The record ---------------------------------------------------------------------------------


def _settle(run: Run, endpoint: Endpoint, stage: str, *, overtaken: bool, world: World, clock: Clock) -> Run:
    """Brings a run's release up to what the endpoint is now."""
    release = run.releases[stage]
    status = _settled(release, endpoint, overtaken=overtaken)
    if status is release.status:
        return run
    failed = status in (ReleaseStatus.FAILED, ReleaseStatus.ROLLED_BACK)
    reason = endpoint.reason if failed else ""
    return _set_release(run, replace(release, status=status, at=clock(), reason=reason), world)


def _settled(release: Release, endpoint: Endpoint, *, overtaken: bool) -> ReleaseStatus:
    """What became of a release. `overtaken`: what the endpoint serves was released later."""
    in_service = endpoint.status is EndpointStatus.IN_SERVICE
    if endpoint.version == release.version:
        return ReleaseStatus.SERVING if in_service else ReleaseStatus.FAILED
    if release.status is ReleaseStatus.SERVING:
        return ReleaseStatus.REPLACED
    if release.status is not ReleaseStatus.DEPLOYING:
        return release.status
    if overtaken:
        # The event of its own end came after the next change had begun.
        return ReleaseStatus.REPLACED
    # An endpoint that is in service on an older config than the one it was asked for went back by itself.
    return ReleaseStatus.ROLLED_BACK if in_service else ReleaseStatus.FAILED


def _note_down(
    plan: Plan,
    status: ReleaseStatus,
    world: World,
    clock: Clock,
    *,
    reason: str = "",
    only: ReleaseStatus | None = None,
) -> None:
    """`only`: where that is its status now."""
    run = _run_of(plan.package, world)
    if run is not None:
        release = Release(plan.environment, plan.package.version, status, clock(), reason)
        _set_release(run, release, world, only=only)


def _set_release(run: Run, release: Release, world: World, *, only: ReleaseStatus | None = None) -> Run:
    def change(before: Run | None) -> Run:
        now = before or run
        found = now.releases.get(release.environment)
        if only and (found is None or found.status is not only):
            return now
        return replace(now, releases={**now.releases, release.environment: release})

    return world.runs.change(run.model, run.job, change)


def _released(model: str, stage: str, world: World) -> list[tuple[Package, Run]]:
    """Packages with a release into `stage`, and their runs, the newest first."""
    newest = islice(world.registry.newest(world.names.package_group(model), approved=True), LOOK_BACK)
    ours = [package for package in newest if package.project == world.names.project]
    runs = [(package, _run_of(package, world)) for package in ours]
    return [(package, run) for package, run in runs if run is not None and stage in run.releases]


def _run_of(package: Package, world: World) -> Run | None:
    return world.runs.get(package.model, package.job) if package.job else None
