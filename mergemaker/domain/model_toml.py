"""Reads ``model.toml``: every fault at once, each with its place."""

import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import TypeVar

from mergemaker.domain.errors import UsageError
from mergemaker.domain.model import (
    FILE,
    SMOKE_MARK,
    Channel,
    Distribution,
    Goal,
    HyperValue,
    Image,
    InputMode,
    Launcher,
    Metric,
    ModelSpec,
    Prepare,
    Resources,
    Smoke,
    Spot,
    instance_fault,
)
from mergemaker.domain.names import IMAGE_ADDRESS, MODEL_MAX, name_fault
from mergemaker.domain.serving import SERVE_IMAGE
from mergemaker.domain.toml import Table

MOST_VARIABLES = 98
"""SageMaker takes 100, of which `SERVE_IMAGE` and `SMOKE_MARK` may be two."""

SMOKE_FRACTION = 0.05
"""Of the data, where ``smoke.fraction`` does not say."""

NEVER, ON_CHANGE = "never", "on-change"
"""What ``data.retrain`` may be."""


@dataclass(frozen=True)
class Around:
    """The files around a ``model.toml``."""

    own: Collection[str]
    """In its folder."""
    share: Callable[[str], Collection[str]]
    """Takes along what is at a path of the repository; all that is taken by then. Raises UsageError that says why it
    can't be."""


def parse_model(name: str, text: str, file: str = FILE, *, around: Around | None = None) -> ModelSpec:
    """Reads the text of ``model.toml``. Raises UsageError that names every fault by key, also of files that it names;
    None where nobody looks for them.

    Limits are SageMaker's: 20 channels, 40 metrics of 255 characters with a regex of 500, 100 hyperparameters, of which
    script mode takes up to six, with values of 2,500 characters, 100 environment variables of 512 characters.
    """
    table = Table.parse(text, file)
    spec = read_model(name, table)
    if around:
        _check_files(table, spec, around)
    table.done()
    return spec


def _check_files(table: Table, spec: ModelSpec, around: Around) -> None:
    prepare = spec.prepare
    named = {"train.script": spec.script, "image.dockerfile": spec.image.dockerfile}
    named |= {"prepare.script": prepare.script} if prepare else {}
    for key, path in named.items():
        if path and path not in around.own:
            table.fault(key, f"there is no {path} in the model's folder")
    there = {*around.own, *_share(table, spec, around)}
    for path in prepare.files if prepare else ():
        if not any(one == path.rstrip("/") or one.startswith(f"{path.rstrip('/')}/") for one in there):
            table.fault("prepare.files", f"there is no {path} in the model's folder, or in train.shared")


def _share(table: Table, spec: ModelSpec, around: Around) -> Collection[str]:
    taken: Collection[str] = ()
    for path in spec.shared:
        if not _shared_fault(path):
            try:
                taken = around.share(path)
            except UsageError as error:
                table.fault("train.shared", str(error))
    return taken


def read_model(name: str, table: Table) -> ModelSpec:
    """Notes faults in the table. What it returns is a model only if there are none."""
    if fault := name_fault(name, MODEL_MAX):
        table.fault("the folder's name", fault)
    image = _image(table)
    resources = _resources(table)
    script = _script(table, image)
    spot = _spot(table, resources)
    prepare = _prepare(table)
    return ModelSpec(
        name=name,
        description=table.string("description", default="-"),
        script=script,
        resources=resources,
        hyperparameters=_hyperparameters(table),
        channels=_channels(table, prepared=prepare is not None),
        metrics=_metrics(table),
        content_type=table.string("serve.content_type", default="text/csv"),
        image=image,
        shared=table.strings("train.shared", check=_shared_fault),
        distribution=_distribution(table, script),
        environment=_environment(table, image),
        spot=spot,
        checkpoints=table.boolean("train.checkpoints", default=spot is not None),
        budget=_budget(table),
        retrains=table.string("data.retrain", default=NEVER, check=_retrain_fault) == ON_CHANGE,
        prepare=prepare,
        smoke=_smoke(table, resources),
    )


def _image(table: Table) -> Image:
    image = Image(
        dockerfile=table.string("image.dockerfile", default="", check=_dockerfile_fault) or None,
        uri=table.string("image.uri", default="", check=_uri_fault) or None,
        serve_uri=table.string("image.serve_uri", default="", check=_uri_fault) or None,
    )
    if image.dockerfile and image.uri:
        table.fault("image.uri", "there is image.dockerfile, too: keep one of them")
    if image.serve_uri and not image.uri:
        table.fault("image.serve_uri", "goes with image.uri: an image that is made here serves by itself")
    return image


def _script(table: Table, image: Image) -> str | None:
    """An algorithm has none: it is said by `train.algorithm`, so that a script which is missing is still a fault."""
    if not table.boolean("train.algorithm", default=False):
        return table.string("train.script", default="train.py", check=_script_fault)
    if not image.uri:
        table.fault("train.algorithm", "an algorithm is an image: name it by image.uri")
    if table.string("train.script", default="") != "":
        table.fault("train.script", "an algorithm has no script: leave out one of the two")
    return None


