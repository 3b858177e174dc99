"""A run: one SageMaker training job, where it came from, what went into it and what came of it."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from mergemaker.domain.model import Distribution, HyperValue, Resources
from mergemaker.domain.names import IMAGE_ADDRESS, IMAGE_TAG, MODEL_MAX, is_run, name_fault

TAG_PREFIX = "mergemaker:"


class Status(StrEnum):
    """Where a run is, in SageMaker's words, and one of our own before SageMaker knows it."""

    WAITING = "Waiting"
    """For its image."""
    IN_PROGRESS = "InProgress"
    STOPPING = "Stopping"
    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPED = "Stopped"

    @property
    def final(self) -> bool:
        return self in (Status.COMPLETED, Status.FAILED, Status.STOPPED)


@dataclass(frozen=True)
class Origin:
    """Who asked for a run: everything a Lambda needs to answer there."""

    gitlab_project: int
    merge_request: int | None
    """The merge request's iid; None for a run of a branch."""
    commit: str
    """Head of the branch, 40 hex digits."""
    branch: str
    ref: str
    """The pipeline's ref: ``refs/merge-requests/7/head`` in a merge request's pipeline. A commit status that names
    another opens a second pipeline."""
    pipeline: int
    """`NO_PIPELINE` where none asked."""
    pipeline_commit: str
    """The commit that the pipeline runs on: not `commit` where GitLab tests the merged result."""
    author: str = ""
    """Login of the GitLab user whose job asked; empty where GitLab did not say."""

    @property
    def told(self) -> bool:
        """Whether anybody on GitLab waits for the run. Nobody does for a reproduction: what was reviewed is the first
        run, and no note, status or release turns from it to another."""
        return self.pipeline != NO_PIPELINE


NO_PIPELINE = 0
"""GitLab counts from 1."""


@dataclass(frozen=True)
class Ingredients:
    """All that decides a run's outcome, known before anything is built or started."""

    model: str
    code: str
    """Digest of the code bundle."""
    image: str
    """Tag of the image, which carries the digest of what it is made of, or the address of somebody else's."""
    data: str
    """Digest of the data snapshot."""
    script: str | None
    """None for an image that is an algorithm by itself."""
    hyperparameters: Mapping[str, HyperValue]
    resources: Resources
    channels: Mapping[str, str]
    """Names of the channels that the data is read from -> content types that an algorithm is told; else empty."""
    distribution: Distribution
    environment: Mapping[str, str]
    resolved: str = ""
    """What somebody else's address meant when the run was submitted, by digest if its registry said."""
    metric_regexes: Mapping[str, str] = field(default_factory=dict)
    """By which SageMaker finds metrics in the log. With another one the same run has other metrics."""

    @property
    def run_key(self) -> str:
        """The same ingredients give the same 64 hex digits, on any machine."""
        return hashlib.sha256(f"{self.source} {self.data} {self.resolved}".rstrip().encode()).hexdigest()

    @property
    def texts(self) -> dict[str, str]:
        """The hyperparameters as SageMaker gets them: script mode wants JSON, an algorithm the plain text."""
        return {key: self._text(value) for key, value in self.hyperparameters.items()}

    def _text(self, value: HyperValue) -> str:
        return value if self.script is None and isinstance(value, str) else json.dumps(value)

    @property
    def source(self) -> str:
        """Digest of what comes from the repository: all but the data. By it a merged tree finds its reviewed run."""
        r, d = self.resources, self.distribution
        said = {
            "model": self.model,
            "code": self.code,
            "image": self.image,
            "script": self.script,
            "hyperparameters": self.texts,
            "resources": [r.instance_type, r.instance_count, r.volume_gb, r.max_runtime_seconds],
            "channels": dict(self.channels),
            "distribution": [d.launcher, d.per_host],
            "environment": dict(self.environment),
            "metrics": dict(self.metric_regexes),
        }
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Lineage:
    """What a job's tags say: where it came from and what went into it."""

    project: str
    model: str
    run_key: str
    source: str
    code: str
    image: str
    data: str
    spec: str
    """Digest of the model's settings."""
    origin: Origin
    repeats: str = ""
    """The run that had done the same work before, where this one was started all the same, and from the beginning."""


@dataclass(frozen=True)
class Release:
    """A package's way into one environment."""

    environment: str
    version: int
    status: "ReleaseStatus"
    at: datetime
    reason: str = ""


