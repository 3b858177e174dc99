"""The rest of the API: who may call, what is refused, and the smaller topics."""

from typing import Any

import gitlab
import pytest
import requests
from gitlab.v4.objects import Project

from tests.local.gitlab.support import TOKEN, Clone, Open


@pytest.mark.parametrize("headers", [{}, {"PRIVATE-TOKEN": "wrong"}, {"Authorization": "Bearer wrong"}])
def test_without_the_token_nothing_is_answered(url: str, headers: dict[str, str]) -> None:
    answer = requests.get(f"{url}/api/v4/projects", headers=headers, timeout=10)
    assert (answer.status_code, answer.json()) == (401, {"message": "401 Unauthorized"})


@pytest.mark.parametrize("headers", [{"PRIVATE-TOKEN": TOKEN}, {"Authorization": f"Bearer {TOKEN}"}])
def test_the_token_comes_in_either_header(url: str, headers: dict[str, str]) -> None:
    answer = requests.get(f"{url}/api/v4/user", headers=headers, timeout=10)
    assert answer.json()["username"] == "mergemaker-bot"


def test_what_is_not_built_is_refused(client: gitlab.Gitlab, project: Project) -> None:
    for path in ("/projects/1/snippets", "/groups", "/nothing", f"/projects/{project.id}/merge_requests/1/approve"):
        with pytest.raises(gitlab.exceptions.GitlabHttpError) as refused:
            client.http_post(path) if path.endswith("approve") else client.http_get(path)
        assert refused.value.response_code == 404


@pytest.mark.parametrize("id_", ["0", "999999", "no%2Fsuch", "..%2F..%2Fetc", "%00"])
def test_an_unknown_project_is_not_found(url: str, id_: str) -> None:
    answer = requests.get(f"{url}/api/v4/projects/{id_}", headers={"PRIVATE-TOKEN": TOKEN}, timeout=10)
    assert (answer.status_code, answer.json()) == (404, {"message": "404 Project Not Found"})


@pytest.mark.parametrize("body", ["{", "[1]", '"x"', "[" * 100_000])
def test_json_that_is_none_is_a_bad_request(url: str, project: Project, body: str) -> None:
    headers = {"PRIVATE-TOKEN": TOKEN, "Content-Type": "application/json"}
    answer = requests.post(f"{url}/api/v4/projects/{project.id}/issues", data=body, headers=headers, timeout=10)
    assert answer.status_code == 400
    assert "error" in answer.json()


@pytest.mark.parametrize("query", [{"page": "x"}, {"page": "-1"}, {"per_page": "-1"}, {"page": "9" * 30}])
def test_pages_are_numbers(client: gitlab.Gitlab, query: dict[str, str]) -> None:
    with pytest.raises(gitlab.exceptions.GitlabHttpError) as refused:
        client.http_get("/projects", query_data=query)
    assert refused.value.response_code == 400


def test_sudo_acts_as_somebody_else(client: gitlab.Gitlab, project: Project) -> None:
    client.users.create({"username": f"grace-{project.id}", "name": "Grace", "email": "g@example.com", "password": "p"})
    issue = project.issues.create({"title": "t"}, sudo=f"grace-{project.id}")
    assert issue.author["name"] == "Grace"
    with pytest.raises(gitlab.exceptions.GitlabCreateError, match="404 User"):
        project.issues.create({"title": "t"}, sudo="nobody")


def test_a_project_lives_in_a_group_once(client: gitlab.Gitlab, project: Project) -> None:
    name = f"team-{project.id}"
    group = client.groups.create({"name": name, "path": name})
    made = client.projects.create({"name": "Models", "namespace_id": group.id})
    assert (made.path_with_namespace, made.default_branch, made.empty_repo) == (f"{name}/models", None, True)
    with pytest.raises(gitlab.exceptions.GitlabCreateError, match="has already been taken"):
        client.projects.create({"name": "models", "namespace_id": group.id})


@pytest.mark.parametrize("path", ["../up", "a b", ".git", "x.git", "-x", "a/b"])
def test_a_project_path_is_a_name(client: gitlab.Gitlab, path: str) -> None:
    with pytest.raises(gitlab.exceptions.GitlabCreateError) as refused:
        client.projects.create({"name": "n", "path": path})
    assert refused.value.response_code == 400


def test_issues_are_opened_found_and_closed(project: Project) -> None:
    issue = project.issues.create({"title": "Token expires", "labels": "mergemaker"})
    issue.state_event = "close"
    issue.save()
    assert [one.iid for one in project.issues.list(state="closed", labels=["mergemaker"], get_all=True)] == [issue.iid]
    assert project.issues.list(state="opened", get_all=True) == []


