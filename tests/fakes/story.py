"""What people, CI and SageMaker do in most stories of the steps."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from mergemaker.domain.lineage import Origin
from mergemaker.domain.names import output_key, submission_key
from mergemaker.domain.release import Package
from mergemaker.domain.run import Run, Status
from mergemaker.steps import report as steps
from mergemaker.steps.release import Merged, release
from mergemaker.steps.report import report
from mergemaker.steps.submit import Folder, Submitted, submit
from tests.fakes.made import HEAD, folder, origin, packed
from tests.fakes.world import Fakes

DATA = "prices/input/train/rows.csv"


def submitted(
    fakes: Fakes, of: Folder | None = None, who: Origin | None = None, *, image: bool = True, force: bool = False
) -> Submitted:
    """CI submits a model folder whose data, and, unless told otherwise, whose image is there."""
    of = of or folder()
    if DATA not in fakes.files:
        fakes.files.put(DATA, b"1,2,3")
    if image:
        fakes.images.finish(of.image_tag)
    return submit(
        folder=of,
        origin=who or origin(),
        names=fakes.names,
        files=fakes.files,
        tracking=fakes.tracking,
        images=fakes.images,
        jobs=fakes.jobs,
        preparations=fakes.preparations,
        force=force,
    )


def asked(fakes: Fakes, of: Folder | None = None, who: Origin | None = None, *, image: bool = True) -> str:
    """CI submits what is there or has to wait, and the event of that reaches the report function. The run's name."""
    who = who or origin()
    job = submitted(fakes, of, who, image=image).job
    heard(fakes, job, who)
    return job


def heard(fakes: Fakes, job: str, who: Origin) -> Run | None:
    """The event of a submission, for the first time or again."""
    model = job.rpartition("-")[0]
    return steps.submitted(submission_key(model, job, who.pipeline), fakes.world, fakes.now)


def completed(fakes: Fakes, job: str, metrics: Mapping[str, float] | None = None, **changed: Any) -> None:
    """SageMaker finishes a job that left `metrics` in metrics.json."""
    model = fakes.jobs.requests[job].lineage.model
    key = output_key(model, job, "model.tar.gz")
    fakes.files.put(key, b"the model of " + job.encode())
    if metrics is not None:
        content = json.dumps(dict(metrics)).encode()
        fakes.files.put(output_key(model, job, "output.tar.gz"), packed({"metrics.json": content}))
    created = fakes.jobs.jobs[job].created
    fakes.jobs.move(
        job,
        Status.COMPLETED,
        **{
            "ended": created + timedelta(minutes=5),
            "billed_seconds": 185,
            "artifact": f"s3://{fakes.names.bucket}/{key}",
            **changed,
        },
    )


def trained(fakes: Fakes, of: Folder | None = None, who: Origin | None = None, *, rmse: float = 54.25) -> Run:
    """A run from submit to its report."""
    job = submitted(fakes, of, who).job
    completed(fakes, job, {"rmse": rmse})
    run = report(job, fakes.world)
    assert run is not None
    return run


def merged(of: Folder | None = None, **changed: Any) -> Merged:
    """A merge commit of the merge request whose head is HEAD."""
    values: dict[str, Any] = {
        "commit": "c" * 40,
        "parents": ("b" * 40, HEAD),
        "merge_request": None,
        "pipeline": 90,
        "source": (of or folder()).ingredients(data="").source,
        **changed,
    }
    return Merged(**values)


def approved(fakes: Fakes, run: Run, *, to: str = "staging", pipeline: int = 90) -> Package:
    """CI releases the run that was merged, in the default branch's `pipeline`."""
    merge = Merged(
        commit="c" * 40,
        parents=("b" * 40, run.lineage.origin.commit),
        merge_request=run.lineage.origin.merge_request,
        pipeline=pipeline,
        source=run.lineage.source,
    )
    return release(
        model=run.model,
        environment=to,
        merged=merge,
        names=fakes.names,
        registry=fakes.registry,
        files=fakes.files,
    )
