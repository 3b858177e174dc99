"""Each operation that GitLab's own document describes, and this stand-in has, through the real client.

The client's requests and answers are checked as they pass (`client` in conftest.py).
"""

import json
import re
from pathlib import Path

import gitlab
import pytest
from gitlab.v4.objects import Project

from tests.local.gitlab.support import Open

DOCUMENT = Path(__file__).parents[4] / "shared" / "gitlab-openapi" / "openapi.json"

LATER = ("/status_check", "/ml/mlflow/", "/approval")
"""Not built yet."""


@pytest.mark.skipif(not DOCUMENT.exists(), reason="GitLab's OpenAPI document (../shared/gitlab-openapi) is not here")
def test_every_operation_takes_and_answers_what_gitlab_describes(
    open_request: Open, project: Project, client: gitlab.Gitlab, exchanges: list[tuple[str, str]]
) -> None:
    request = open_request()
    note = request.notes.create({"body": "hello"})
    request.notes.list(get_all=True)
    request.notes.get(note.id)
    note.body = "changed"
    note.save()
    note.delete()
    request.discussions.create({"body": "thread"})
    request.discussions.list(get_all=True)
    commit = project.commits.get(request.sha)
    commit.statuses.create({"state": "pending", "name": "n", "coverage": 1.5})
    commit.statuses.list(get_all=True)
    commit.merge_requests()
    project.upload("a.png", filedata=b"\x89PNG")
    release = project.releases.create({"tag_name": "v1", "ref": "main", "description": "d"})
    release.links.create({"name": "l", "url": "https://e.com"})
    release.links.list(get_all=True)
    release.description = "other"
    release.save()
    project.releases.get("v1")
    project.releases.list(get_all=True)
    project.mergerequests.list(get_all=True)
    project.mergerequests.get(request.iid)
    request.title = "Other"
    request.save()
    variable = project.variables.create({"key": "K", "value": "v"})
    project.variables.list(get_all=True)
    project.variables.get("K")
    variable.value = "w"
    variable.save()
    project.environments.create({"name": "staging"})
    deployment = project.deployments.create(
        {"environment": "staging", "sha": request.sha, "ref": "main", "tag": False, "status": "running"}
    )
    deployment.status = "success"
    deployment.save()
    project.environments.list(get_all=True)
    project.deployments.list(get_all=True)

    described = [
        (method.upper(), path)
        for path, operations in json.loads(DOCUMENT.read_text())["paths"].items()
        for method in operations
        if not any(part in path for part in LATER)
    ]
    missing = [one for one in described if not any(_is(one, seen) for seen in exchanges)]
    assert missing == []


def _is(operation: tuple[str, str], seen: tuple[str, str]) -> bool:
    pattern = re.sub(r"\{\w+\}", "[^/]+", operation[1])
    return operation[0] == seen[0] and bool(re.fullmatch(pattern, seen[1].partition("?")[0]))
