"""Git over HTTP, and what a push sets off."""

import gitlab
import pytest
from gitlab.v4.objects import Project

from tests.local.gitlab.support import TOKEN, Clone, Open


@pytest.mark.parametrize("credentials", ["", "ada:wrong@", f"{TOKEN}@"])
def test_pushing_needs_the_token(clone: Clone, project: Project, credentials: str) -> None:
    address = str(project.http_url_to_repo).replace("//", f"//{credentials}")
    with pytest.raises(RuntimeError, match=r"Authentication failed|could not read"):
        clone.git("push", address, "HEAD:refs/heads/sneaky")
    assert [branch.name for branch in project.branches.list(get_all=True)] == ["main"]


def test_a_large_push_arrives_whole(clone: Clone, project: Project) -> None:
    text = "\n".join(str(number * 7919 % 104729) for number in range(500_000))
    sha = clone.commit({"large.txt": text})
    clone.push("large")
    assert project.branches.get("large").commit["id"] == sha


def test_the_default_branch_is_not_rewritten(clone: Clone, project: Project) -> None:
    before = project.branches.get("main").commit["id"]
    clone.git("commit", "--amend", "--quiet", "-m", "other history")
    with pytest.raises(RuntimeError, match="not allowed to force push code to a protected branch"):
        clone.push("main", "--force")
    assert project.branches.get("main").commit["id"] == before


def test_merge_request_refs_are_fetched_and_never_pushed(open_request: Open, clone: Clone) -> None:
    request = open_request()
    clone.git("fetch", "--quiet", "origin", f"refs/merge-requests/{request.iid}/head")
    assert clone.git("rev-parse", "FETCH_HEAD") == request.sha
    with pytest.raises(RuntimeError, match="hidden ref"):
        clone.git("push", clone.push_url, f"HEAD:refs/merge-requests/{request.iid}/head")


def test_a_push_to_the_default_branch_makes_a_pipeline(clone: Clone, project: Project) -> None:
    before = project.branches.get("main").commit["id"]
    sha = clone.commit({"a": "1"})
    clone.push("main")
    newest = project.pipelines.list(get_all=True)[0]
    assert (newest.sha, newest.ref, newest.source, newest.status) == (sha, "main", "push", "created")
    assert project.pipelines.get(newest.id).before_sha == before


def test_a_push_without_ci_configuration_makes_none(clone: Clone, project: Project) -> None:
    pipelines = len(project.pipelines.list(get_all=True))
    clone.git("rm", "--quiet", ".gitlab-ci.yml")
    clone.commit({"a": "1"})
    clone.push("main")
    assert len(project.pipelines.list(get_all=True)) == pipelines


def test_opening_a_merge_request_makes_its_pipeline(open_request: Open, project: Project) -> None:
    request = open_request()
    pipeline = project.pipelines.list(source="merge_request_event", get_all=True)[0]
    assert pipeline.ref == f"refs/merge-requests/{request.iid}/head"
    assert pipeline.sha == request.sha
    assert project.mergerequests.get(request.iid).head_pipeline["id"] == pipeline.id


def test_a_push_to_a_merge_request_moves_its_head_and_says_so(
    open_request: Open, project: Project, clone: Clone
) -> None:
    request = open_request()
    sha = clone.commit({"more.txt": "1"}, "More <b>of</b> it")
    clone.push("feature")

    moved = project.mergerequests.get(request.iid)
    event = request.notes.list(get_all=True)[0]

    assert moved.sha == sha
    assert moved.head_pipeline["sha"] == sha
    assert len(moved.pipelines.list(get_all=True)) == 2
    assert (event.system, event.author["username"]) == (True, "ada")
    assert event.body == f"added 1 commit\n\n<ul><li>{sha[:8]} - More &lt;b>of&lt;/b> it</li></ul>"


def test_a_force_push_moves_the_merge_request_too(open_request: Open, project: Project, clone: Clone) -> None:
    request = open_request()
    clone.git("commit", "--amend", "--quiet", "-m", "rewritten")
    clone.push("feature", "--force")
    assert project.mergerequests.get(request.iid).sha == clone.git("rev-parse", "HEAD")


def test_merging_makes_a_pipeline_of_the_target_branch(open_request: Open, project: Project) -> None:
    request = open_request()
    request.merge()
    newest = project.pipelines.list(get_all=True)[0]
    assert (newest.source, newest.ref) == ("push", "main")
    assert newest.sha == project.mergerequests.get(request.iid).merge_commit_sha


def test_there_is_no_repository_of_an_unknown_project(clone: Clone, url: str) -> None:
    with pytest.raises(RuntimeError, match="not found"):
        clone.git("clone", "--quiet", f"{url}/no/such.git", "elsewhere")


def test_branches_and_commits_with_slashes_and_paths_are_found(
    clone: Clone, project: Project, client: gitlab.Gitlab
) -> None:
    sha = clone.commit({"x": "1"}, "One\n\nand why")
    clone.push("ada/try")
    by_path = client.projects.get(project.path_with_namespace)
    assert by_path.id == project.id
    assert by_path.branches.get("ada/try").commit["id"] == sha
    assert by_path.commits.get(sha[:8]).message == "One\n\nand why\n"
    with pytest.raises(gitlab.exceptions.GitlabGetError, match="404 Commit Not Found"):
        by_path.commits.get("f" * 40)
