"""A run's metrics: from ``metrics.json``, where doubles keep their digits, and from what SageMaker found in the log."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

from mergemaker.domain.model import Goal

MOST = 200
"""Metrics that a run may have; more are not a report any more."""


@dataclass(frozen=True)
class Metrics:
    """What could be read, and what to say of the rest."""

    values: Mapping[str, float]
    remarks: tuple[str, ...] = ()


def parse_metrics(content: bytes) -> Metrics:
    """Reads ``metrics.json``: one object, a number a name. What is not a number is left out, with a remark."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return Metrics({}, ("metrics.json is not valid JSON",))
    if not isinstance(found, dict):
        return Metrics({}, ('metrics.json must hold one object, {"name": number}',))
    numbers = {name: number for name, value in found.items() if (number := _number(value)) is not None}
    values = {name[:100]: number for name, number in numbers.items()}
    remarks = []
    if len(numbers) < len(found):
        remarks.append(f"{len(found) - len(numbers)} of {len(found)} values in metrics.json are not numbers")
    if len(values) > MOST:
        remarks.append(f"only the first {MOST} of {len(values)} metrics are kept")
        values = dict(list(values.items())[:MOST])
    return Metrics(values, tuple(remarks))


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def merged(log: Mapping[str, float], file: Mapping[str, float]) -> dict[str, float]:
    """Both sources as one; where both have a metric, the file wins: the log's went through float32."""
    return {**log, **file}


def better(value: float, than: float, goal: Goal) -> bool | None:
    """Whether `value` is better; None where that can't be said: equal, or not a number."""
    if math.isnan(value) or math.isnan(than) or value == than:
        return None
    return value < than if goal is Goal.MINIMIZE else value > than


def number(value: float) -> str:
    """For people: six significant digits."""
    return f"{value:.6g}"
