"""What a data scientist says of a model, in the ``model.toml`` of its folder; `domain.model_toml` reads it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mergemaker.domain.errors import UsageError
from mergemaker.domain.names import MODEL_MAX, name_fault

FILE = "model.toml"

HyperValue = str | int | float | bool | list[object]


class Goal(StrEnum):
    """Which way a metric is better."""

    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"


@dataclass(frozen=True)
class Metric:
    """A number that a run is judged by."""

    name: str
    goal: Goal
    regex: str | None
    """Finds the value in the log, in its first group; None if only ``metrics.json`` has it."""


class Launcher(StrEnum):
    """What starts the processes of a run, on each of its instances."""

    NONE = "none"
    """The script, of which one runs on each."""
    MPI = "mpi"
    TORCHRUN = "torchrun"


@dataclass(frozen=True)
class Distribution:
    """How a run is spread over processes."""

    launcher: Launcher = Launcher.NONE
    per_host: int = 0
    """Processes on each instance; 0 is one for each of its GPUs, or one."""


class InputMode(StrEnum):
    """How a channel's files come to the script, in SageMaker's words."""

    FILE = "File"
    """All are there before the script starts."""
    FAST_FILE = "FastFile"
    """Each is read from the bucket when it is opened."""


@dataclass(frozen=True)
class Resources:
    """What a run computes on."""

    instance_type: str
    instance_count: int
    volume_gb: int
    max_runtime_seconds: int

    @property
    def instances(self) -> str:
        """Count and type, such as ``1 × ml.m5.large``."""
        return f"{self.instance_count} × {self.instance_type}"


@dataclass(frozen=True)
class Spot:
    """Spare instances, which cost less and may be taken away; the run goes on from its checkpoints."""

    max_wait_seconds: int
    """For an instance, the run's own time included."""


@dataclass(frozen=True)
class Image:
    """Where the container comes from, where it isn't made of ``training/Dockerfile`` and the model's requirements."""

    dockerfile: str | None = None
    """A file in the model's folder."""
    uri: str | None = None
    """Somebody else's, such as AWS's framework and algorithm images."""
    serve_uri: str | None = None
    """The one that serves, where that is another than `uri`."""


@dataclass(frozen=True)
class Channel:
    """Data of one kind."""

    prefix: str = ""
    """Under the model's input."""
    dvc: str | None = None
    """Instead of that: a path in the repository that DVC tracks."""
    input_mode: InputMode = InputMode.FILE
    content_type: str = ""
    """What an algorithm is told of the files, such as ``text/csv``."""


@dataclass(frozen=True)
class Prepare:
    """What makes the channels, in a processing job of its own, out of the data as it comes."""

    script: str
    files: tuple[str, ...]
    """Files and folders of the model's folder, or of what it shares, that the script needs besides itself."""
    inputs: Mapping[str, Channel]
    """Name -> data that the script finds in ``/opt/ml/processing/input/<name>``."""
    resources: Resources
    """One instance."""


SMOKE_MARK = "MERGEMAKER_SMOKE"
"""The variable that a smoke run has in its environment, and no other: by it everybody knows one, the script too."""


@dataclass(frozen=True)
class Smoke:
    """A run on a part of the data, which must pass before the run itself starts."""

    fraction: float
    """Of the data: above 0, at most 1."""
    resources: Resources
    """One instance."""


@dataclass(frozen=True)
class ModelSpec:
    """A model's settings, checked."""

    name: str
    description: str
    script: str | None
    """None for an image that is an algorithm by itself."""
    resources: Resources
    hyperparameters: Mapping[str, HyperValue]
    channels: Mapping[str, Channel]
    metrics: tuple[Metric, ...]
    """In the file's order: the first is the headline."""
    content_type: str
    image: Image = Image()
    shared: tuple[str, ...] = ()
    """Files and folders of the repository that the code needs besides the model's folder."""
    distribution: Distribution = Distribution()
    environment: Mapping[str, str] = field(default_factory=dict)
    spot: Spot | None = None
    checkpoints: bool = False
    """Whether what the script leaves in /opt/ml/checkpoints is kept, and is there again when a run is taken up."""
    budget: float | None = None
    """US dollars that a run may cost at most."""
    retrains: bool = False
    """Whether new data in the input starts a run by itself."""
    prepare: Prepare | None = None
    smoke: Smoke | None = None

    @property
    def sources(self) -> Mapping[str, Channel]:
        """What the data is read from: the channels, or what they are prepared from."""
        return self.prepare.inputs if self.prepare else self.channels

    @property
    def metric_regexes(self) -> dict[str, str]:
        """By which SageMaker finds metrics in the log."""
        return {metric.name: metric.regex for metric in self.metrics if metric.regex}

    @property
    def manner(self) -> "Manner":
        return Manner(
            input_modes={name: channel.input_mode for name, channel in self.channels.items()},
            spot=self.spot,
            checkpoints=self.checkpoints,
        )


@dataclass(frozen=True)
class Manner:
    """How a run is carried out, where that doesn't decide its outcome: no part of the run key."""

    input_modes: Mapping[str, InputMode] = field(default_factory=dict)
    """By channel; File where it says nothing."""
    spot: Spot | None = None
    checkpoints: bool = False


def model_name(name: str) -> str:
    """`name`, if a model may be called so. Raises UsageError."""
    if fault := name_fault(name, MODEL_MAX):
        raise UsageError(fault)
    return name


def instance_fault(value: str) -> str | None:
    return None if re.fullmatch(r"ml\.[a-z0-9-]+\.[a-z0-9]+", value) else "not an instance type, such as ml.m5.large"
