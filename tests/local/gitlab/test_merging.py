"""Merge requests from push to merge."""

import gitlab
import pytest
from gitlab.v4.objects import Project

from tests.local.gitlab.support import Clone, Open


def test_merging_makes_a_merge_commit_that_names_the_merge_request(
    open_request: Open, project: Project, clone: Clone
) -> None:
    request = open_request(commits=2)
    request.merge()

    merged = project.mergerequests.get(request.iid)
    commit = project.commits.get(merged.merge_commit_sha)
    clone.git("fetch", "--quiet")

    assert merged.state == "merged"
    assert merged.merged_by["username"] == "mergemaker-bot"
    assert clone.git("rev-parse", "origin/main") == merged.merge_commit_sha
    assert commit.parent_ids[1] == request.sha
    assert commit.message.startswith("Merge branch 'feature' into 'main'\n")
    assert commit.message.strip().endswith(f"See merge request {project.path_with_namespace}!{request.iid}")
    assert clone.git("show", "origin/main:feature.txt") == "1"


def test_squashing_leaves_one_commit_beside_the_merge(open_request: Open, project: Project, clone: Clone) -> None:
    request = open_request(commits=3)
    request.merge(squash=True)

    merged = project.mergerequests.get(request.iid)
    clone.git("fetch", "--quiet")

    assert merged.squash_commit_sha != request.sha
    assert project.commits.get(merged.merge_commit_sha).parent_ids[1] == merged.squash_commit_sha
    assert clone.git("log", "--topo-order", "--format=%s", "origin/main").splitlines() == [
        "Merge branch 'feature' into 'main'",
        "Merge feature",
        "Add CI",
        "Initial commit",
    ]


def test_a_given_message_replaces_the_usual_one(open_request: Open, project: Project) -> None:
    request = open_request()
    request.merge(merge_commit_message="as I like it")
    merged = project.mergerequests.get(request.iid)
    assert project.commits.get(merged.merge_commit_sha).message == "as I like it\n"


def test_a_conflict_cannot_be_merged(open_request: Open, project: Project, clone: Clone) -> None:
    request = open_request()
    clone.git("checkout", "--quiet", "main")
    clone.commit({"feature.txt": "something else\n"})
    clone.push("main")

    stuck = project.mergerequests.get(request.iid)
    with pytest.raises(gitlab.exceptions.GitlabMRClosedError) as refused:
        request.merge()

    assert (stuck.has_conflicts, stuck.detailed_merge_status, stuck.merge_status) == (
        True,
        "conflict",
        "cannot_be_merged",
    )
    assert (refused.value.response_code, refused.value.error_message) == (422, "Branch cannot be merged")
    assert project.mergerequests.get(request.iid).state == "opened"


def test_fast_forward_is_refused_when_the_target_has_moved(open_request: Open, project: Project, clone: Clone) -> None:
    project.merge_method = "ff"
    project.save()
    request = open_request()
    clone.git("checkout", "--quiet", "main")
    clone.commit({"other.txt": "1"})
    clone.push("main")
    assert project.mergerequests.get(request.iid).detailed_merge_status == "need_rebase"
    with pytest.raises(gitlab.exceptions.GitlabMRClosedError):
        request.merge()

    clone.git("checkout", "--quiet", "feature")
    clone.git("rebase", "--quiet", "main")
    clone.push("feature", "--force")
    project.mergerequests.get(request.iid).merge()

    merged = project.mergerequests.get(request.iid)
    assert (merged.state, merged.merge_commit_sha) == ("merged", None)
    assert project.branches.get("main").commit["id"] == merged.sha


def test_another_head_than_the_expected_is_refused(open_request: Open, client: gitlab.Gitlab) -> None:
    request = open_request()
    path = f"/projects/{request.project_id}/merge_requests/{request.iid}/merge"
    with pytest.raises(gitlab.exceptions.GitlabHttpError) as refused:
        client.http_put(path, post_data={"sha": "0" * 40})
    assert (refused.value.response_code, refused.value.error_message) == (
        409,
        f"SHA does not match HEAD of source branch: {request.sha}",
    )


