"""``models/<name>/model.toml``: what a data scientist says of a model."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from mergemaker.domain.errors import UsageError
from mergemaker.domain.names import MODEL_MAX, name_fault
from mergemaker.domain.toml import Table

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


@dataclass(frozen=True)
class Resources:
    """What a run computes on."""

    instance_type: str
    instance_count: int
    volume_gb: int
    max_runtime_seconds: int


@dataclass(frozen=True)
class ModelSpec:
    """A model's settings, checked."""

    name: str
    description: str
    script: str
    resources: Resources
    hyperparameters: Mapping[str, HyperValue]
    channels: Mapping[str, str]
    """Channel's name -> prefix under the model's input."""
    metrics: tuple[Metric, ...]
    """In the file's order: the first is the headline."""
    content_type: str


def parse_model(name: str, text: str, file: str = FILE) -> ModelSpec:
    """Reads the text of ``model.toml``. Raises UsageError that names every fault by key.

    Limits are SageMaker's: 20 channels, 40 metrics of 255 characters with a regex of 500, 100 hyperparameters, of which
    script mode takes three, with values of 2,500 characters.
    """
    table = Table.parse(text, file)
    if fault := name_fault(name, MODEL_MAX):
        table.fault("the folder's name", fault)
    spec = ModelSpec(
        name=name,
        description=table.string("description", default="-"),
        script=table.string("train.script", default="train.py", check=_script_fault),
        resources=Resources(
            instance_type=table.string("train.instance_type", default="ml.m5.large", check=_instance_fault),
            instance_count=table.integer("train.instance_count", default=1, least=1),
            volume_gb=table.integer("train.volume_gb", default=10, least=1),
            max_runtime_seconds=60 * table.integer("train.max_runtime_minutes", default=60, least=1),
        ),
        hyperparameters=_hyperparameters(table),
        channels=_channels(table),
        metrics=_metrics(table),
        content_type=table.string("serve.content_type", default="text/csv"),
    )
    table.done()
    return spec


def _hyperparameters(table: Table) -> dict[str, HyperValue]:
    values = table.values("hyperparameters")
    if len(values) > 97:
        table.fault("hyperparameters", f"SageMaker takes 97 besides script mode's own, not {len(values)}")
    for name, value in values.items():
        key = f"hyperparameters.{name}"
        if fault := _hyper_fault(value):
            table.fault(key, fault)
        if len(name) > 256 or name.startswith("sagemaker_"):
            table.fault(key, "SageMaker keeps names of over 256 characters and the prefix sagemaker_ for itself")
    return values


def _hyper_fault(value: object) -> str | None:
    """SageMaker is given JSON, and counts its characters."""
    try:
        text = "" if isinstance(value, dict) else json.dumps(value)
    except TypeError:
        text = ""
    if not text:
        return "must be a string, a number, true or false, or a list of these"
    return "is longer than SageMaker takes (2,500 characters)" if len(text) > 2_500 else None


def _channels(table: Table) -> dict[str, str]:
    names = table.tables("channels")
    if len(names) > 20:
        table.fault("channels", f"SageMaker takes 20, not {len(names)}")
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
            table.fault(f"channels.{name}", "use letters, digits, dashes and underscores, at most 64")
    return {name: _prefix(table, name) for name in names} or {"training": ""}


def _prefix(table: Table, channel: str) -> str:
    key = f"channels.{channel}.prefix"
    said = table.values(f"channels.{channel}")
    for other in said.keys() - {"prefix"}:
        table.fault(f"channels.{channel}.{other}", "no such setting")
    prefix = said.get("prefix", "")
    if not isinstance(prefix, str) or prefix.startswith("/") or ".." in prefix.split("/"):
        table.fault(key, "must be a path under the model's input, such as train/")
        return ""
    return prefix if not prefix or prefix.endswith("/") else f"{prefix}/"


def _metrics(table: Table) -> tuple[Metric, ...]:
    metrics = tuple(_metric(table, name) for name in table.tables("metrics"))
    if len(metrics) > 40:
        table.fault("metrics", f"SageMaker takes 40, not {len(metrics)}")
    return metrics


def _metric(table: Table, name: str) -> Metric:
    if not re.fullmatch(r"[A-Za-z0-9_.:@/ -]{1,100}", name):
        table.fault(f"metrics.{name}", "use letters, digits and _.:@/- and spaces, at most 100")
    goal = table.string(f"metrics.{name}.goal", check=_goal_fault)
    regex = table.string(f"metrics.{name}.regex", default="-", check=_regex_fault)
    return Metric(
        name=name,
        goal=Goal.MAXIMIZE if goal == Goal.MAXIMIZE else Goal.MINIMIZE,
        regex=None if regex == "-" else regex,
    )


def _goal_fault(value: str) -> str | None:
    return None if value in (Goal.MINIMIZE, Goal.MAXIMIZE) else "must be minimize or maximize"


def _regex_fault(value: str) -> str | None:
    if value == "-":
        return None
    if len(value) > 500:
        return f"SageMaker takes 500 characters, not {len(value)}"
    try:
        groups = re.compile(value).groups
    except (re.error, RecursionError, OverflowError) as error:
        return f"not a regular expression: {error}"
    return None if groups else "needs a group (...) around the value"


def _script_fault(value: str) -> str | None:
    return None if re.fullmatch(r"[\w-]+\.py", value) else "must be a Python file in the model's folder"


def _instance_fault(value: str) -> str | None:
    return None if re.fullmatch(r"ml\.[a-z0-9-]+\.[a-z0-9]+", value) else "not an instance type, such as ml.m5.large"


def model_name(name: str) -> str:
    """`name`, if a model may be called so. Raises UsageError."""
    if fault := name_fault(name, MODEL_MAX):
        raise UsageError(fault)
    return name
