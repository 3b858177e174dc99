"""Environments and deployments."""

import re

from local.gitlab.api.answers import Answer, ApiError, bad_request, created, not_found
from local.gitlab.api.paging import paged
from local.gitlab.api.present import Json, user_basic
from local.gitlab.api.routing import Call, Routes
from local.gitlab.predefined import slug
from local.gitlab.records import Deployment, Environment, now
from local.gitlab.store import Where

routes = Routes()
_ENVIRONMENTS = "/projects/<part:id>/environments"
_DEPLOYMENTS = "/projects/<part:id>/deployments"
_TIERS = ("production", "staging", "testing", "development", "other")
_STATES = ("created", "running", "success", "failed", "canceled", "skipped", "blocked")
_NAME = re.compile(r"[A-Za-z0-9_/$ {}.-]{1,255}")


@routes("GET", _ENVIRONMENTS)
def list_environments(call: Call) -> Answer:
    where: Where = {"project": call.project.id}
    if name := call.params.text("name"):
        where["name"] = name
    if state := call.params.one_of("states", ("available", "stopping", "stopped")):
        where["state"] = state
    wanted = (call.params.text("search") or "").lower()
    rows = [one for one in call.at.store.all(Environment, **where) if wanted in one.name.lower()]
    return paged(call, rows, lambda one: _environment(call, one))


@routes("POST", _ENVIRONMENTS)
def create_environment(call: Call) -> Answer:
    name = call.params.need("name")
    if call.at.store.first(Environment, project=call.project.id, name=name):
        raise bad_request({"name": ["has already been taken"], "slug": ["has already been taken"]})
    return created(_environment(call, _make(call, name)))


@routes("GET", f"{_ENVIRONMENTS}/<int:number>")
def get_environment(call: Call, number: int) -> Json:
    return _environment(call, _find(call, number))


@routes("PUT", f"{_ENVIRONMENTS}/<int:number>")
def update_environment(call: Call, number: int) -> Json:
    changes: dict[str, object] = {"updated_at": now()}
    for name in ("external_url", "description"):
        if call.params.has(name):
            changes[name] = call.params.text(name)
    if call.params.has("tier"):
        changes["tier"] = call.params.one_of("tier", _TIERS)
    return _environment(call, call.at.store.change(_find(call, number), **changes))


@routes("POST", f"{_ENVIRONMENTS}/<int:number>/stop")
def stop_environment(call: Call, number: int) -> Answer:
    stopped = call.at.store.change(_find(call, number), state="stopped", updated_at=now())
    return Answer(_environment(call, stopped))


@routes("GET", _DEPLOYMENTS)
def list_deployments(call: Call) -> Answer:
    where: Where = {"project": call.project.id}
    if state := call.params.one_of("status", _STATES):
        where["status"] = state
    rows = call.at.store.all(Deployment, **where)
    if name := call.params.text("environment"):
        rows = [one for one in rows if call.at.store.get(Environment, one.environment).name == name]
    order = call.params.one_of("order_by", ("id", "iid", "created_at", "updated_at", "ref"), "id") or "id"
    newest = call.params.one_of("sort", ("asc", "desc"), "asc") == "desc"
    rows = sorted(rows, key=lambda one: (getattr(one, order), one.id), reverse=newest)
    return paged(call, rows, lambda one: _deployment(call, one))


@routes("POST", _DEPLOYMENTS)
def create_deployment(call: Call) -> Answer:
    """Makes the environment, too, if it is not there."""
    given, at = call.params, call.at
    given.require("environment", "sha", "ref", "tag", "status")
    name, ref = given.need("environment"), given.need("ref")
    sha = at.repo(call.project).resolve(given.need("sha"))
    state = given.one_of("status", _STATES[1:5]) or "running"
    if not sha:
        raise bad_request({"sha": ["The commit does not exist"]})
    environment = at.store.first(Environment, project=call.project.id, name=name) or _make(call, name)
    if environment.state != "available":
        environment = at.store.change(environment, state="available", updated_at=now())
    deployment = Deployment(
        id=0,
        project=call.project.id,
        iid=at.store.next_iid(Deployment, call.project.id),
        environment=environment.id,
        sha=sha,
        ref=ref,
        tag=given.flag("tag"),
        status=state,
        user=call.user.id,
        created_at=now(),
        updated_at=now(),
    )
    return created(_deployment(call, at.store.add(deployment)))


@routes("GET", f"{_DEPLOYMENTS}/<int:number>")
def get_deployment(call: Call, number: int) -> Json:
    return _deployment(call, _find_deployment(call, number))


@routes("PUT", f"{_DEPLOYMENTS}/<int:number>")
def update_deployment(call: Call, number: int) -> Json:
    call.params.require("status")
    state = call.params.one_of("status", _STATES[1:5])
    found = _find_deployment(call, number)
    if state == found.status:
        raise ApiError(400, message=f"Cannot transition status via :{_EVENTS[state]} from :{state}")
    return _deployment(call, call.at.store.change(found, status=state, updated_at=now()))


_EVENTS = {"running": "run", "success": "succeed", "failed": "drop", "canceled": "cancel"}


def _find(call: Call, number: int) -> Environment:
    found = call.at.store.first(Environment, id=number, project=call.project.id)
    if found is None:
        raise not_found("Environment")
    return found


def _find_deployment(call: Call, number: int) -> Deployment:
    found = call.at.store.first(Deployment, id=number, project=call.project.id)
    if found is None:
        raise not_found("Deployment")
    return found


def _make(call: Call, name: str) -> Environment:
    if not _NAME.fullmatch(name):
        raise bad_request({"name": ["can contain only letters, digits, '-', '_', '/', '$', '{', '}', '.', and spaces"]})
    guessed = next((tier for tier in _TIERS if tier[:4] in name.lower()), "other")
    return call.at.store.add(
        Environment(
            id=0,
            project=call.project.id,
            name=name,
            slug=slug(name)[:24],
            external_url=call.params.text("external_url"),
            state="available",
            tier=call.params.one_of("tier", _TIERS, guessed) or guessed,
            description=call.params.text("description"),
            created_at=now(),
            updated_at=now(),
        )
    )


def _basic(environment: Environment) -> Json:
    return {
        "id": environment.id,
        "name": environment.name,
        "slug": environment.slug,
        "external_url": environment.external_url,
        "created_at": environment.created_at,
        "updated_at": environment.updated_at,
    }


def _environment(call: Call, environment: Environment) -> Json:
    last = call.at.store.first(Deployment, newest=True, environment=environment.id, status="success")
    return _basic(environment) | {
        "tier": environment.tier,
        "state": environment.state,
        "description": environment.description,
        "auto_stop_at": None,
        "auto_stop_setting": "always",
        "last_deployment": _deployment(call, last) if last else None,
    }


def _deployment(call: Call, deployment: Deployment) -> Json:
    return {
        "id": deployment.id,
        "iid": deployment.iid,
        "ref": deployment.ref,
        "sha": deployment.sha,
        "status": deployment.status,
        "created_at": deployment.created_at,
        "updated_at": deployment.updated_at,
        "user": user_basic(call.at, deployment.user),
        "environment": _basic(call.at.store.get(Environment, deployment.environment)),
        "deployable": None,
    }