def _resources(table: Table) -> Resources:
    return Resources(
        instance_type=table.string("train.instance_type", default="ml.m5.large", check=instance_fault),
        instance_count=table.integer("train.instance_count", default=1, least=1),
        volume_gb=table.integer("train.volume_gb", default=10, least=1),
        max_runtime_seconds=60 * table.integer("train.max_runtime_minutes", default=60, least=1),
    )


def _distribution(table: Table, script: str | None) -> Distribution:
    launcher = table.string("train.distribution", default=Launcher.NONE, check=_launcher_fault)
    distribution = Distribution(
        launcher=_one_of(Launcher, launcher, Launcher.NONE),
        per_host=table.integer("train.processes_per_host", default=0),
    )
    if distribution.per_host and distribution.launcher is Launcher.NONE:
        table.fault("train.processes_per_host", "needs train.distribution: mpi or torchrun starts them")
    if script is None and distribution.launcher is not Launcher.NONE:
        table.fault("train.distribution", "an algorithm spreads itself over its instances: leave this out")
    return distribution


def _spot(table: Table, resources: Resources) -> Spot | None:
    wanted = table.boolean("train.spot", default=False)
    usual = 2 * resources.max_runtime_seconds // 60
    minutes = table.integer("train.max_wait_minutes", default=usual, least=1)
    if not wanted:
        if minutes != usual:
            table.fault("train.max_wait_minutes", "is for spot instances: set train.spot = true, or leave it out")
        return None
    if 60 * minutes < resources.max_runtime_seconds:
        table.fault("train.max_wait_minutes", "must not be less than train.max_runtime_minutes, which it includes")
    return Spot(max_wait_seconds=60 * minutes)


def _environment(table: Table, image: Image) -> dict[str, str]:
    values = table.values("environment")
    if len(values) > MOST_VARIABLES:
        table.fault("environment", f"at most {MOST_VARIABLES}, not {len(values)}")
    for name, value in values.items():
        key = f"environment.{name}"
        if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]{0,511}", name, re.ASCII):
            table.fault(key, "use letters, digits and underscores, no digit first, at most 512")
        if name.startswith(("SM_", "AWS_", "SAGEMAKER_")):
            table.fault(key, "SageMaker sets what begins so: choose another name")
        if name == SERVE_IMAGE:
            table.fault(key, "is set by image.serve_uri")
        if name == SMOKE_MARK:
            table.fault(key, "is what tells a smoke run from others: choose another name")
        if not isinstance(value, str) or len(value) > 512:
            table.fault(key, "must be a string of at most 512 characters")
    return {**values, SERVE_IMAGE: image.serve_uri} if image.serve_uri else values


def _budget(table: Table) -> float | None:
    return table.number("train.budget", most=1_000_000)


def _prepare(table: Table) -> Prepare | None:
    """SageMaker takes ten inputs, of which the code is one, 16 TB and nine days. Read where it isn't there, too: only
    then a name that is nearly right is known."""
    names = table.tables("prepare.inputs")
    _check_names(table, "prepare.inputs", names, most=9)
    if "code" in names:
        table.fault("prepare.inputs.code", "the script itself comes as this: choose another name")
    inputs = {name: _source(table, f"prepare.inputs.{name}", keys=SOURCE_KEYS) for name in names}
    prepare = Prepare(
        script=table.string("prepare.script", default="prepare.py", check=_prepare_script_fault),
        files=table.strings("prepare.files", check=_own_path_fault),
        inputs=inputs or {"data": Channel()},
        resources=Resources(
            instance_type=table.string("prepare.instance_type", default="ml.m5.large", check=instance_fault),
            instance_count=1,
            volume_gb=table.integer("prepare.volume_gb", default=30, least=1, most=16_384),
            max_runtime_seconds=60 * table.integer("prepare.max_runtime_minutes", default=60, least=1, most=12_960),
        ),
    )
    return prepare if table.has("prepare") else None


def _smoke(table: Table, full: Resources) -> Smoke | None:
    """Read where it isn't there, too, as `_prepare` is."""
    fraction = table.number("smoke.fraction", most=1)
    smoke = Smoke(
        fraction=SMOKE_FRACTION if fraction is None else fraction,
        resources=Resources(
            instance_type=table.string("smoke.instance_type", default=full.instance_type, check=instance_fault),
            instance_count=1,
            volume_gb=full.volume_gb,
            max_runtime_seconds=60 * table.integer("smoke.max_runtime_minutes", default=10, least=1),
        ),
    )
    return smoke if table.has("smoke") else None


def _prepare_script_fault(value: str) -> str | None:
    """It has to fit into a tag of the job."""
    return _script_fault(value) or ("must have at most 250 characters" if len(value) > 250 else None)


