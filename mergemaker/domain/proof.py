"""Whether a training job ran what its tags say.

Tags are the word of whoever started the job, and everyone who may submit can start one with any tags. What SageMaker
says the job runs is not: out of that the ingredients, and so the run key, are made once more. What can't be made again
is who asked, the `Origin`, and the digest of the settings that judge and show a run.
"""

import json
from collections.abc import Mapping

from mergemaker.domain.job import launched, request_for
from mergemaker.domain.lineage import Ingredients, Lineage
from mergemaker.domain.model import HyperValue, Manner
from mergemaker.domain.names import Names, is_address, is_run, may_be
from mergemaker.domain.preparation import prepared_digest
from mergemaker.domain.run import TrainingJob, Work


def contradictions(job: TrainingJob, lineage: Lineage, *, metric_regexes: Mapping[str, str], names: Names) -> list[str]:
    """What of the job is not as `lineage` says, in words; nothing for every job that submit starts.

    `metric_regexes` are those of the settings that `lineage` names. The run key holds them, too.

    An image that was made here is known by its tag, and by its digest in the job: who has both compares them. Somebody
    else's is known by its digest only if model.toml says it: otherwise it is what the tag meant to whoever submitted.
    """
    work = job.work
    made_of = ingredients_of(work, lineage, metric_regexes)
    if made_of is None:
        return ["hyperparameters"]
    honest = request_for(job.name, made_of, lineage=lineage, manner=Manner(checkpoints=True), names=names)
    same = {
        "project": lineage.project == names.project,
        "image": not made_of.resolved or may_be(lineage.image, work.image),
        "script, code or hyperparameters": dict(work.hyperparameters) == honest.hyperparameters,
        "data": dict(work.channels) == honest.channels and _prepared_of(lineage, made_of),
        "output": work.output == honest.output,
        "metric definitions": _measured_by(work, metric_regexes, foreign=is_address(lineage.image)),
        "checkpoints": work.checkpoints in ("", honest.checkpoints),
        "source": made_of.source == lineage.source,
        "run key": made_of.run_key == lineage.run_key,
        "name": is_run(job.name, made_of.model, made_of.run_key),
        ", ".join(work.unusual): not work.unusual,
    }
    return [what for what, fits in same.items() if not fits]


def _prepared_of(lineage: Lineage, made_of: Ingredients) -> bool:
    """Whether prepared data's name is that of what the tags say it was prepared by and from."""
    return not lineage.prepare or lineage.data == prepared_digest(lineage.prepare, lineage.input, made_of.resolved)


def _measured_by(work: Work, regexes: Mapping[str, str], *, foreign: bool) -> bool:
    """SageMaker itself adds definitions to those of images that AWS made."""
    there = {name: work.metric_regexes.get(name) for name in (regexes if foreign else work.metric_regexes)}
    return there == dict(regexes)


def ingredients_of(work: Work, lineage: Lineage, metric_regexes: Mapping[str, str]) -> Ingredients | None:
    """What a job is made of; None for hyperparameters that `submit` never gives. Code and data are compared by the
    caller."""
    values: Mapping[str, HyperValue] = work.own_hyperparameters
    try:
        program = work.hyperparameters.get("sagemaker_program")
        script = None if program is None else json.loads(program)
        if script is not None:
            values = {key: json.loads(text) for key, text in values.items() if isinstance(text, str)}
        distribution = launched(work.hyperparameters)
        json.dumps(values)
    except (ValueError, RecursionError):
        return None
    return Ingredients(
        model=lineage.model,
        code=lineage.code,
        image=lineage.image,
        data=lineage.data,
        script=script,
        hyperparameters=values,
        resources=work.resources,
        channels={name: work.content_types.get(name, "") for name in work.channels},
        distribution=distribution,
        environment=work.environment,
        resolved=work.image if is_address(lineage.image) else "",
        metric_regexes=metric_regexes,
        prepare=lineage.prepare,
    )
