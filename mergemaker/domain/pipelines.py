"""GitLab's child pipeline: the jobs that a plan asks for, one for each model."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

TEMPLATE = "ci/mergemaker.gitlab-ci.yml"
"""Where the jobs' settings are: a child pipeline includes them from the commit that it is of."""


class Task(StrEnum):
    """What a job does with its model; the template has a hidden job ``.mergemaker:<task>`` for each."""

    SUBMIT = "submit"
    RELEASE = "release"


@dataclass(frozen=True)
class Job:
    """Of a child pipeline."""

    task: Task
    model: str


def child_pipeline(jobs: Iterable[Job]) -> str:
    """The pipeline as JSON, which is YAML. GitLab refuses one without jobs: where none is asked for, one says so.

    A name has its task before it, for a model may be called as a keyword of GitLab's, such as ``image``.
    """
    asked = {
        f"{job.task}:{job.model}": {"extends": f".mergemaker:{job.task}", "variables": {"MERGEMAKER_MODEL": job.model}}
        for job in jobs
    }
    return json.dumps(
        {"include": [{"local": TEMPLATE}], **(asked or {"no model changed": {"extends": ".mergemaker:nothing"}})},
        indent=2,
    )
