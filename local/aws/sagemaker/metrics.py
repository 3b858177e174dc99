"""Metrics from log lines, by the job's MetricDefinitions."""

import math
import re
import struct
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

METRICS_MAX = 40


class Metrics:
    """Each metric's last value, as SageMaker keeps it: a float of 32 bits, none that is not finite."""

    def __init__(self, definitions: Iterable[dict[str, str]]) -> None:
        self._patterns = [(d["Name"], re.compile(d["Regex"])) for d in definitions]
        self._values: dict[str, dict[str, Any]] = {}

    def read(self, line: str) -> None:
        for name, pattern in self._patterns:
            for found in pattern.finditer(line):
                value = _float32(found[1] if pattern.groups else found[0])
                if value is not None:
                    self._values[name] = {"MetricName": name, "Value": value, "Timestamp": datetime.now(UTC)}

    def final(self) -> list[dict[str, Any]]:
        return list(self._values.values())[:METRICS_MAX]


def _float32(text: str | None) -> float | None:
    try:
        value = float(text or "")
        return float(struct.unpack("<f", struct.pack("<f", value))[0]) if math.isfinite(value) else None
    except (ValueError, OverflowError):
        return None
