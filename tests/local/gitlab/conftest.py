"""A live server on a free port, the real client, and git itself."""

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gitlab
import pytest
import requests
from gitlab.v4.objects import Project, ProjectMergeRequest
from openapi_core import OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse
from openapi_core.exceptions import OpenAPIError
from openapi_core.templating.paths.exceptions import PathError
from werkzeug.serving import make_server

from local.gitlab.__main__ import QuietHandler
from local.gitlab.app import create_app
from tests.local.gitlab.support import TOKEN, Clone

ROOT = Path(__file__).parents[3]
DOCUMENT = ROOT.parent / "shared" / "gitlab-openapi" / "openapi.json"


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with an empty state."""
    server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True, request_handler=QuietHandler)
    address = f"http://127.0.0.1:{server.port}"
    app = create_app(tmp_path_factory.mktemp("gitlab") / "state", TOKEN, address)
    server.app = app
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield address
    server.shutdown()
    thread.join()
    server.server_close()
    app.extensions["gitlab"].store.close()


@pytest.fixture(scope="session")
def contract() -> OpenAPI | None:
    """GitLab's own description of its API; None where it is not on this machine."""
    return OpenAPI.from_dict(_mended(DOCUMENT.read_text())) if DOCUMENT.exists() else None


@pytest.fixture
def exchanges() -> list[tuple[str, str]]:
    """Method and path pattern of all that was checked against GitLab's document."""
    return []


@pytest.fixture
def client(url: str, contract: OpenAPI | None, exchanges: list[tuple[str, str]]) -> Iterator[gitlab.Gitlab]:
    """python-gitlab; each of its requests and answers is checked where GitLab's document is at hand."""
    with gitlab.Gitlab(url, private_token=TOKEN, timeout=20) as made:
        if contract:
            made.session.hooks["response"].append(_checker(contract, exchanges))
        yield made


_numbers = itertools.count(1)


@pytest.fixture
def project(client: gitlab.Gitlab) -> Project:
    """A project of its own for each test; its main branch has a README."""
    name = f"project-{next(_numbers)}"
    made = client.projects.create({"name": name, "initialize_with_readme": True})
    assert isinstance(made, Project)
    return made


@pytest.fixture
def clone(project: Project, tmp_path: Path) -> Clone:
    """On main, with a CI configuration pushed."""
    url = str(project.http_url_to_repo)
    made = Clone(tmp_path / "work", url.replace("//", f"//ada:{TOKEN}@"))
    made.path.mkdir()
    made.git("clone", "--quiet", url, ".")
    made.commit({".gitlab-ci.yml": "job: {script: 'true'}\n"}, "Add CI")
    made.push("main")
    return made


@pytest.fixture
def open_request(project: Project, clone: Clone) -> Callable[..., ProjectMergeRequest]:
    """Pushes a branch with one commit, or several, and opens a merge request of it."""

    def opened(branch: str = "feature", commits: int = 1, **fields: Any) -> ProjectMergeRequest:
        clone.git("fetch", "--quiet", "origin")
        clone.git("checkout", "--quiet", "-B", branch, "origin/main")
        for number in range(commits):
            clone.commit({f"{branch}.txt": f"{number}\n"}, f"Change {number}")
        clone.push(branch, "--force")
        given = {"title": f"Merge {branch}", "source_branch": branch, "target_branch": "main"}
        made = project.mergerequests.create(given | fields)
        assert isinstance(made, ProjectMergeRequest)
        return made

    return opened


@pytest.fixture
def runner(url: str) -> Iterator[requests.Session]:
    """Speaks to /-/runner; give it paths."""
    with _Runner(url) as session:
        session.headers["PRIVATE-TOKEN"] = TOKEN
        yield session


class _Runner(requests.Session):
    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        request.url = f"{self._url}/-/runner/{request.url}"
        return super().prepare_request(request)


def _checker(contract: OpenAPI, seen: list[tuple[str, str]]) -> Callable[..., None]:
    def check(response: requests.Response, *_: object, **__: object) -> None:
        sent = response.request.copy()
        # An upload is streamed, and gone once it is sent.
        streamed = not isinstance(sent.body, str | bytes | None)
        sent.body = None if streamed else sent.body
        request = RequestsOpenAPIRequest(sent)
        answer = RequestsOpenAPIResponse(response)
        try:
            if response.ok:
                if not streamed:
                    contract.validate_request(request)
                contract.validate_response(request, answer)
        except PathError:
            return  # not in the cut
        except OpenAPIError as error:
            causes = getattr(error.__cause__, "schema_errors", None) or [error.__cause__]
            raise AssertionError(
                f"{request.method} {request.path}: {error}: {[str(c)[:300] for c in causes]}"
            ) from None
        seen.append((str(response.request.method), str(response.request.path_url)))

    return check


def _mended(text: str) -> dict[str, Any]:
    """The document with what its README says is wrong put right: nulls, 201 for a status, a body with 204.

    And four fields of a release that it calls strings or single objects: GitLab sends objects and lists.
    """
    document: dict[str, Any] = json.loads(text)
    schemas = document["components"]["schemas"]
    _make_nullable(document)
    for field in ("assets", "_links", "evidences", "milestones"):
        schemas["APIEntitiesRelease"]["properties"].pop(field)
    for path in document["paths"].values():
        for operation in path.values():
            operation.get("responses", {}).get("204", {}).pop("content", None)
    status = document["paths"]["/api/v4/projects/{id}/statuses/{sha}"]["post"]["responses"]
    status["201"] = status["200"]
    # A note of only quick actions: lib/api/helpers/notes_helpers.rb, process_note_creation_result.
    notes = document["paths"]["/api/v4/projects/{id}/merge_requests/{noteable_id}/notes"]["post"]["responses"]
    notes["202"] = {"description": "Only quick actions"}
    return document


def _make_nullable(node: Any) -> None:
    if isinstance(node, dict):
        if isinstance(node.get("type"), str) and "in" not in node and "scheme" not in node:
            node["nullable"] = True
        for child in node.values():
            _make_nullable(child)
    elif isinstance(node, list):
        for child in node:
            _make_nullable(child)
