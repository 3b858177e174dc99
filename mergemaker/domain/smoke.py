"""Smoke runs: the run itself in small, on a part of its data, so that what can't work is told in a minute or two.

A smoke run is nobody's run: it is known by a variable that SageMaker shows of every job, not by a tag, so none can deny
what it is. It gets no record, no row, no package and no word on GitLab, and there is nothing of it to release.
"""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import replace

from mergemaker.domain.errors import RefusedError
from mergemaker.domain.job import JobRequest, work_of
from mergemaker.domain.model import SMOKE_MARK, Smoke
from mergemaker.domain.names import Names, job_name, part_prefix
from mergemaker.domain.proof import ingredients_of
from mergemaker.domain.run import Work

LINES = (".csv", ".jsonl", ".libsvm", ".svm", ".tsv", ".txt")
"""Endings of files that may be cut between two lines."""


def is_smoke(work: Work) -> bool:
    """Whether a job that runs this is a smoke run."""
    return SMOKE_MARK in work.environment


def smoke_run(request: JobRequest, smoke: Smoke, *, image: str, data: str, names: Names) -> JobRequest:
    """The first attempt at the smoke run of `request`, on the part `data`. Whoever asks for the same gets the same.

    On demand and without checkpoints: it is short, and begins anew. Raises RefusedError for a request that submit does
    not make.
    """
    lineage, model = request.lineage, request.lineage.model
    full = ingredients_of(work_of(request, image=image), lineage, request.metric_regexes)
    if full is None:
        raise RefusedError(f"{request.name} has hyperparameters that submit does not give")
    environment = {**request.environment, SMOKE_MARK: "1"}
    made_of = replace(full, data=data, prepare="", resources=smoke.resources, environment=environment)
    return replace(
        request,
        name=job_name(model, made_of.run_key),
        lineage=replace(
            lineage,
            run_key=made_of.run_key,
            source=made_of.source,
            data=data,
            origin=lineage.origin.untold,
            repeats="",
            prepare="",
            input="",
        ),
        channels={one: f"s3://{names.bucket}/{part_prefix(model, data)}{one}/" for one in request.channels},
        resources=smoke.resources,
        environment=environment,
        checkpoints="",
        max_wait_seconds=None,
        preparation=None,
        image="",
        smoke=None,
        smoke_job="",
    )


def some_of(paths: Iterable[str], fraction: float) -> list[str]:
    """At least one. By digest of the path: names that sort by day or by label would else give one day, or one label;
    and files that are added change little of what is taken."""
    shuffled = sorted(paths, key=lambda path: hashlib.sha256(path.encode()).digest())
    return shuffled[: math.ceil(fraction * len(shuffled))]
