"""docs/deploying.md says what is so: its settings are all that there are, its sums those of the templates."""

import re
import tomllib
from dataclasses import fields, replace
from typing import Any

from mergemaker.domain.settings import (
    Alarms,
    Environment,
    GitLab,
    MaximumConcurrency,
    Network,
    Settings,
    parse_settings,
)
from tests.infra.conftest import ROOT
from tests.infra.stacks import Stacks

TEXT = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
SHORT, FULL = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)


def keys(table: Any) -> set[str]:
    """Paths of all settings; environments have names of their own."""
    if not isinstance(table, dict):
        return {""}
    return {f"{name}.{rest}".rstrip(".") for name, value in table.items() for rest in keys(value)}


def test_the_settings_that_are_shown_are_fine_and_are_all() -> None:
    parse_settings(SHORT)
    settings = parse_settings(FULL)

    parts = {"gitlab": GitLab, "network": Network, "alarms": Alarms, "maximum_concurrency": MaximumConcurrency}
    known = {f"{name}.{one.name}" for name, kind in parts.items() for one in fields(kind)}
    known |= {f"environments.staging.{one.name}" for one in fields(Environment) if one.name != "name"}
    known |= {f"project.{one.name}" for one in fields(Settings) if one.name not in {*parts, "project", "environments"}}
    assert keys(tomllib.loads(FULL)) == known | {"project.name"}
    assert settings.network.subnets


def test_what_is_called_a_default_is_one() -> None:
    shown, short = parse_settings(FULL), parse_settings(SHORT)

    assert replace(shown, network=Network(), alarms=replace(shown.alarms, email="")) == short
    assert (shown.alarms.endpoint_errors, shown.maximum_concurrency) == (Alarms().endpoint_errors, MaximumConcurrency())


def test_the_alarms_that_are_to_pay_for_are_counted_right(stacks: Stacks) -> None:
    count = len(stacks.of_type("AWS::CloudWatch::Alarm"))

    assert f"| {count} alarms | $0.10 an alarm | ${count / 10:.2f} |" in TEXT
    assert len(stacks.of_type("AWS::CloudWatch::Dashboard")) == 1


def test_the_sum_is_that_of_its_lines() -> None:
    table = TEXT.partition("## What it costs at rest")[2].partition("**together**")
    rows = re.findall(r"\| [^|]*\$(\d+\.\d\d)[^|]* \|$", table[0], re.MULTILINE)
    (together,) = re.findall(r"\*\*about \$(\d+\.\d\d)\*\*", table[2].partition("\n")[0])

    assert len(rows) >= 10
    assert abs(sum(map(float, rows)) - float(together)) < 0.2
