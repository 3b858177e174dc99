"""What the stand-in keeps. Each class is a table of the same name; `id` is given by the store.

Times are GitLab's: ISO 8601 in UTC with milliseconds. A reference to another record is its id.
"""

from dataclasses import dataclass
from datetime import UTC, datetime


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Namespace:
    """A group, or the space of a user."""

    id: int
    path: str
    name: str
    kind: str
    created_at: str


@dataclass(frozen=True)
class User:
    id: int
    username: str
    name: str
    bot: bool
    created_at: str


@dataclass(frozen=True)
class Project:
    id: int
    path: str
    """The full path, ``group/project``."""
    name: str
    namespace: int
    description: str | None
    default_branch: str
    visibility: str
    merge_method: str
    """``merge`` or ``ff``."""
    pipelines_must_succeed: bool
    creator: int
    created_at: str
    updated_at: str


@dataclass(frozen=True)
class MergeRequest:
    id: int
    project: int
    iid: int
    title: str
    description: str | None
    state: str
    """``opened``, ``closed`` or ``merged``."""
    source_branch: str
    target_branch: str
    author: int
    assignees: tuple[int, ...]
    reviewers: tuple[int, ...]
    labels: tuple[str, ...]
    squash: bool
    remove_source_branch: bool
    head_sha: str
    base_sha: str | None
    """Where source and target part; None for histories that never met."""
    created_at: str
    updated_at: str
    merge_commit_sha: str | None = None
    squash_commit_sha: str | None = None
    merged_at: str | None = None
    merged_by: int | None = None
    closed_at: str | None = None
    closed_by: int | None = None

    @property
    def draft(self) -> bool:
        return self.title.lower().startswith(("draft:", "[draft]", "(draft)"))


@dataclass(frozen=True)
class DiffVersion:
    """What a merge request was after a push."""

    id: int
    merge_request: int
    """The record's id."""
    head_sha: str
    base_sha: str | None
    created_at: str


@dataclass(frozen=True)
class Note:
    id: int
    project: int
    merge_request: int
    discussion: str
    """Forty hex digits; notes of one discussion share it."""
    individual: bool
    author: int
    body: str
    system: bool
    internal: bool
    created_at: str
    updated_at: str


@dataclass(frozen=True)
class Pipeline:
    id: int
    project: int
    iid: int
    sha: str
    ref: str
    source: str
    before_sha: str
    runner_status: str | None
    """What the runner says; None where there is nothing to run (``external``). Commit statuses come on top."""
    user: int
    merge_request: int | None
    created_at: str
    updated_at: str
    started_at: str | None = None
    finished_at: str | None = None


@dataclass(frozen=True)
class Job:
    """A job of a pipeline, or a commit status: GitLab keeps both in one table, too."""

    id: int
    project: int
    pipeline: int
    external: bool
    """A commit status."""
    name: str
    stage: str
    status: str
    ref: str
    sha: str
    description: str | None
    target_url: str | None
    coverage: float | None
    allow_failure: bool
    user: int
    log: str
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None


@dataclass(frozen=True)
class Issue:
    id: int
    project: int
    iid: int
    title: str
    description: str | None
    state: str
    author: int
    labels: tuple[str, ...]
    created_at: str
    updated_at: str
    closed_at: str | None = None
    closed_by: int | None = None


@dataclass(frozen=True)
class Upload:
    id: int
    project: int
    secret: str
    filename: str
    size: int
    created_at: str


@dataclass(frozen=True)
class Release:
    id: int
    project: int
    tag_name: str
    name: str
    description: str | None
    sha: str
    author: int
    created_at: str
    released_at: str


@dataclass(frozen=True)
class ReleaseLink:
    id: int
    project: int
    release: int
    name: str
    url: str
    link_type: str
    direct_asset_path: str | None


@dataclass(frozen=True)
class Variable:
    id: int
    project: int
    key: str
    value: str
    variable_type: str
    protected: bool
    masked: bool
    hidden: bool
    raw: bool
    environment_scope: str
    description: str | None


@dataclass(frozen=True)
class Environment:
    id: int
    project: int
    name: str
    slug: str
    external_url: str | None
    state: str
    tier: str
    description: str | None
    created_at: str
    updated_at: str


@dataclass(frozen=True)
class Deployment:
    id: int
    project: int
    iid: int
    environment: int
    sha: str
    ref: str
    tag: bool
    status: str
    user: int
    created_at: str
    updated_at: str


KINDS: tuple[type, ...] = (
    Namespace,
    User,
    Project,
    MergeRequest,
    DiffVersion,
    Note,
    Pipeline,
    Job,
    Issue,
    Upload,
    Release,
    ReleaseLink,
    Variable,
    Environment,
    Deployment,
)
