"""The schemas that editors use say what the readers do, and docs/models.md shows every setting."""

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from mergemaker.domain import settings as project
from mergemaker.domain.model import Channel
from mergemaker.domain.model_toml import SOURCE_KEYS, parse_model, read_model
from mergemaker.domain.toml import Table
from tests.domain import test_model, test_settings

ROOT = Path(__file__).parents[2]
MODELS = [*sorted((ROOT / "models").glob("*/model.toml"))]
DOCS = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "models.md").read_text(), re.DOTALL)
BEYOND = (
    "needs a group",
    "not a regular expression",
    "must not be less than train.max_runtime_minutes",
)
"""Faults of a model's settings that no schema can tell: what they say together, or what a text means."""
EMPTY = "[train]\n[serve]\n[data]\n[hyperparameters]\n[channels]\n[prepare]\n[prepare.inputs]\n[smoke]\n"
BEYOND_LENGTH = "é" * 420
"""SageMaker counts JSON's characters, a schema the text's."""


def schema(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((ROOT / "mergemaker" / f"{name}.schema.json").read_text())
    return read


def refused(name: str, text: str) -> bool:
    return not Draft202012Validator(schema(name)).is_valid(tomllib.loads(text))


def keys(part: dict[str, Any], under: str = "") -> Iterator[str]:
    """Dotted paths of all settings; a name that people choose is ``*``."""
    named = {**part.get("properties", {}), "*": part.get("additionalProperties", False)}
    inner = {name: inside for name, inside in named.items() if isinstance(inside, dict)}
    if not inner:
        yield under
    for name, inside in inner.items():
        yield from keys(inside, f"{under}.{name}".lstrip("."))


def descriptions(part: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, inside in part.get("properties", {}).items():
        yield name, inside.get("description", "")
        yield from descriptions(inside)
    if isinstance(others := part.get("additionalProperties"), dict):
        yield from descriptions(others)


def test_the_model_schema_has_the_keys_that_the_reader_reads_and_no_others() -> None:
    table = Table.parse("[channels.c]\n[metrics.m]\n[environment]\nv = 'x'\n[hyperparameters]\nh = 1\n", "model.toml")
    read_model("prices", table)
    chosen = {"metrics.m": "metrics.*", "environment.v": "environment.*", "hyperparameters.h": "hyperparameters.*"}
    read = {re.sub("|".join(map(re.escape, chosen)), lambda m: chosen[m[0]], key) for key in table.known}
    read -= {"channels", "channels.c", "environment", "hyperparameters", "metrics", "prepare.inputs"}
    read |= {f"prepare.inputs.*.{key}" for key in SOURCE_KEYS}
    assert set(keys(schema("model"))) == read | {f"channels.*.{one.name}" for one in fields(Channel)}


def test_the_project_schema_has_the_keys_that_the_reader_reads_and_no_others() -> None:
    parts = {"gitlab": project.GitLab, "network": project.Network, "alarms": project.Alarms}
    parts |= {"maximum_concurrency": project.MaximumConcurrency, "environments.*": project.Environment}
    known = {f"{name}.{one.name}" for name, kind in parts.items() for one in fields(kind)}
    known |= {"project.name", "project.models", "project.keep_data"}
    assert set(keys(schema("project"))) == known - {"environments.*.name"}


@pytest.mark.parametrize("name", ["model", "project"])
def test_a_schema_is_one_and_says_what_each_setting_means(name: str) -> None:
    Draft202012Validator.check_schema(schema(name))
    tables = {"project"}
    assert [key for key, text in descriptions(schema(name)) if not text and key not in tables] == []


@pytest.mark.parametrize("file", MODELS, ids=lambda file: file.parent.name)
def test_an_example_is_fine_by_the_schema_that_its_first_line_names(file: Path) -> None:
    first = file.read_text().splitlines()[0]
    assert first.startswith("#:schema ")
    assert (file.parent / first.removeprefix("#:schema ")).resolve() == ROOT / "mergemaker" / "model.schema.json"
    assert not refused("model", file.read_text())


def test_the_projects_own_settings_name_the_schema() -> None:
    first = (ROOT / "mergemaker.toml").read_text().splitlines()[0]
    assert (ROOT / first.removeprefix("#:schema ")) == ROOT / "mergemaker" / "project.schema.json"


@pytest.mark.parametrize("text", [(ROOT / "mergemaker.toml").read_text(), test_settings.GOOD, test_settings.ALL])
def test_settings_that_are_read_are_fine_by_the_schema(text: str) -> None:
    assert not refused("project", text)


@pytest.mark.parametrize("text", ["", test_model.ALL, test_model.PREPARED, EMPTY, *DOCS[1:]])
def test_models_that_are_read_are_fine_by_the_schema(text: str) -> None:
    parse_model("prices", text)
    assert not refused("model", text)


@pytest.mark.parametrize(("text", "fault"), test_model.FAULTS)
def test_the_schema_refuses_what_the_reader_refuses_as_far_as_it_can(text: str, fault: str) -> None:
    can = not any(one in fault for one in BEYOND) and BEYOND_LENGTH not in text
    assert refused("model", text) is can


@pytest.mark.parametrize(
    ("before", "after"),
    [(before, after) for before, after, fault in test_settings.FAULTS if "not valid TOML" not in fault],
)
def test_the_project_schema_refuses_what_the_reader_refuses(before: str, after: str) -> None:
    assert refused("project", test_settings.GOOD.replace(before, after))


def test_the_docs_show_every_setting() -> None:
    shown = set().union(*(leaves(tomllib.loads(text)) for text in DOCS[1:]))
    names = {"environment": 1, "hyperparameters": 1, "channels": 1, "metrics": 1, "prepare": 2}
    general = {".".join("*" if names.get(key[0]) == n else part for n, part in enumerate(key)) for key in shown}
    assert general == set(keys(schema("model")))


def leaves(table: dict[str, Any], under: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    for name, value in table.items():
        found |= leaves(value, (*under, name)) if isinstance(value, dict) else {(*under, name)}
    return found


def test_what_the_docs_call_a_default_is_one() -> None:
    """What else is shown says of itself what the default is."""
    shown, usual = parse_model("prices", DOCS[1]), parse_model("prices", "")
    assert (shown.script, shown.resources, shown.distribution) == (usual.script, usual.resources, usual.distribution)
    assert shown.content_type == usual.content_type
    assert (usual.spot, usual.checkpoints, usual.budget) == (None, False, None)
    (prepared,) = (parse_model("prices", text).prepare for text in DOCS[1:] if "[prepare]" in text)
    by_itself = parse_model("prices", "[prepare]\n").prepare
    assert prepared is not None
    assert by_itself is not None
    assert (prepared.script, prepared.resources) == (by_itself.script, by_itself.resources)
    (smoked,) = (parse_model("prices", text).smoke for text in DOCS[1:] if "[smoke]" in text)
    assert smoked == parse_model("prices", "[smoke]\n").smoke
    assert shown.spot is not None
    assert shown.spot.max_wait_seconds == 2 * shown.resources.max_runtime_seconds
