"""``mergemaker reproduce``: the same run again, from what was recorded of it and nothing else.

Neither the branch, the model folder and its Dockerfile, nor the input are looked at: they may have changed, or be gone.
"""

from dataclasses import dataclass, replace

from mergemaker.domain.errors import RefusedError, UsageError
from mergemaker.domain.job import JobRequest
from mergemaker.domain.lineage import Lineage
from mergemaker.domain.model import InputMode, Manner
from mergemaker.domain.names import Names, checkpoints_prefix
from mergemaker.domain.proof import contradictions
from mergemaker.domain.run import TrainingJob
from mergemaker.domain.smoke import is_smoke
from mergemaker.ports import Files, Jobs
from mergemaker.steps.attempts import attempts_at, next_attempt
from mergemaker.steps.publish import spec_of
from mergemaker.steps.submit import afford


@dataclass(frozen=True)
class Reproduced:
    """The job that does a run's work once more."""

    job: str
    of: str


def reproduce(run: str, *, names: Names, files: Files, jobs: Jobs) -> Reproduced:
    """Starts a job that does the same as the job `run` did, on the very image, code and data.

    Nobody on GitLab is told: what was reviewed is the first run. Raises UsageError if there is no such run,
    RefusedError if its job is not what its record says.
    """
    job = jobs.find(run)
    lineage = job.lineage if job else None
    if job is None or lineage is None or lineage.project != names.project or is_smoke(job.work):
        raise UsageError(f"there is no run {run[:100]!r} of project {names.project} in {names.region}")
    spec = spec_of(run, lineage, files)
    if lies := contradictions(job, lineage, metric_regexes=spec.metric_regexes, names=names):
        raise RefusedError(f"{run} is not what its tags say ({', '.join(lies)}): there is nothing to reproduce")
    afford(replace(spec, prepare=None, smoke=None))  # what was prepared is there, and what ran needs no smoke run
    before = attempts_at(lineage.model, lineage.run_key, jobs)
    name = next_attempt(lineage.model, lineage.run_key, before)
    again = replace(lineage, origin=lineage.origin.untold, repeats=run)
    request = _request(name, job, again, metric_regexes=spec.metric_regexes, manner=spec.manner, names=names)
    if not jobs.start(request, image=job.work.image):
        raise RefusedError(
            f"somebody started {name} at this very moment: look whether it is what you want, or try again"
        )
    return Reproduced(name, run)


def _request(
    name: str, job: TrainingJob, lineage: Lineage, *, metric_regexes: dict[str, str], manner: Manner, names: Names
) -> JobRequest:
    work, modes = job.work, manner.input_modes
    return JobRequest(
        name=name,
        lineage=lineage,
        hyperparameters=work.hyperparameters,
        channels=work.channels,
        output=work.output,
        resources=work.resources,
        metric_regexes=metric_regexes,
        content_types=work.content_types,
        input_modes={
            one: mode.value for one, mode in modes.items() if one in work.channels and mode is not InputMode.FILE
        },
        environment=work.environment,
        checkpoints=f"s3://{names.bucket}/{checkpoints_prefix(lineage.model, name)}" if manner.checkpoints else "",
        max_wait_seconds=manner.spot.max_wait_seconds if manner.spot else None,
    )
