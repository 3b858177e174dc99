"""The run table, with word of what its changes mean: to CloudWatch's metrics, and to the log's lines.

The metrics go through the log (embedded metric format), which asks for no permission and no call. What is counted is
the change that this very function has made in the table: repeated and late events change nothing, and so count nothing.
A function that dies between the change and the line, or loses DynamoDB's answer, leaves that one uncounted.
"""

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from mergemaker.domain import about
from mergemaker.domain.run import Run
from mergemaker.domain.watching import DIMENSION, NAMESPACE, UNITS, Count, counted
from mergemaker.ports import NoteRecord, Runs

log = logging.getLogger("mergemaker")


class CountedRuns:
    """`ports.Runs`."""

    def __init__(self, runs: Runs, project: str) -> None:
        self._runs, self._project = runs, project

    def get(self, model: str, job: str) -> Run | None:
        run = self._runs.get(model, job)
        if run:
            about.found(run)
        return run

    def change(self, model: str, job: str, change: Callable[[Run | None], Run]) -> Run:
        before: Run | None = None

        def last(found: Run | None) -> Run:
            """Called again where somebody else was faster: what was replaced is what it was called with last."""
            nonlocal before
            before = found
            return change(found)

        after = self._runs.change(model, job, last)
        about.changed(after)
        if counts := counted(before, after):
            log.info("counted", extra=embedded(counts, self._project))
        return after

    def shown(self, model: str, merge_request: int) -> str | None:
        return self._runs.shown(model, merge_request)

    def note(self, model: str, merge_request: int) -> AbstractContextManager[NoteRecord]:
        return self._runs.note(model, merge_request)


def embedded(counts: Mapping[Count, float], project: str) -> dict[str, object]:
    """Fields of a line from which CloudWatch makes metrics (CloudWatch User Guide, embedded metric format)."""
    metrics = [{"Name": name, "Unit": UNITS.get(name, "Count")} for name in counts]
    directive = {"Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": metrics}
    said = {"_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}}
    return {**said, DIMENSION: project, **{str(name): value for name, value in counts.items()}}
