"""The jobs of one run key: the first is named after it, those that come later are counted."""

from collections.abc import Sequence

from mergemaker.domain.errors import RefusedError
from mergemaker.domain.names import job_name
from mergemaker.domain.run import TrainingJob
from mergemaker.ports import Jobs

MOST = 20
"""Attempts at one run, after which no other is started."""


def attempts_at(model: str, run_key: str, jobs: Jobs) -> list[TrainingJob]:
    """All that there were, the first one first, whatever became of them."""
    found: list[TrainingJob] = []
    while len(found) < MOST and (job := jobs.find(job_name(model, run_key, len(found) + 1))):
        found.append(job)
    return found


def next_attempt(model: str, run_key: str, before: Sequence[TrainingJob]) -> str:
    """The name of the attempt after those `before`. Raises RefusedError if there were too many."""
    if len(before) >= MOST:
        raise RefusedError(f"there are {MOST} runs of these very files, repeats among them: only a change makes more")
    return job_name(model, run_key, len(before) + 1)
