"""GitLab's child pipeline: the jobs that a plan asks for, one for each model while GitLab takes that many."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mergemaker.domain.ci import RELEASE_TAG
from mergemaker.domain.triggers import Wishes

TEMPLATE = "ci/mergemaker.gitlab-ci.yml"
"""Where the jobs' settings are: a child pipeline includes them from the commit that it is of."""

MODEL = "MERGEMAKER_MODEL"
"""The variable that tells a job its model, or its models, with spaces between: their names have none."""
MOST_JOBS = 100
"""Of one task in a pipeline. On GitLab.com's free plan a project's running pipelines may have 500 jobs together; a
pipeline that would be above that fails as a whole."""


class Task(StrEnum):
    """What a job does with its model; the template has a hidden job ``.mergemaker:<task>`` for each."""

    SUBMIT = "submit"
    RELEASE = "release"
    IMAGE = "image"


@dataclass(frozen=True)
class Job:
    """What is to be done with a model."""

    task: Task
    model: str
    tag: str = ""
    """Of the GitLab release that is made of the run; empty where none is."""


@dataclass(frozen=True)
class Plan:
    """What a child pipeline does."""

    jobs: tuple[Job, ...]
    otherwise: str = "no model changed"
    """Why there are no jobs, if there are none."""
    refused: str = ""
    """What the commit's message asks for and doesn't get."""

    @property
    def models(self) -> list[str]:
        return sorted({job.model for job in self.jobs})


def plan(*, changed: Sequence[str], models: Sequence[str], wishes: Wishes, review: bool) -> Plan:
    """For a change in git, of a merge request if it is under `review`, else of the default branch.

    A merge is released whatever its message says: its runs were trained before it.
    """
    trained = {} if wishes.skip or wishes.build or not review else dict.fromkeys(changed, "")
    trained |= wishes.train
    jobs = [Job(Task.SUBMIT, model, tag) for model, tag in sorted(trained.items())]
    if wishes.build:
        jobs += [Job(Task.IMAGE, model) for model in changed or models]
    if not review:
        jobs += [Job(Task.RELEASE, model) for model in changed]
    skipped = wishes.skip and review and changed
    return Plan(tuple(jobs), "nothing trains, by [skip train]" if skipped else "no model changed")


def retraining(models: Iterable[str]) -> Plan:
    """For a pipeline of no change in git: what is made of the same files and data as before is found again."""
    return Plan(tuple(Job(Task.SUBMIT, model) for model in models), "no model is retrained by new data")


def child_pipeline(plan: Plan) -> str:
    """The pipeline as JSON, which is YAML. GitLab refuses one without jobs: where none is asked for, one says so.

    A name has its task before it, for a model may be called as a keyword of GitLab's, such as ``image``.
    """
    asked = {name: value for task in Task for name, value in _jobs(task, plan.jobs)}
    nothing = {plan.otherwise: {"extends": ".mergemaker:nothing"}}
    return json.dumps({"include": [{"local": TEMPLATE}], **(asked or nothing)}, indent=2)


def _jobs(task: Task, jobs: Sequence[Job]) -> Iterator[tuple[str, object]]:
    """Of one task: a job for each model, or for several together. What is to be tagged has a job of its own always."""
    alone = [job for job in jobs if job.task is task and job.tag]
    plain = [job.model for job in jobs if job.task is task and not job.tag]
    size = max(1, math.ceil(len(plain) / MOST_JOBS))
    parts = [plain[start : start + size] for start in range(0, len(plain), size)]
    for number, models in enumerate(parts, start=1):
        name = models[0] if size == 1 else f"{number}/{len(parts)}"
        yield f"{task}:{name}", _job(task, " ".join(models), {})
    for job in alone:
        yield f"{task}:{job.model}", _job(task, job.model, {RELEASE_TAG: job.tag})


def _job(task: Task, models: str, more: Mapping[str, str]) -> dict[str, object]:
    return {"extends": f".mergemaker:{task}", "variables": {MODEL: models, **more}}
