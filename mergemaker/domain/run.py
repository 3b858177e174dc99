"""A run: one SageMaker training job, what SageMaker says of it and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from mergemaker.domain.lineage import Lineage, Origin
from mergemaker.domain.model import Resources
from mergemaker.domain.names import SMOKE, model_of


class Status(StrEnum):
    """Where a run is, in SageMaker's words, and one of our own before SageMaker knows it."""

    WAITING = "Waiting"
    """For its image, its data or its smoke run."""
    IN_PROGRESS = "InProgress"
    STOPPING = "Stopping"
    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPED = "Stopped"

    @property
    def final(self) -> bool:
        return self in (Status.COMPLETED, Status.FAILED, Status.STOPPED)


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
    serve_image: str = ""
    """What serves the package, where the run's image is somebody else's; `image` where this is empty."""
    serve_environment: Mapping[str, str] = field(default_factory=dict)
    """Variables of the package's container."""
    serve_code: str = ""
    """``s3://…`` address of the code that is put beside the package's model; empty where none is."""
    releases: Mapping[str, Release] = field(default_factory=dict)
    """By environment."""
    also_asked: tuple[Origin, ...] = ()
    """Others that asked for the same work, or the same ones again: they are told all the same."""
    told: Mapping[str, str] = field(default_factory=dict)
    """Pipeline -> digest of the commit status that it has, so that none is set twice."""
    tagged: Mapping[str, str] = field(default_factory=dict)
    """Pipeline whose commit wished for a GitLab release -> empty once that is there, else why it can't be."""
    unwanted: str = ""
    """Why we have asked SageMaker to stop it, which does not tell who stopped a job and why; empty if we have not."""

    @property
    def model(self) -> str:
        return self.lineage.model

    @property
    def smoke_job(self) -> str:
        """The smoke run that it waits for, or waited for when it ended; empty as long as that is not known."""
        return self.phase if not self.image and model_of(self.phase) == self.model else ""

    @property
    def waits_for_smoke(self) -> bool:
        return bool(self.smoke_job) or (not self.image and self.phase == SMOKE)

    @property
    def asked_by(self) -> tuple[Origin, ...]:
        """All that asked for it, the first one first."""
        return self.lineage.origin, *self.also_asked

    def asked_in(self, merge_request: int) -> Origin | None:
        """The last that asked for it in a merge request."""
        here = [origin for origin in self.asked_by if origin.merge_request == merge_request]
        return max(here, key=lambda origin: origin.pipeline, default=None)

    def superseded_by(self, other: "Run", merge_request: int) -> bool:
        """Whether `other` was asked for by a later pipeline of the merge request. Within one pipeline nothing is newer
        than anything else: a job that is tried again is no push."""
        mine, theirs = self.asked_in(merge_request), other.asked_in(merge_request)
        return mine is not None and theirs is not None and mine.pipeline < theirs.pipeline

    def order_in(self, merge_request: int) -> tuple[int, datetime]:
        """Of two runs of one merge request, the one that was asked for last is what the note shows."""
        origin = self.asked_in(merge_request)
        return (origin.pipeline if origin else 0), self.created


MOST_ORIGINS = 20
"""That a run remembers: the newest."""
MOST_WISHES = 100
"""Older ones that it remembers besides, for the GitLab release that each still waits for."""


def also_asked(run: Run, origin: Origin) -> Run:
    """`run`, with `origin` among those that are told of it."""
    if origin in run.asked_by:
        return run
    asked = (*run.also_asked, origin)
    waiting = [one for one in asked[:-MOST_ORIGINS] if one.tag and str(one.pipeline) not in run.tagged]
    return replace(run, also_asked=(*waiting[-MOST_WISHES:], *asked[-MOST_ORIGINS:]))
