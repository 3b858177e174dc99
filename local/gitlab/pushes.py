"""What the server does after a push: it compares the refs of before and after."""

from local.gitlab.instance import Instance
from local.gitlab.merge_requests import move_head
from local.gitlab.pipelines import branch_pipeline
from local.gitlab.records import MergeRequest, Project, User, now
from local.gitlab.repo import NOTHING, GitError
from local.gitlab.system_notes import note_event

HEADS = "refs/heads/"


def after_push(at: Instance, *, project: Project, user: User, before: dict[str, str], after: dict[str, str]) -> None:
    """Pipelines and merge requests follow each branch that moved."""
    for ref in sorted(before.keys() | after.keys()):
        old, new = before.get(ref), after.get(ref)
        if not ref.startswith(HEADS) or old == new or new is None:
            continue
        branch = ref.removeprefix(HEADS)
        _merged_by_push(at, project=project, branch=branch, old=old, new=new, user=user)
        for request in at.store.all(MergeRequest, project=project.id, source_branch=branch, state="opened"):
            move_head(at, request=request, head=new, user=user)
        if branch == project.default_branch:
            branch_pipeline(at, project=project, branch=branch, sha=new, before=old or NOTHING, user=user)
    at.store.change(project, updated_at=now())


def _merged_by_push(at: Instance, *, project: Project, branch: str, old: str | None, new: str, user: User) -> None:
    """Somebody merged on their own machine: GitLab sees it and marks the merge request."""
    repo = at.repo(project)
    for request in at.store.all(MergeRequest, project=project.id, target_branch=branch, state="opened"):
        head = request.head_sha
        if head == request.base_sha or not repo.is_ancestor(head, new) or (old and repo.is_ancestor(head, old)):
            continue
        at.store.change(
            request,
            state="merged",
            merged_at=now(),
            merged_by=user.id,
            updated_at=now(),
            merge_commit_sha=_merge_commit(at, project, head, new),
        )
        note_event(at, request=request, user=user, text="merged manually")


def _merge_commit(at: Instance, project: Project, head: str, new: str) -> str | None:
    """The oldest commit of the branch that holds `head`; None after a fast-forward."""
    try:
        out = at.repo(project).run("rev-list", "--first-parent", "--ancestry-path", f"{head}..{new}")
    except GitError:
        return None
    return out.split()[-1] if out.strip() else None
