"""GitLab releases of runs, as commits' messages wish for them: ``[train NAME TAG]``."""

from dataclasses import replace

from mergemaker.domain.errors import RefusedError
from mergemaker.domain.lineage import Origin
from mergemaker.domain.names import release_marker
from mergemaker.domain.report import release_text
from mergemaker.domain.run import Run, Status
from mergemaker.ports import World
from mergemaker.steps.publish import report_of, spec_of


def make_releases(run: Run, world: World) -> Run:
    """One for each wish, once the run has its package. The run, which remembers what came of each.

    What GitLab refuses is no failure: the note tells why. A later commit may wish again, when it is mended.
    """
    if run.status is not Status.COMPLETED or run.version is None:
        return run
    for origin in run.asked_by:
        if origin.tag and str(origin.pipeline) not in run.tagged:
            run = _remember(run, origin, _make(run, origin, world), world)
    return run


def _make(run: Run, origin: Origin, world: World) -> str:
    """Why there is no release; empty if there is, be it that an earlier try has made it and died, or that another
    commit's wish has."""
    releases, tag, marker = world.releases, origin.tag, release_marker(run.job)
    there = releases.description(tag)
    if there is not None:
        return "" if there.split("\n", 1)[0].strip() == marker else "the tag has another release: choose another tag"
    commit = releases.tagged(tag)
    if commit not in (None, origin.commit):
        # GitLab would make the release, of a commit that is not the run's.
        return f"the tag is there, on commit {str(commit)[:8]}: choose another tag"
    report = report_of(run, origin, spec_of(run.job, run.lineage, world.files), world)
    try:
        releases.create(tag=tag, commit=origin.commit, name=f"{run.model} {tag}", description=release_text(report))
    except RefusedError as error:
        return str(error)
    return ""


def _remember(run: Run, origin: Origin, why: str, world: World) -> Run:
    def change(before: Run | None) -> Run:
        now = before or run
        return replace(now, tagged={**now.tagged, str(origin.pipeline): why})

    return world.runs.change(run.model, run.job, change)
