"""CI/CD variables of a project."""

import re

from local.gitlab.api.answers import Answer, bad_request, conflict, created, gone, not_found
from local.gitlab.api.paging import paged
from local.gitlab.api.present import Json
from local.gitlab.api.routing import Call, Routes
from local.gitlab.records import Variable
from local.gitlab.store import Where

routes = Routes()
_LIST = "/projects/<part:id>/variables"
_TYPES = ("env_var", "file")
_MASKABLE = re.compile(r"[A-Za-z0-9+/=@:.~_%-]{8,}")
_FLAGS = ("protected", "masked", "raw")


@routes("GET", _LIST)
def list_variables(call: Call) -> Answer:
    return paged(call, call.at.store.all(Variable, project=call.project.id), _variable)


@routes("POST", _LIST)
def create_variable(call: Call) -> Answer:
    given = call.params
    key, scope = given.need("key"), given.text("environment_scope") or "*"
    if not re.fullmatch(r"[A-Za-z0-9_]{1,255}", key):
        raise bad_request({"key": ["can contain only letters, digits and '_'."]})
    if call.at.store.first(Variable, project=call.project.id, key=key, environment_scope=scope):
        raise bad_request({"key": [f"({key}) has already been taken"]})
    hidden = given.flag("masked_and_hidden")
    variable = Variable(
        id=0,
        project=call.project.id,
        key=key,
        value=given.need("value"),
        variable_type=given.one_of("variable_type", _TYPES, "env_var") or "env_var",
        protected=given.flag("protected"),
        masked=given.flag("masked") or hidden,
        hidden=hidden,
        raw=given.flag("raw"),
        environment_scope=scope,
        description=given.text("description"),
    )
    _check(variable)
    return created(_variable(call.at.store.add(variable)))


@routes("GET", f"{_LIST}/<part:key>")
def get_variable(call: Call, key: str) -> Json:
    return _variable(_find(call, key))


@routes("PUT", f"{_LIST}/<part:key>")
def update_variable(call: Call, key: str) -> Json:
    given, variable = call.params, _find(call, key)
    changes: dict[str, object] = {name: given.flag(name) for name in _FLAGS if given.has(name)}
    for name in ("value", "environment_scope", "description"):
        if given.has(name):
            changes[name] = given.text(name)
    if given.has("variable_type"):
        changes["variable_type"] = given.one_of("variable_type", _TYPES)
    changed = call.at.store.change(variable, **changes) if changes else variable
    _check(changed)
    return _variable(changed)


@routes("DELETE", f"{_LIST}/<part:key>")
def delete_variable(call: Call, key: str) -> Answer:
    call.at.store.remove(_find(call, key))
    return gone()


def _check(variable: Variable) -> None:
    if variable.masked and not _MASKABLE.fullmatch(variable.value):
        raise bad_request({"value": ["is invalid"]})


def _find(call: Call, key: str) -> Variable:
    scope = (call.params.values.get("filter") or {}) if isinstance(call.params.values.get("filter"), dict) else {}
    wanted = scope.get("environment_scope") or call.params.text("filter[environment_scope]")
    where: Where = {"environment_scope": str(wanted)} if wanted else {}
    found = call.at.store.all(Variable, project=call.project.id, key=key, **where)
    if not found:
        raise not_found("Variable")
    if len(found) > 1:
        raise conflict("There are multiple variables with provided parameters. Please use 'filter[environment_scope]'")
    return found[0]


def _variable(variable: Variable) -> Json:
    return {
        "variable_type": variable.variable_type,
        "key": variable.key,
        "value": None if variable.hidden else variable.value,
        "hidden": variable.hidden,
        "protected": variable.protected,
        "masked": variable.masked,
        "raw": variable.raw,
        "environment_scope": variable.environment_scope,
        "description": variable.description,
    }
