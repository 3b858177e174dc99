"""Commit statuses and the pipelines they join."""

from typing import Any

import gitlab
import pytest
import requests
from gitlab.v4.objects import Project

from local.gitlab.pipelines import composite
from tests.local.gitlab.support import Clone, Open


def _set(project: Project, sha: str, state: str, **fields: Any) -> dict[str, Any]:
    made = project.commits.get(sha, lazy=True).statuses.create({"state": state, "name": "mergemaker/m", **fields})
    return dict(made.attributes)


def test_a_status_joins_the_pipeline_it_names(open_request: Open, project: Project) -> None:
    request = open_request()
    pipeline = request.head_pipeline["id"]
    status = _set(project, request.sha, "pending", pipeline_id=pipeline, description="waiting", coverage=81.5)
    assert (status["pipeline_id"], status["ref"]) == (pipeline, f"refs/merge-requests/{request.iid}/head")
    assert (status["status"], status["description"], status["coverage"]) == ("pending", "waiting", 81.5)
    assert [one.name for one in project.commits.get(request.sha).statuses.list(get_all=True)] == ["mergemaker/m"]


def test_without_a_pipeline_it_joins_the_newest_of_the_commit(open_request: Open, project: Project) -> None:
    request = open_request()
    assert _set(project, request.sha, "pending")["pipeline_id"] == request.head_pipeline["id"]


def test_with_the_branch_as_ref_it_opens_a_second_pipeline(open_request: Open, project: Project) -> None:
    """The trap: a merge request's pipeline has another ref than its branch."""
    request = open_request()
    status = _set(project, request.sha, "pending", ref=request.source_branch)
    opened = project.pipelines.get(status["pipeline_id"])
    assert opened.id != request.head_pipeline["id"]
    assert (opened.source, opened.ref, opened.status) == ("external", "feature", "pending")


def test_a_running_status_is_updated_in_place(open_request: Open, project: Project) -> None:
    request = open_request()
    ids = {_set(project, request.sha, state)["id"] for state in ("pending", "running", "success")}
    assert len(ids) == 1


def test_a_finished_status_is_followed_by_a_new_one(open_request: Open, project: Project) -> None:
    request = open_request()
    first, second = _set(project, request.sha, "failed"), _set(project, request.sha, "success")
    statuses = project.commits.get(request.sha).statuses
    assert first["id"] != second["id"]
    assert [one.id for one in statuses.list(get_all=True)] == [second["id"]]
    assert [one.id for one in statuses.list(all=True, get_all=True)] == [first["id"], second["id"]]


@pytest.mark.parametrize(
    ("before", "after", "event"),
    [("pending", "pending", "enqueue"), ("running", "running", "run"), ("running", "pending", "enqueue")],
)
def test_a_status_does_not_go_where_it_is(
    open_request: Open, project: Project, before: str, after: str, event: str
) -> None:
    request = open_request()
    _set(project, request.sha, before)
    with pytest.raises(gitlab.exceptions.GitlabCreateError) as refused:
        _set(project, request.sha, after)
    assert refused.value.response_code == 400
    assert str(refused.value.error_message) == (
        f'Cannot transition status via :{event} from :{before} (Reason(s): Status cannot transition via "{event}")'
    )


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        ({"state": "done"}, 400, "state does not have a valid value"),
        ({"pipeline_id": 99999}, 404, "404 Pipeline for pipeline_id, sha and ref Not Found"),
        ({"pipeline_id": "many"}, 400, "pipeline_id is invalid"),
        ({"target_url": "javascript:alert(1)"}, 400, "Only allowed schemes are http, https"),
        ({"description": "x" * 256}, 400, "is too long"),
    ],
)
def test_a_wrong_status_is_refused(
    open_request: Open, project: Project, url: str, fields: dict[str, Any], code: int, message: str
) -> None:
    request = open_request()
    with pytest.raises(gitlab.exceptions.GitlabCreateError) as refused:
        _set(project, request.sha, **({"state": "pending"} | fields))
    assert refused.value.response_code == code
    assert message in str(refused.value.error_message)


def test_an_unknown_commit_has_no_status(project: Project) -> None:
    with pytest.raises(gitlab.exceptions.GitlabCreateError, match="404 Commit Not Found"):
        _set(project, "0" * 40, "pending")


def test_a_status_decides_with_the_runner_whether_the_pipeline_passed(
    open_request: Open, project: Project, runner: requests.Session
) -> None:
    request = open_request()
    number = request.head_pipeline["id"]
    project.only_allow_merge_if_pipeline_succeeds = True
    project.save()
    _set(project, request.sha, "pending")
    runner.put(f"pipelines/{number}", json={"status": "success"}).raise_for_status()
    assert project.pipelines.get(number).status == "running"

    _set(project, request.sha, "failed")
    failed = project.mergerequests.get(request.iid)
    assert (failed.head_pipeline["status"], failed.detailed_merge_status) == ("failed", "ci_must_pass")

    _set(project, request.sha, "success")
    passed = project.mergerequests.get(request.iid)
    assert (passed.head_pipeline["status"], passed.detailed_merge_status) == ("success", "mergeable")
    passed.merge()


@pytest.mark.parametrize(
    ("states", "whole"),
    [
        (["success", "success"], "success"),
        (["success", "failed"], "failed"),
        (["success", "failed", "running"], "running"),
        (["created", "created"], "created"),
        (["created", "success"], "running"),
        (["created", "pending"], "pending"),
        (["success", "pending"], "running"),
        (["success", "canceled"], "canceled"),
        (["skipped"], "skipped"),
        (["success", "manual"], "manual"),
    ],
)
def test_many_states_make_one(states: list[str], whole: str) -> None:
    assert composite(states) == whole


def test_a_status_of_a_commit_without_pipeline_opens_one_on_its_branch(clone: Clone, project: Project) -> None:
    sha = clone.commit({"x": "1"})
    clone.push("plain")
    status = _set(project, sha, "success")
    assert status["ref"] == "plain"
    assert project.pipelines.get(status["pipeline_id"]).source == "external"
