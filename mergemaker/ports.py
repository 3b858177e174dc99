"""What the steps need from the world. `bootstrap` gives them AWS and GitLab; tests give them fakes.

Every method may raise ServiceError, or RetryableError for a failure that passes.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Literal, Protocol

from mergemaker.domain.job import JobRequest
from mergemaker.domain.names import Names
from mergemaker.domain.preparation import PreparationJob, PreparationRequest
from mergemaker.domain.release import Endpoint, NewPackage, Package
from mergemaker.domain.run import Run, TrainingJob
from mergemaker.domain.settings import Environment

Clock = Callable[[], datetime]
"""The time, in UTC."""


@dataclass(frozen=True)
class Stored:
    """An object in the bucket, as a listing shows it."""

    key: str
    size: int
    etag: str


class Files(Protocol):
    """The project's bucket."""

    def read(self, key: str, *, longest: int) -> tuple[bytes, str] | None:
        """Content and ETag; None if it isn't there. Raises RefusedError if it is longer than `longest` bytes."""

    def write(self, key: str, content: bytes, *, replacing: str | None) -> bool:
        """Writes if the object's ETag is still `replacing`, or, for None, if it isn't there; else False."""

    def etag(self, key: str) -> str | None:
        """None if it isn't there."""

    def list(self, prefix: str) -> Iterator[Stored]: ...

    def read_at(self, source: Stored, *, first: int, length: int) -> bytes:
        """At most `length` bytes from the one with this number on, where it has one. Raises RetryableError as `copy`
        does."""

    def copy(self, source: Stored, target: str, *, length: int | None = None) -> bool:
        """On the server; with `length`, only so many of its first bytes, of which there must be one at least. False if
        something is at `target` already. Raises RetryableError if the source is not what was listed any more."""

    def newest(self, folder: str) -> str | None:
        """The key that was written last, of those in `folder`, which ends in a slash, and not in folders below it."""

    def pushed_digest(self, key: str) -> str | None:
        """SHA-256 of the file that `push` wrote there; None for what somebody else wrote, or if it isn't there."""

    def push(self, key: str, file: Path, *, digest: str) -> None:
        """Uploads a file, whose SHA-256 is `digest`; replaces what is there."""

    def delete(self, key: str) -> None: ...


@dataclass(frozen=True)
class Tracked:
    """What DVC tracks, at a path in the repository."""

    path: str
    """As asked for."""
    md5: str
    """Ends in ``.dir`` for a folder."""
    within: str
    """Where `path` is in that folder; empty for the folder itself."""
    cache: str
    """Where the content lies, as a prefix of keys: then come two digits, a slash, and the rest of an MD5."""


class Tracking(Protocol):
    """DVC's files in the repository."""

    def find(self, path: str) -> Tracked:
        """Raises UsageError if DVC does not track it, or keeps it elsewhere than in the project's bucket."""


class Images(Protocol):
    """The registry of images, and who builds them."""

    def find(self, tag: str) -> str | None:
        """The image's address by digest; None if it isn't there."""

    def resolve(self, address: str) -> str:
        """Somebody else's image by digest; as it is where its registry does not let us look. Raises RefusedError if
        there is none."""

    def build(self, tag: str, *, context: str) -> None:
        """Starts a build from the zip file at key `context`; twice the same tag is one build."""

    def building(self, tag: str) -> bool:
        """Whether a build of `tag` is going on."""

    def failure(self, build: str) -> str | None:
        """Why the build with this ARN failed, its log's last lines included; None if it succeeded or goes on."""


class Jobs(Protocol):
    """SageMaker's training jobs."""

    def find(self, name: str) -> TrainingJob | None: ...

    def start(self, request: JobRequest, *, image: str) -> bool:
        """False if a job of this name is there already."""

    def going_on(self) -> Iterator[str]:
        """Names of the account's jobs that are in progress, and not being stopped."""

    def stop(self, name: str) -> None:
        """Starts to; done if it is being stopped, or has ended."""


class Preparations(Protocol):
    """SageMaker's processing jobs."""

    def find(self, name: str) -> PreparationJob | None: ...

    def start(self, request: PreparationRequest, *, image: str) -> bool:
        """False if a job of this name is there already."""


class Runs(Protocol):
    """The run table."""

    def get(self, model: str, job: str) -> Run | None: ...

    def change(self, model: str, job: str, change: Callable[[Run | None], Run]) -> Run:
        """Replaces the record by `change` of it, as one: where somebody else was faster, `change` is called again."""

    def shown(self, model: str, merge_request: int) -> str | None:
        """Which run the merge request's note shows, whoever holds its record; None if there is no note."""

    def note(self, model: str, merge_request: int) -> AbstractContextManager["NoteRecord"]:
        """The record of a merge request's note, for one holder at a time; what it holds at the end is kept."""


