"""Releases and their links."""

from local.gitlab.api.answers import Answer, ApiError, bad_parameter, bad_request, created, gone, not_found
from local.gitlab.api.paging import paged
from local.gitlab.api.params import Params
from local.gitlab.api.present import Json, commit, user_basic
from local.gitlab.api.routing import Call, Routes
from local.gitlab.records import Release, ReleaseLink, now
from local.gitlab.repo import GitError

routes = Routes()
_LIST = "/projects/<part:id>/releases"
_ONE = f"{_LIST}/<part:tag>"
_LINKS = f"{_ONE}/assets/links"
_TYPES = ("other", "runbook", "image", "package")


@routes("GET", _LIST)
def list_releases(call: Call) -> Answer:
    rows = call.at.store.all(Release, project=call.project.id)
    newest = call.params.one_of("sort", ("asc", "desc"), "desc") == "desc"
    order = call.params.one_of("order_by", ("released_at", "created_at"), "released_at") or "released_at"
    rows = sorted(rows, key=lambda release: (getattr(release, order), release.id), reverse=newest)
    return paged(call, rows, lambda release: _release(call, release))


@routes("POST", _LIST)
def create_release(call: Call) -> Answer:
    given, at = call.params, call.at
    tag = given.need("tag_name")
    if at.store.first(Release, project=call.project.id, tag_name=tag):
        raise ApiError(409, message="Release already exists")
    release = Release(
        id=0,
        project=call.project.id,
        tag_name=tag,
        name=given.text("name") or tag,
        description=given.text("description"),
        sha=_tagged(call, tag),
        author=call.user.id,
        created_at=now(),
        released_at=given.time("released_at") or now(),
    )
    release = at.store.add(release)
    for link in _given_links(call):
        _add_link(call, release, link)
    return created(_release(call, release))


@routes("GET", _ONE)
def get_release(call: Call, tag: str) -> Json:
    return _release(call, _find(call, tag))


@routes("PUT", _ONE)
def update_release(call: Call, tag: str) -> Json:
    names = ("name", "description")
    changes: dict[str, object] = {name: call.params.text(name) for name in names if call.params.has(name)}
    if time := call.params.time("released_at"):
        changes["released_at"] = time
    release = _find(call, tag)
    return _release(call, call.at.store.change(release, **changes) if changes else release)


@routes("DELETE", _ONE)
def delete_release(call: Call, tag: str) -> Answer:
    release = _find(call, tag)
    for link in call.at.store.all(ReleaseLink, release=release.id):
        call.at.store.remove(link)
    call.at.store.remove(release)
    return Answer(_release(call, release))


@routes("GET", _LINKS)
def list_links(call: Call, tag: str) -> Answer:
    rows = call.at.store.all(ReleaseLink, newest=True, release=_find(call, tag).id)
    return paged(call, rows, lambda link: _link(call, tag, link))


@routes("POST", _LINKS)
def create_link(call: Call, tag: str) -> Answer:
    return created(_link(call, tag, _add_link(call, _find(call, tag), call.params.values)))


@routes("DELETE", f"{_LINKS}/<int:number>")
def delete_link(call: Call, tag: str, number: int) -> Answer:
    found = call.at.store.first(ReleaseLink, id=number, release=_find(call, tag).id)
    if found is None:
        raise not_found("Release Link")
    call.at.store.remove(found)
    return gone()


def _tagged(call: Call, tag: str) -> str:
    """The tag's commit; a tag that is not there is made at ``ref``."""
    repo = call.at.repo(call.project)
    if sha := repo.resolve(f"refs/tags/{tag}"):
        return sha
    ref = call.params.text("ref")
    if not ref:
        raise ApiError(422, message="Ref is not specified")
    sha = repo.resolve(ref)
    if not sha:
        raise ApiError(422, message="Target " + ref + " is invalid")
    try:
        repo.run("check-ref-format", f"refs/tags/{tag}")
        repo.set_ref(f"refs/tags/{tag}", sha)
    except GitError:
        raise ApiError(422, message="Tag name invalid") from None
    return sha


def _given_links(call: Call) -> list[Json]:
    assets = call.params.values.get("assets") or {}
    links = assets.get("links") or [] if isinstance(assets, dict) else None
    if not isinstance(links, list) or not all(isinstance(link, dict) for link in links):
        raise bad_parameter("assets is invalid")
    return links


def _add_link(call: Call, release: Release, given: Json) -> ReleaseLink:
    params = Params(given)
    name, url = params.need("name"), params.need("url")
    if not url.startswith(("http://", "https://", "ftp://")):
        raise bad_request({"url": ["is blocked: Only allowed schemes are http, https, ftp"]})
    for other in call.at.store.all(ReleaseLink, release=release.id):
        for field, value in (("name", name), ("url", url)):
            if getattr(other, field) == value:
                raise bad_request({field: ["has already been taken"]})
    return call.at.store.add(
        ReleaseLink(
            id=0,
            project=release.project,
            release=release.id,
            name=name,
            url=url,
            link_type=params.one_of("link_type", _TYPES, "other") or "other",
            direct_asset_path=params.text("direct_asset_path") or params.text("filepath"),
        )
    )


def _find(call: Call, tag: str) -> Release:
    found = call.at.store.first(Release, project=call.project.id, tag_name=tag)
    if found is None:
        raise ApiError(404, message="404 Not Found")
    return found


def _link(call: Call, tag: str, link: ReleaseLink) -> Json:
    base = f"{call.at.project_url(call.project)}/-/releases/{tag}/downloads"
    return {
        "id": link.id,
        "name": link.name,
        "url": link.url,
        "direct_asset_url": f"{base}{link.direct_asset_path}" if link.direct_asset_path else link.url,
        "link_type": link.link_type,
    }


def _release(call: Call, release: Release) -> Json:
    tag, base = release.tag_name, call.at.project_url(call.project)
    found = call.at.repo(call.project).commit(release.sha)
    links = call.at.store.all(ReleaseLink, newest=True, release=release.id)
    return {
        "name": release.name,
        "tag_name": tag,
        "description": release.description,
        "created_at": release.created_at,
        "released_at": release.released_at,
        "upcoming_release": release.released_at > now(),
        "author": user_basic(call.at, release.author),
        "commit": commit(call.at, call.project, found) if found else None,
        "milestones": [],
        "commit_path": f"/{call.project.path}/-/commit/{release.sha}",
        "tag_path": f"/{call.project.path}/-/tags/{tag}",
        "assets": {"count": len(links), "sources": [], "links": [_link(call, tag, link) for link in links]},
        "evidences": [],
        "_links": {"self": f"{base}/-/releases/{tag}"},
    }
