"""Whether a merge request can be merged, and merging it: by real commits in the bare repository."""

from local.gitlab.instance import Instance, person
from local.gitlab.pipelines import branch_pipeline, head_pipeline, status_of
from local.gitlab.records import MergeRequest, User, now
from local.gitlab.repo import Repo
from local.gitlab.system_notes import note_event

MERGEABLE = "mergeable"
GIT_REASONS = frozenset({"conflict", "need_rebase", "broken_status"})
"""Git stands in the way, not a rule of the project."""


class NotMergeableError(Exception):
    """The reason is a value of GitLab's ``detailed_merge_status``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def merge_status(at: Instance, request: MergeRequest) -> str:
    """GitLab's ``detailed_merge_status``: ``mergeable``, or the first thing that stands in the way."""
    if request.state != "opened":
        return "not_open"
    if request.draft:
        return "draft_status"
    return _pipeline_reason(at, request) or _git_reason(at, request) or MERGEABLE


def _pipeline_reason(at: Instance, request: MergeRequest) -> str | None:
    if not at.project_of(request).pipelines_must_succeed:
        return None
    pipeline = head_pipeline(at, request)
    state = status_of(at, pipeline) if pipeline else "missing"
    if state in ("success", "skipped"):
        return None
    return "ci_still_running" if state in ("created", "pending", "running") else "ci_must_pass"


def _git_reason(at: Instance, request: MergeRequest) -> str | None:
    project = at.project_of(request)
    repo = at.repo(project)
    onto = repo.branch(request.target_branch)
    if not onto or repo.branch(request.source_branch) != request.head_sha:
        return "broken_status"
    if project.merge_method == "ff" and not repo.is_ancestor(onto, request.head_sha):
        return "need_rebase"
    return None if repo.merged_tree(onto, request.head_sha) else "conflict"


def merge(
    at: Instance,
    *,
    request: MergeRequest,
    user: User,
    message: str | None = None,
    squash_message: str | None = None,
    squash: bool = False,
    remove_source_branch: bool = False,
) -> MergeRequest:
    """Raises NotMergeableError. A message that is given replaces GitLab's, "See merge request" included."""
    if (reason := merge_status(at, request)) != MERGEABLE:
        raise NotMergeableError(reason)
    project = at.project_of(request)
    repo = at.repo(project)
    onto = repo.branch(request.target_branch) or ""
    tip, squashed = request.head_sha, None
    # As GitLab: a single commit is not squashed again unless it is to get another message.
    several = len(repo.log(tip, f"^{onto}", limit=2)) > 1
    if (squash or request.squash) and (several or squash_message):
        tree = repo.merged_tree(onto, tip) or ""
        tip = squashed = repo.commit_tree(
            tree, parents=[onto], message=squash_message or request.title, author=person(at.user(request.author))
        )
    new = tip
    if project.merge_method == "merge":
        tree = repo.merged_tree(onto, tip) or ""
        text = message or default_message(at, request)
        new = repo.commit_tree(tree, parents=[onto, tip], message=text, author=person(user))
    _move_target(repo, request, new, remove_source_branch or request.remove_source_branch)
    request = at.store.change(
        request,
        state="merged",
        merged_at=now(),
        merged_by=user.id,
        updated_at=now(),
        squash_commit_sha=squashed,
        merge_commit_sha=new if project.merge_method == "merge" else None,
    )
    note_event(at, request=request, user=user, text="merged")
    branch_pipeline(at, project=project, branch=request.target_branch, sha=new, before=onto, user=user)
    return request


def _move_target(repo: Repo, request: MergeRequest, new: str, remove_source: bool) -> None:
    repo.set_ref(f"refs/heads/{request.target_branch}", new)
    if remove_source:
        repo.delete_ref(f"refs/heads/{request.source_branch}")


def default_message(at: Instance, request: MergeRequest) -> str:
    """GitLab's default template."""
    project = at.project_of(request)
    return (
        f"Merge branch '{request.source_branch}' into '{request.target_branch}'\n\n"
        f"{request.title}\n\nSee merge request {project.path}!{request.iid}\n"
    )


def requests_with(at: Instance, *, project_id: int, sha: str) -> list[MergeRequest]:
    """The merge requests that a commit came by, or made: newest first."""
    found = at.store.all(MergeRequest, newest=True, project=project_id)
    return [request for request in found if sha in _shas(at, request)]


def _shas(at: Instance, request: MergeRequest) -> set[str | None]:
    repo = at.repo(at.project_of(request))
    until = [f"^{request.base_sha}"] if request.base_sha else []
    commits = {commit.sha for commit in repo.log(request.head_sha, *until, limit=1000)}
    return {*commits, request.merge_commit_sha, request.squash_commit_sha} - {None}