@dataclass
class NoteRecord:
    """What is known of a note on a merge request. Mutable: see `Runs.note`."""

    note: int | None = None
    """GitLab's id of it."""
    job: str | None = None
    """Which run it shows; of the note about the stacks, which job's word."""
    body: str | None = None
    """Digest of its text, so that the same is not sent twice."""


class Registry(Protocol):
    """SageMaker's model registry."""

    def register(self, package: NewPackage) -> int:
        """Its version. A run that has a package already gets no second one. Makes the group if need be."""

    def find(self, arn: str) -> Package | None: ...

    def of_version(self, group: str, version: int) -> Package | None: ...

    def newest(self, group: str, *, approved: bool = False) -> Iterator[Package]:
        """The group's packages, the newest first; nothing if there is no such group."""

    def approve(self, package: Package, *, environment: str, pipeline: int, description: str) -> None:
        """Also where it is approved already: the registry tells of it again."""


class Endpoints(Protocol):
    """SageMaker's endpoints."""

    def find(self, name: str) -> Endpoint | None: ...

    def prepare(
        self, package: Package, *, config: str, model: str, environment: Environment, tags: Mapping[str, str]
    ) -> None:
        """Makes the SageMaker model, of the image and the artifact in `package` and not of what the registry says by
        then, and the endpoint config, if they aren't there."""

    def create(self, name: str, *, config: str, tags: Mapping[str, str]) -> None:
        """Raises RetryableError if an endpoint of this name is there already."""

    def update(self, name: str, *, config: str) -> None:
        """Raises RetryableError if the endpoint is being changed."""

    def delete(self, name: str) -> None:
        """Starts to; done if it is being deleted, or isn't there."""


class Watch(Protocol):
    """What looks after endpoints."""

    def over(self, endpoint: str, *, tags: Mapping[str, str]) -> None:
        """Alarms for an endpoint of this name, and a log that ends: made, or brought up to date."""


@dataclass(frozen=True)
class MergeRequestState:
    """How a merge request stands."""

    state: str
    """In GitLab's words: opened, closed, locked, merged."""
    head: str
    """Of its branch: the commit that was pushed last. Empty while GitLab does not say."""


class MergeRequests(Protocol):
    """The GitLab project's merge requests."""

    def state(self, merge_request: int) -> MergeRequestState | None:
        """None if the project has no such merge request (any more)."""

    def pushed(self, merge_request: int, head: str) -> datetime | None:
        """When its head became this one; None if it is another by now, or GitLab does not say."""

    def find_note(self, merge_request: int, marker: str) -> int | None:
        """The note of ours that begins with `marker`."""

    def create_note(self, merge_request: int, body: str) -> int: ...

    def edit_note(self, merge_request: int, note: int, body: str) -> bool:
        """False if the note isn't there any more."""

    def set_status(self, *, commit: str, ref: str, pipeline: int, name: str, state: str, description: str) -> None:
        """`state` in GitLab's words: pending, running, success, failed, canceled."""


class Releases(Protocol):
    """The GitLab project's releases, and the tags that they are of."""

    def tagged(self, tag: str) -> str | None:
        """The commit that the tag is on; None if there is no such tag."""

    def description(self, tag: str) -> str | None:
        """Of the tag's release; None if it has none."""

    def create(self, *, tag: str, commit: str, name: str, description: str) -> None:
        """Makes the tag as well, where it isn't there. Raises RefusedError for what GitLab does not allow."""


class Inputs(Protocol):
    """What is known of models' inputs: which have changed lately, and until when that was seen to."""

    def hear(self, model: str, *, at: datetime, now: datetime) -> None:
        """That a file came `at` this time; nothing if that was seen to already. Within `HEARS_SECONDS` one word is as
        good as ten thousand: not each is kept."""

    def heard(self) -> Mapping[str, datetime]:
        """When it was last heard, by model, of changes that were not seen to yet."""

    def seen_to(self, model: str, heard: datetime) -> None:
        """All that was `heard` of until then; what came since stays heard."""


HEARS_SECONDS = 30


class DefaultBranch(Protocol):
    """The GitLab project's default branch."""

    def settings(self, model: str) -> str:
        """The model's model.toml; empty if there is none."""

    def has_pipeline_since(self, at: datetime) -> bool:
        """Whether somebody made a pipeline by API since, we among them."""

    def make_pipeline(self) -> None:
        """Raises RefusedError if GitLab does not allow it."""


@dataclass(frozen=True)
class World:
    """The ports that reporting and deploying take, together."""

    names: Names
    environment: str
    """The first environment: what is live there is the baseline."""
    files: Files
    images: Images
    jobs: Jobs
    preparations: Preparations
    runs: Runs
    registry: Registry
    endpoints: Endpoints
    watch: Watch
    merge_requests: MergeRequests
    issues: "Issues"
    releases: Releases
    inputs: Inputs
    default_branch: DefaultBranch


# Setting up and looking after: `steps.setup` and `steps.doctor` ---------------------------------