class ReleaseStatus(StrEnum):
    """How far a release has come."""

    WAITING = "waiting"
    """For an earlier change of the endpoint to end."""
    DEPLOYING = "deploying"
    SERVING = "serving"
    FAILED = "failed"
    ROLLED_BACK = "rolled back"
    REPLACED = "replaced"


SCRIPT_MODE = "sagemaker_"
"""How the hyperparameters begin that tell AWS's training toolkit what to run, and in how many processes."""


@dataclass(frozen=True)
class Work:
    """What a training job runs, as SageMaker has it: no tag, and fixed once the job is there."""

    image: str
    """By digest."""
    hyperparameters: Mapping[str, str]
    """Texts, script mode's own among them."""
    channels: Mapping[str, str]
    """Name -> ``s3://…/`` prefix."""
    output: str
    resources: Resources
    content_types: Mapping[str, str] = field(default_factory=dict)
    """Of the channels that have one."""
    environment: Mapping[str, str] = field(default_factory=dict)
    checkpoints: str = ""
    """``s3://…/`` prefix; empty if none are kept."""
    metric_regexes: Mapping[str, str] = field(default_factory=dict)
    unusual: tuple[str, ...] = ()
    """What is set otherwise than `ports.Jobs.start` sets it and changes what runs, in SageMaker's words."""

    @property
    def own_hyperparameters(self) -> dict[str, str]:
        """The script's: without script mode's."""
        return {key: value for key, value in self.hyperparameters.items() if not key.startswith(SCRIPT_MODE)}

    @property
    def instance(self) -> str:
        """As `Resources` says it."""
        return self.resources.instances


@dataclass(frozen=True)
class TrainingJob:
    """A training job as SageMaker describes it."""

    name: str
    status: Status
    phase: str
    """SageMaker's secondary status, such as ``Downloading``."""
    reason: str
    """Why it failed or stopped; empty if it did not."""
    created: datetime
    ended: datetime | None
    billed_seconds: int | None
    work: Work
    artifact: str
    """``s3://…/model.tar.gz``; empty before it is there."""
    metrics: Mapping[str, float]
    """What SageMaker found in the log: float32, at most 40."""
    lineage: Lineage | None
    """None for a job that is not ours."""


@dataclass(frozen=True)
class Run:
    """The record of a run, as the run table keeps it."""

    job: str
    lineage: Lineage
    status: Status
    phase: str
    reason: str
    created: datetime
    ended: datetime | None
    billed_seconds: int | None
    instance: str
    """Count and type, such as ``1 × ml.m5.large``."""
    image: str
    artifact: str
    """``s3://…/model.tar.gz``: the job's, or, once there is a package, the copy that the package serves."""
    hyperparameters: Mapping[str, str]
    """Script mode's own left out; values as SageMaker has them: JSON, or an algorithm's plain text."""
    metrics: Mapping[str, float]
    remarks: tuple[str, ...] = ()
    """What the report has to say besides, such as an unreadable metrics.json."""
    installed: Mapping[str, str] = field(default_factory=dict)
    """Packages in the image -> versions; by the word of what ran there."""
    version: int | None = None
    """Of its package in the registry. From then on nothing of the job is read again: its output can be replaced."""
    artifact_etag: str = ""
    """Of the package's copy; empty before there is one."""
    releases: Mapping[str, Release] = field(default_factory=dict)
    """By environment."""
    also_asked: tuple[Origin, ...] = ()
    """Others that asked for the same work, or the same ones again: they are told all the same."""
    told: Mapping[str, str] = field(default_factory=dict)
    """Pipeline -> digest of the commit status that it has, so that none is set twice."""

    @property
    def model(self) -> str:
        return self.lineage.model

    @property
    def asked_by(self) -> tuple[Origin, ...]:
        """All that asked for it, the first one first."""
        return self.lineage.origin, *self.also_asked

    def asked_in(self, merge_request: int) -> Origin | None:
        """The last that asked for it in a merge request."""
        here = [origin for origin in self.asked_by if origin.merge_request == merge_request]
        return max(here, key=lambda origin: origin.pipeline, default=None)

    def order_in(self, merge_request: int) -> tuple[int, datetime]:
        """Of two runs of one merge request, the one that was asked for last is what the note shows."""
        origin = self.asked_in(merge_request)
        return (origin.pipeline if origin else 0), self.created