def test_issues_are_found_by_who_wrote_them_and_by_what_they_say(client: gitlab.Gitlab, project: Project) -> None:
    client.users.create({"username": f"ida-{project.id}", "name": "Ida", "email": "i@example.com", "password": "p"})
    ours = project.issues.create({"title": "One", "description": "<!-- mark -->\n\nours"})
    theirs = project.issues.create({"title": "mark", "description": "theirs"}, sudo=f"ida-{project.id}")

    def found(**asked: Any) -> list[int]:
        return [one.iid for one in project.issues.list(get_all=True, **asked)]

    assert found() == [theirs.iid, ours.iid]
    assert found(sort="asc", order_by="created_at") == [ours.iid, theirs.iid]
    assert found(author_id=ours.author["id"]) == [ours.iid]
    assert found(search="MARK") == [theirs.iid, ours.iid]
    assert found(search="mark", **{"in": "description"}) == [ours.iid]
    assert project.issues.get(ours.iid).description == "<!-- mark -->\n\nours"
    wrongs: list[dict[str, Any]] = [{"in": "labels", "search": "x"}, {"author_id": "me"}, {"sort": "up"}]
    for wrong in wrongs:
        with pytest.raises(gitlab.exceptions.GitlabListError) as refused:
            found(**wrong)
        assert refused.value.response_code == 400


def test_of_a_variable_with_several_scopes_one_must_be_named(project: Project) -> None:
    for scope in ("*", "staging"):
        project.variables.create({"key": "ROLE", "value": scope, "environment_scope": scope})
    with pytest.raises(gitlab.exceptions.GitlabUpdateError, match="multiple variables") as refused:
        project.variables.update("ROLE", {"value": "x"})
    assert refused.value.response_code == 409
    project.variables.update("ROLE", {"value": "x", "filter": {"environment_scope": "staging"}})
    values = {one.environment_scope: one.value for one in project.variables.list(get_all=True)}
    assert values == {"*": "*", "staging": "x"}


def test_a_variable_is_unique_and_maskable(project: Project) -> None:
    project.variables.create({"key": "ROLE", "value": "arn:aws:iam::000000000000:role/x", "masked": True})
    assert project.variables.get("ROLE").masked is True
    for wrong in (
        {"key": "ROLE", "value": "x"},
        {"key": "A B", "value": "x"},
        {"key": "S", "value": "x", "masked": True},
    ):
        with pytest.raises(gitlab.exceptions.GitlabCreateError) as refused:
            project.variables.create(wrong)
        assert refused.value.response_code == 400
    assert len(project.variables.list(get_all=True)) == 1


def test_a_hidden_variable_is_never_shown(project: Project) -> None:
    project.variables.create({"key": "SECRET", "value": "do-not-tell", "masked_and_hidden": True})
    assert project.variables.get("SECRET").value is None


def test_deployments_make_their_environment_and_move_on(open_request: Open, project: Project) -> None:
    given = {"environment": "production", "sha": open_request().sha, "ref": "main", "tag": False, "status": "running"}
    deployment = project.deployments.create(given)
    environment = project.environments.list(get_all=True)[0]
    assert (environment.name, environment.tier, environment.state) == ("production", "production", "available")
    deployment.status = "success"
    deployment.save()
    assert project.environments.get(environment.id).last_deployment["id"] == deployment.id
    with pytest.raises(gitlab.exceptions.GitlabUpdateError, match="Cannot transition"):
        project.deployments.update(deployment.id, {"status": "success"})


def test_a_pipeline_by_api_is_of_a_branch_that_has_ci(project: Project, clone: Clone) -> None:
    made = project.pipelines.create({"ref": "main"})
    assert (made.source, made.ref, made.sha) == ("api", "main", project.branches.get("main").commit["id"])
    assert made.id in [one.id for one in project.pipelines.list(source="api", get_all=True)]
    with pytest.raises(gitlab.exceptions.GitlabCreateError, match="Reference not found"):
        project.pipelines.create({"ref": "no-such"})


def test_a_file_of_a_commit_can_be_read(project: Project, clone: Clone) -> None:
    clone.git("checkout", "-q", "main")
    clone.commit({"models/prices/model.toml": "description = 'ü'\n"}, "A model")
    clone.push("main")
    assert project.files.raw("models/prices/model.toml", ref="main") == "description = 'ü'\n".encode()
    with pytest.raises(gitlab.exceptions.GitlabGetError, match="404 File Not Found"):
        project.files.raw("models/rents/model.toml", ref="main")
    with pytest.raises(gitlab.exceptions.GitlabGetError, match="404"):
        project.files.raw("models/prices/model.toml", ref="no-such")


def test_a_release_makes_its_tag(project: Project) -> None:
    links = [{"name": "model", "url": "https://e.com/m", "link_type": "package"}]
    release = project.releases.create({"tag_name": "m/1", "ref": "main", "assets": {"links": links}})
    head = project.branches.get("main").commit["id"]
    assert release.commit["id"] == project.tags.get("m/1").commit["id"] == head
    with pytest.raises(gitlab.exceptions.GitlabGetError, match="404"):
        project.tags.get("m/2")
    assert release.assets["links"][0]["url"] == "https://e.com/m"
    with pytest.raises(gitlab.exceptions.GitlabCreateError, match="Release already exists") as refused:
        project.releases.create({"tag_name": "m/1", "ref": "main"})
    assert refused.value.response_code == 409
    with pytest.raises(gitlab.exceptions.GitlabCreateError) as unknown:
        project.releases.create({"tag_name": "v9", "ref": "no-such"})
    assert unknown.value.response_code == 422