Kind = Literal["bucket", "table", "repository", "secret", "queue", "function", "image builder", "role"]
"""What `cdk deploy` makes, as far as it is looked for by name."""


@dataclass(frozen=True)
class Identity:
    """Who asks AWS."""

    account: str
    arn: str


@dataclass(frozen=True)
class Trust:
    """Who may assume a role through OIDC, as its trust policy says: each is every value that occurs in it."""

    providers: tuple[str, ...]
    audiences: tuple[str, ...]
    subjects: tuple[str, ...]


class Account(Protocol):
    """The AWS account, as the person at the keyboard may see it."""

    def identity(self) -> Identity | None:
        """None where there are no credentials at all."""

    def stack(self, name: str) -> str | None:
        """Its status, in CloudFormation's words; None if there is no such stack."""

    def bootstrap_version(self) -> int | None:
        """Of the CDK's bootstrap; None if there is none."""

    def exists(self, kind: Kind, name: str) -> bool: ...

    def provider_audiences(self, host: str) -> tuple[str, ...] | None:
        """Whom the account's OIDC provider of this host takes tokens for; None if there is no provider."""

    def trust(self, role: str) -> Trust | None:
        """None if the role isn't there."""

    def waiting(self, queue: str) -> int | None:
        """How many messages can be taken from the queue; None if it isn't there."""

    def oldest_seconds(self, queue: str) -> float:
        """The age of the queue's oldest message, at its highest in the last 15 minutes; 0 where AWS knows none."""

    def secret(self) -> str | None:
        """What the token's secret holds; None if it is empty, or isn't there. `domain.token_secret` reads it."""

    def secret_is_deleted(self) -> bool:
        """Whether the token's secret is there only until AWS's wait is over: nothing reads it, its name is taken."""

    def store_secret(self, text: str) -> None: ...

    def renewed_every(self) -> int | None:
        """Days after which AWS renews what the token's secret holds; None if it does not."""

    def renew_secret(self, *, role: str, every_days: int, life_days: int) -> None:
        """From now on AWS renews what the token's secret holds, under the role of this ARN."""

    def create_provider(self, url: str, *, audience: str) -> None:
        """An OIDC provider for the tokens that `url` issues."""

    def add_audience(self, host: str, audience: str) -> None:
        """To the account's OIDC provider of this host."""

    def log_days(self, group: str) -> int | None:
        """How long a log group keeps its lines; 0 for ever, None if there is no such group."""

    def keep_logs(self, group: str, *, days: int, new: bool) -> None:
        """From now on; makes the group if it is `new`."""


@dataclass(frozen=True)
class Token:
    """What GitLab says of an access token in this project."""

    user: str
    scopes: tuple[str, ...] | None
    """None where GitLab does not tell: before 15.5."""
    expires: date | None
    level: int
    """GitLab's number for a role in the project (`steps.fitness.ROLES`); 0 for somebody who is no member."""
    id: int | None = None
    """GitLab's number for the token; None where it does not tell."""


@dataclass(frozen=True)
class Hosted:
    """The GitLab project as GitLab has it."""

    path: str
    default_branch: str | None
    """None as long as nothing was pushed."""
    pipelines_must_succeed: bool


@dataclass(frozen=True)
class CiVariable:
    """A CI/CD variable of the project."""

    key: str
    value: str
    protected: bool


class GitLabProject(Protocol):
    """The GitLab project, as the owner of one token sees it."""

    def token(self) -> Token:
        """Raises ServiceError if GitLab does not take it."""

    def hosted(self) -> Hosted: ...

    def branch_is_protected(self, branch: str) -> bool | None:
        """None if there is no such branch."""

    def variables(self) -> dict[str, CiVariable]:
        """By key; of those with several scopes, the one for all environments."""

    def set_variable(self, variable: CiVariable, *, new: bool) -> None: ...

    def require_pipelines(self) -> None:
        """From now on a merge request can be merged only after its pipeline succeeded."""


Connect = Callable[[str], GitLabProject]
"""From a token to the project as its owner sees it. Raises ServiceError for what can be no token."""


class Tools(Protocol):
    """What is installed beside the command."""

    def installed(self, tool: str) -> str | None:
        """The version of ``python``, ``boto3`` or ``aws-cdk`` (npm's); None if it isn't there."""

    def wanted(self, tool: str) -> str | None:
        """What this project asks for, such as ``==1.2``; None if it doesn't say."""


class Issues(Protocol):
    """The GitLab project's issues, as the user of the stored token sees them."""

    def find(self, marker: str) -> int | None:
        """The number of the oldest issue of ours whose description begins with `marker`, open or closed."""

    def create(self, *, title: str, description: str) -> int:
        """Its number in the project."""

    def token_ends(self) -> date | None:
        """The first day on which GitLab takes the stored token no more; None if it never ends, or GitLab is silent."""