MOST_ORIGINS = 20
"""That a run remembers: the newest."""


def also_asked(run: Run, origin: Origin) -> Run:
    """`run`, with `origin` among those that are told of it."""
    if origin in run.asked_by:
        return run
    return replace(run, also_asked=(*run.also_asked, origin)[-MOST_ORIGINS:])


# Tags ---------------------------------------------------------------------------------------

_ALLOWED = re.compile(r"[A-Za-z0-9 _.:/+@-]")


def tag_value(text: str) -> str:
    """`text` in the characters that AWS takes in a tag; others as ``=XX``, UTF-8 bytes in hex. At most 256."""

    def escaped(c: str) -> str:
        # git takes branch names in any encoding, and Python passes on what is no UTF-8 as surrogates
        return "".join(f"={b:02X}" for b in c.encode(errors="surrogatepass"))

    return "".join(c if _ALLOWED.fullmatch(c) else escaped(c) for c in text)[:256]


def from_tag_value(value: str) -> str:
    """What `tag_value` was given, as far as it fitted."""
    parts = re.sub(rb"=([0-9A-F]{2})", lambda m: bytes.fromhex(m[1].decode()), value.encode())
    return parts.decode(errors="replace")


def lineage_tags(lineage: Lineage) -> dict[str, str]:
    """Tags for a job, by which a Lambda that knows only its name finds everything else."""
    origin = lineage.origin
    values = {
        "project": lineage.project,
        "model": lineage.model,
        "run-key": lineage.run_key,
        "source": lineage.source,
        "code": lineage.code,
        "image": lineage.image,
        "data": lineage.data,
        "spec": lineage.spec,
        "gitlab-project": str(origin.gitlab_project),
        "commit": origin.commit,
        "branch": origin.branch,
        "ref": origin.ref,
        "pipeline": str(origin.pipeline),
        "pipeline-commit": origin.pipeline_commit,
    }
    if origin.merge_request is not None:
        values["merge-request"] = str(origin.merge_request)
    if origin.author:
        values["author"] = origin.author
    if lineage.repeats:
        values["repeats"] = lineage.repeats
    return {TAG_PREFIX + key: tag_value(value) for key, value in values.items()}


_DIGEST, _COMMIT, _NUMBER = r"[0-9a-f]{64}", r"[0-9a-f]{40}|[0-9a-f]{64}", r"[0-9]{1,18}"
_SHAPES = {
    "run-key": _DIGEST,
    "source": _DIGEST,
    "code": _DIGEST,
    "data": _DIGEST,
    "spec": _DIGEST,
    "image": f"{IMAGE_TAG}|{IMAGE_ADDRESS}",
    "commit": _COMMIT,
    "pipeline-commit": _COMMIT,
    "gitlab-project": _NUMBER,
    "pipeline": _NUMBER,
}


def parse_lineage(tags: Mapping[str, str]) -> Lineage | None:
    """The lineage in a job's tags; None if they are not such as `lineage_tags` makes: then the job is not ours.

    Whoever may start a job chooses its tags, and they end up in keys of the bucket and in the note.
    """
    got = {key.removeprefix(TAG_PREFIX): from_tag_value(value) for key, value in tags.items()}
    merge_request = got.get("merge-request", "")
    if not all(re.fullmatch(shape, got.get(key, ""), re.ASCII) for key, shape in _SHAPES.items()):
        return None
    if merge_request and not re.fullmatch(_NUMBER, merge_request, re.ASCII):
        return None
    if name_fault(got.get("model"), MODEL_MAX):
        return None
    repeats = got.get("repeats", "")
    if repeats and not is_run(repeats, got["model"], got["run-key"]):
        return None
    try:
        return Lineage(
            project=got["project"],
            model=got["model"],
            run_key=got["run-key"],
            source=got["source"],
            code=got["code"],
            image=got["image"],
            data=got["data"],
            spec=got["spec"],
            origin=Origin(
                gitlab_project=int(got["gitlab-project"]),
                merge_request=int(merge_request) if merge_request else None,
                commit=got["commit"],
                branch=got["branch"],
                ref=got["ref"],
                pipeline=int(got["pipeline"]),
                pipeline_commit=got["pipeline-commit"],
                author=got.get("author", ""),
            ),
            repeats=repeats,
        )
    except KeyError:
        return None