def test_a_draft_or_closed_merge_request_is_not_merged(open_request: Open) -> None:
    draft, closed = open_request("one", title="Draft: not yet"), open_request("two")
    closed.state_event = "close"
    closed.save()
    for request in (draft, closed):
        with pytest.raises(gitlab.exceptions.GitlabMRClosedError) as refused:
            request.merge()
        assert refused.value.response_code == 405


def test_pipelines_must_succeed_where_the_project_says_so(open_request: Open, project: Project) -> None:
    project.only_allow_merge_if_pipeline_succeeds = True
    project.save()
    request = open_request()
    assert project.mergerequests.get(request.iid).detailed_merge_status == "ci_still_running"
    with pytest.raises(gitlab.exceptions.GitlabMRClosedError):
        request.merge()


def test_closing_and_reopening_leaves_traces(open_request: Open, project: Project) -> None:
    request = open_request()
    for event, state in (("close", "closed"), ("reopen", "opened")):
        request.state_event = event
        request.save()
        assert project.mergerequests.get(request.iid).state == state
    assert [note.body for note in request.notes.list(sort="asc", get_all=True)] == ["closed", "reopened"]


def test_there_is_one_open_merge_request_for_a_branch(open_request: Open) -> None:
    open_request()
    with pytest.raises(
        gitlab.exceptions.GitlabCreateError, match="Another open merge request already exists"
    ) as refused:
        open_request()
    assert refused.value.response_code == 409


def test_a_merge_request_needs_two_branches_that_exist(project: Project, clone: Clone) -> None:
    for source in ("missing", "main"):
        with pytest.raises(gitlab.exceptions.GitlabCreateError) as refused:
            project.mergerequests.create({"title": "t", "source_branch": source, "target_branch": "main"})
        assert refused.value.response_code == 422


def test_the_merge_request_of_a_commit_is_found_by_each_of_its_commits(open_request: Open, project: Project) -> None:
    first, other = open_request(commits=2), open_request("other")
    first.merge(squash=True)
    merged = project.mergerequests.get(first.iid)
    for sha in (merged.sha, merged.merge_commit_sha, merged.squash_commit_sha):
        found = project.commits.get(sha).merge_requests()
        assert [one["iid"] for one in found] == [first.iid], sha
    assert [one["iid"] for one in project.commits.get(other.sha).merge_requests()] == [other.iid]
    main = project.commits.list(ref_name="main", get_all=True)[-1]
    assert main.merge_requests() == []


def test_merging_on_ones_own_machine_is_noticed(open_request: Open, project: Project, clone: Clone) -> None:
    request = open_request()
    clone.git("checkout", "--quiet", "main")
    clone.git("merge", "--quiet", "--no-ff", "-m", "by hand", "feature")
    clone.push("main")
    merged = project.mergerequests.get(request.iid)
    assert (merged.state, merged.merge_commit_sha) == ("merged", clone.git("rev-parse", "HEAD"))


def test_the_source_branch_is_removed_on_demand(open_request: Open, project: Project) -> None:
    request = open_request()
    request.merge(should_remove_source_branch=True)
    assert [branch.name for branch in project.branches.list(get_all=True)] == ["main"]
    assert project.commits.get(request.sha).id == request.sha


def test_merge_requests_are_listed_by_state_and_branch(open_request: Open, project: Project) -> None:
    one, two = open_request("one"), open_request("two")
    one.merge()
    listed = {
        state: [r.iid for r in project.mergerequests.list(state=state, get_all=True)]
        for state in ("opened", "merged", "all")
    }
    assert listed == {"opened": [two.iid], "merged": [one.iid], "all": [two.iid, one.iid]}
    assert [r.iid for r in project.mergerequests.list(source_branch="one", get_all=True)] == [one.iid]


def test_commands_in_a_description_are_executed(open_request: Open) -> None:
    request = open_request(description="Look\n/label ~wip")
    assert (request.description, request.labels) == ("Look", ["wip"])
