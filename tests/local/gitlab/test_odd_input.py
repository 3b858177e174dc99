"""No request makes the server fail: what it does not take, it refuses."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from local.gitlab.app import create_app
from local.gitlab.instance import Instance
from local.gitlab.records import Project
from local.gitlab.repo import Person
from tests.local.gitlab.support import TOKEN

HEADERS = {"PRIVATE-TOKEN": TOKEN}
ODD = [
    *(None, "", " ", "x", "\0", "\ud800", "-1", -1, 0, 2**70, 1.5, True, [], ["x"], [None], {}, {"links": 5}),
    *("refs/../x", "--output=x", "a..b", "@{u}", ":/", "2020-13-45"),
]
FIELDS = (
    "name", "path", "title", "body", "description", "state", "status", "sha", "ref", "tag", "tag_name", "key", "value",
    "environment", "source_branch", "target_branch", "pipeline_id", "coverage", "target_url", "labels", "assignee_ids",
    "squash", "state_event", "created_at", "released_at", "url", "link_type", "assets", "page", "per_page", "sort",
    "namespace_id", "default_branch", "filter", "variable_type", "protected", "masked", "tier", "username", "iids",
    "internal", "merge_commit_message", "aud", "jobs", "file", "search", "order_by", "all", "visibility",
)  # fmt: skip
USUAL: dict[str, Any] = {
    **{"title": "t", "name": "n", "state": "running", "sha": "main", "status": "running", "ref": "main", "key": "K"},
    **{"path": "p", "tag_name": "t", "body": "b", "url": "https://e.com", "environment": "e", "tag": False, "aud": "a"},
    **{"pipeline_id": 1, "source_branch": "feature", "target_branch": "main", "value": "v"},
}
"""What most requests need, so that an odd value gets past the first check."""
PLACES = {"id": "1", "iid": "1", "note_id": "1", "user_id": "1", "number": "1", "discussion": "x",
          "sha": "main", "branch": "main",
          "tag": "v1", "key": "K", "group": "1", "path": "mergemaker-bot/odd", "secret": "a", "name": "b",
          "service": "info/refs", "filename": "style.css", "rest": "x"}  # fmt: skip


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    state: Path = tmp_path_factory.mktemp("odd")
    made = create_app(state, TOKEN, "http://127.0.0.1:1")
    client = made.test_client()
    for path, fields in (
        ("", {"name": "odd", "initialize_with_readme": "true"}),
        ("/1/releases", {"tag_name": "v1", "ref": "main"}),
        ("/1/statuses/main", {"state": "pending"}),
        ("/1/variables", {"key": "K", "value": "v"}),
        ("/1/issues", {"title": "t"}),
        ("/1/deployments", {"environment": "e", "sha": "main", "ref": "main", "tag": "false", "status": "running"}),
    ):
        assert client.post(f"/api/v4/projects{path}", data=fields, headers=HEADERS).status_code == 201, path
    _branch(made.extensions["gitlab"], "feature")
    request = {"title": "t", "source_branch": "feature", "target_branch": "main"}
    for path, fields in (("", request), ("/1/notes", {"body": "b"})):
        answer = client.post(f"/api/v4/projects/1/merge_requests{path}", data=fields, headers=HEADERS)
        assert answer.status_code == 201, path
    yield made
    made.extensions["gitlab"].store.close()


def _branch(at: Instance, name: str) -> None:
    repo = at.repo(at.store.get(Project, 1))
    parent, tree = repo.branch("main") or "", repo.tree_with({"x": "1", ".gitlab-ci.yml": "{}"})
    repo.set_ref(f"refs/heads/{name}", repo.commit_tree(tree, parents=[parent], message="x", author=Person("a", "a@b")))


def _requests(app: Flask) -> list[tuple[str, str]]:
    with app.test_request_context():
        adapter = app.url_map.bind("127.0.0.1")
        found = sorted(
            {
                (
                    method,
                    adapter.build(
                        rule.endpoint, {**PLACES, **(rule.defaults or {})}, method=method, append_unknown=False
                    ),
                )
                for rule in app.url_map.iter_rules()
                for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}
            }
        )
    # What is deleted can't be asked for odd things any more.
    return sorted(found, key=lambda one: one[0] == "DELETE")


def test_no_odd_value_makes_the_server_fail(app: Flask) -> None:
    client = app.test_client()
    every = _requests(app)
    assert len(every) > 80
    chance = random.Random(1)
    for method, path in every:
        for _ in range(10):
            odd = {name: chance.choice(ODD) for name in chance.sample(FIELDS, 3) + chance.sample(list(USUAL), 1)}
            _expect_no_failure(client, method, path, USUAL | odd)


def _expect_no_failure(client: FlaskClient, method: str, path: str, body: dict[str, object]) -> None:
    query = (
        {name: str(value).encode("utf-8", "replace").decode() for name, value in body.items()}
        if method == "GET"
        else None
    )
    payload = None if method == "GET" else body
    with client.open(path, method=method, json=payload, query_string=query, headers=HEADERS) as answer:
        assert answer.status_code < 500, (method, path, body, answer.get_data(as_text=True)[:300])
