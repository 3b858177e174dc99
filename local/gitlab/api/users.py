"""Users and groups, as much of them as projects need."""

from local.gitlab.api.answers import Answer, ApiError, bad_parameter, created, not_found
from local.gitlab.api.paging import paged
from local.gitlab.api.present import Json, user_json
from local.gitlab.api.routing import Call, Routes
from local.gitlab.predefined import VERSION
from local.gitlab.projects import PATH
from local.gitlab.records import Namespace, User, now
from local.gitlab.store import Where

routes = Routes()


@routes("GET", "/user")
def me(call: Call) -> Json:
    return user_json(call.at, call.user) | {"bot": call.user.bot, "is_admin": True}


@routes("GET", "/version")
def version(_: Call) -> Json:
    return {"version": VERSION, "revision": "laptop"}


@routes("GET", "/users")
def list_users(call: Call) -> Answer:
    name = call.params.text("username")
    where: Where = {"username": name} if name else {}
    return paged(call, call.at.store.all(User, newest=True, **where), lambda user: user_json(call.at, user))


@routes("POST", "/users")
def create_user(call: Call) -> Answer:
    username = call.params.need("username")
    if not PATH.fullmatch(username):
        raise bad_parameter("username is invalid")
    if call.at.store.first(Namespace, path=username):
        raise ApiError(409, message="Username has already been taken")
    user = call.at.user_named(username)
    return created(user_json(call.at, call.at.store.change(user, name=call.params.text("name") or user.name)))


@routes("POST", "/groups")
def create_group(call: Call) -> Answer:
    path = call.params.need("path")
    if not PATH.fullmatch(path):
        raise bad_parameter("path is invalid")
    if call.at.store.first(Namespace, path=path):
        raise ApiError(400, message='Failed to save group {:path=>["has already been taken"]}')
    name = call.params.need("name")
    group = call.at.store.add(Namespace(id=0, path=path, name=name, kind="group", created_at=now()))
    return created(_group(call, group))


@routes("GET", "/groups/<part:group>")
def get_group(call: Call, group: str) -> Json:
    where: Where = {"id": int(group)} if group.isdecimal() else {"path": group}
    found = next(iter(call.at.store.all(Namespace, kind="group", **where)), None)
    if found is None:
        raise not_found("Group")
    return _group(call, found)


def _group(call: Call, group: Namespace) -> Json:
    return {
        "id": group.id,
        "name": group.name,
        "path": group.path,
        "full_name": group.name,
        "full_path": group.path,
        "parent_id": None,
        "visibility": "private",
        "web_url": f"{call.at.url}/groups/{group.path}",
        "created_at": group.created_at,
    }