def _own_path_fault(value: str) -> str | None:
    return (
        None if _is_below(value) else f"{value[:40]!r} is no file or folder in the model's folder, such as features.py"
    )


def _shared_fault(value: str) -> str | None:
    return None if _is_below(value) else f"{value[:40]!r} is no file or folder of the repository, such as lib/features"


def _is_below(path: str) -> bool:
    return not path.startswith("/") and not {"", ".", ".."} & set(path.rstrip("/").split("/"))


Member = TypeVar("Member", bound=StrEnum)


def _one_of(kind: type[Member], value: str, usual: Member) -> Member:
    """A fault is noted already where it is none."""
    return next((one for one in kind if one == value), usual)


def _retrain_fault(value: str) -> str | None:
    return None if value in (NEVER, ON_CHANGE) else f"must be {NEVER} or {ON_CHANGE}"


def _launcher_fault(value: str) -> str | None:
    return None if value in list(Launcher) else "must be none, mpi or torchrun"


def _mode_fault(value: object) -> str | None:
    return None if value in list(InputMode) else "must be File or FastFile"


def _dockerfile_fault(value: str) -> str | None:
    return None if re.fullmatch(r"[\w.-]+", value) else "must be a file in the model's folder"


def _uri_fault(value: str) -> str | None:
    """As SageMaker takes it: at most 255 characters without spaces."""
    fine = re.fullmatch(IMAGE_ADDRESS, value, re.ASCII)
    return None if fine and len(value) <= 255 else "not an image's address with a tag or a digest"


def _hyperparameters(table: Table) -> dict[str, HyperValue]:
    values = table.values("hyperparameters")
    if len(values) > 94:
        table.fault("hyperparameters", f"SageMaker takes 94 besides script mode's own, not {len(values)}")
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


def _channels(table: Table, *, prepared: bool) -> dict[str, Channel]:
    """SageMaker takes 20 of a training job, and ten outputs of a processing job."""
    names = table.tables("channels")
    _check_names(table, "channels", names, most=10 if prepared else 20)
    return {name: _channel(table, name, prepared=prepared) for name in names} or {"training": Channel()}


def _check_names(table: Table, key: str, names: list[str], *, most: int) -> None:
    if len(names) > most:
        table.fault(key, f"SageMaker takes {most}, not {len(names)}")
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
            table.fault(f"{key}.{name}", "use letters, digits, dashes and underscores, at most 64")


SOURCE_KEYS = frozenset({"prefix", "dvc"})
CHANNEL_KEYS = frozenset(one.name for one in fields(Channel))


def _channel(table: Table, name: str, *, prepared: bool) -> Channel:
    at = f"channels.{name}"
    said = table.values(at)
    mode = said.get("input_mode", InputMode.FILE)
    if fault := _mode_fault(mode):
        table.fault(f"{at}.input_mode", fault)
    for key in sorted(SOURCE_KEYS & said.keys() if prepared else ()):
        table.fault(f"{at}.{key}", "[prepare] makes what is in here: say in [prepare.inputs.NAME] out of what")
    source = _source(table, at, keys=CHANNEL_KEYS)
    return replace(
        Channel() if prepared else source,
        input_mode=_one_of(InputMode, str(mode), InputMode.FILE),
        content_type=_content_type(table, f"{at}.content_type", said.get("content_type", "")),
    )


def _source(table: Table, at: str, *, keys: frozenset[str]) -> Channel:
    """Where data comes from; `keys` are all that may be in the table."""
    said = table.values(at)
    for other in said.keys() - keys:
        table.fault(f"{at}.{other}", "no such setting")
    if "dvc" in said and "prefix" in said:
        table.fault(f"{at}.dvc", "there is a prefix, too: keep one of them")
    dvc = _path(table, f"{at}.dvc", said["dvc"], "the repository, such as data/train.csv") if "dvc" in said else None
    prefix = _path(table, f"{at}.prefix", said.get("prefix", ""), "the model's input, such as train/")
    return Channel(prefix=prefix if not prefix or prefix.endswith("/") else f"{prefix}/", dvc=dvc)


def _content_type(table: Table, key: str, value: object) -> str:
    """As SageMaker takes it: at most 256 characters without spaces at the ends."""
    if not isinstance(value, str) or len(value) > 256 or value.strip() != value:
        table.fault(key, "must be a type such as text/csv")
        return ""
    return value


def _path(table: Table, key: str, value: object, under: str) -> str:
    if not isinstance(value, str) or value.startswith("/") or ".." in value.split("/"):
        table.fault(key, f"must be a path under {under}")
        return ""
    return value


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
    """Also in a folder of it. As AWS's toolkit takes it, which refuses other characters."""
    fine = re.fullmatch(r"([A-Za-z0-9_+][A-Za-z0-9_+.-]*/)*[A-Za-z0-9_+][A-Za-z0-9_+.-]*\.py", value, re.ASCII)
    return None if fine else "must be a Python file in the model's folder, such as train.py or src/train.py"
