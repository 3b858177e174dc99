"""What training costs, by the list prices in ``mergemaker/prices.toml``: an estimate, in US dollars."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

FILE = Path(__file__).parent.parent / "prices.toml"


@dataclass(frozen=True)
class Prices:
    """Of one region, as known on one day."""

    date: date
    region: str
    training: Mapping[str, float]
    """Instance type -> dollars for an hour of one instance."""


@cache
def prices() -> Prices:
    return Prices(**tomllib.loads(FILE.read_text()))


def instance_seconds(instance: str, billed_seconds: int) -> int:
    """What AWS bills: the billable time once for each instance (SageMaker API, BillableTimeInSeconds).

    `instance` as in `Run`, such as ``2 × ml.m5.large``.
    """
    return _count_and_type(instance)[0] * billed_seconds


def training_cost(instance: str, billed_seconds: int) -> float | None:
    """None for an instance type whose price is not known."""
    count, kind = _count_and_type(instance)
    hour = prices().training.get(kind)
    return None if hour is None else count * billed_seconds * hour / 3600


def _count_and_type(instance: str) -> tuple[int, str]:
    found = re.fullmatch(r"([0-9]{1,4}) × (ml\.[a-z0-9.-]+)", instance, re.ASCII)
    return (int(found[1]), found[2]) if found else (1, "")
