"""The life of a merge request: opened, moved by pushes, closed, reopened. `merging` ends it."""

from local.gitlab.instance import Instance
from local.gitlab.pipelines import merge_request_pipeline, merge_request_ref
from local.gitlab.records import DiffVersion, MergeRequest, Project, User, now
from local.gitlab.system_notes import added_commits, note_event


class BranchError(Exception):
    """A branch is missing, or source and target are the same; GitLab answers 422."""


class DuplicateError(Exception):
    """There is an open merge request of that source and target."""


def open_merge_request(  # noqa: PLR0913 - the parts of a merge request
    at: Instance,
    *,
    project: Project,
    user: User,
    title: str,
    source: str,
    target: str,
    description: str | None = None,
    labels: tuple[str, ...] = (),
    assignees: tuple[int, ...] = (),
    reviewers: tuple[int, ...] = (),
    squash: bool = False,
    remove_source_branch: bool = False,
) -> MergeRequest:
    """Opens it and makes its first pipeline. Raises BranchError or DuplicateError."""
    repo = at.repo(project)
    if source == target:
        raise BranchError("You can't use same project/branch for source and target")
    head, onto = repo.branch(source), repo.branch(target)
    if not head or not onto:
        missing = ("Target", target) if head else ("Source", source)
        raise BranchError(f'{missing[0]} branch "{missing[1]}" does not exist')
    other = at.store.first(MergeRequest, project=project.id, source_branch=source, target_branch=target, state="opened")
    if other:
        raise DuplicateError(f"Another open merge request already exists for this source branch: !{other.iid}")
    request = at.store.add(
        MergeRequest(
            id=0,
            project=project.id,
            iid=at.store.next_iid(MergeRequest, project.id),
            title=title,
            description=description,
            state="opened",
            source_branch=source,
            target_branch=target,
            author=user.id,
            assignees=assignees,
            reviewers=reviewers,
            labels=labels,
            squash=squash,
            remove_source_branch=remove_source_branch,
            head_sha=head,
            base_sha=repo.merge_base(onto, head),
            created_at=now(),
            updated_at=now(),
        )
    )
    _keep_version(at, request)
    repo.set_ref(merge_request_ref(request), head)
    merge_request_pipeline(at, request=request, user=user)
    return request


def _keep_version(at: Instance, request: MergeRequest) -> None:
    at.store.add(DiffVersion(0, request.id, request.head_sha, request.base_sha, created_at=request.updated_at))


def move_head(at: Instance, *, request: MergeRequest, head: str, user: User) -> MergeRequest:
    """After a push to the source branch: new head, a line in the activity, a new pipeline."""
    repo = at.repo(at.project_of(request))
    onto = repo.branch(request.target_branch)
    base = repo.merge_base(onto, head) if onto else request.base_sha
    new = repo.log(head, f"^{request.head_sha}", *([f"^{onto}"] if onto else []), limit=500)
    repo.set_ref(merge_request_ref(request), head)
    request = at.store.change(request, head_sha=head, base_sha=base, updated_at=now())
    _keep_version(at, request)
    if new:
        note_event(at, request=request, user=user, text=added_commits(new))
    merge_request_pipeline(at, request=request, user=user)
    return request


def close(at: Instance, *, request: MergeRequest, user: User) -> MergeRequest:
    """A merge request that is not open stays as it is."""
    if request.state != "opened":
        return request
    note_event(at, request=request, user=user, text="closed")
    return at.store.change(request, state="closed", closed_at=now(), closed_by=user.id, updated_at=now())


def reopen(at: Instance, *, request: MergeRequest, user: User) -> MergeRequest:
    """A merge request that is not closed stays as it is."""
    if request.state != "closed":
        return request
    note_event(at, request=request, user=user, text="reopened")
    return at.store.change(request, state="opened", closed_at=None, closed_by=None, updated_at=now())
