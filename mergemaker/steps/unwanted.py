"""Runs that nobody wants any more are stopped: a newer push superseded them, or their merge request was closed.

What counts is how things stand now, not which event told of them. So events may come twice, late or in any order, and
what failed half way is made good by the next look. In doubt a run goes on.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from mergemaker.domain.errors import ServiceError
from mergemaker.domain.names import submissions_prefix
from mergemaker.domain.run import Run, Status
from mergemaker.ports import Files, MergeRequests, MergeRequestState, World

log = logging.getLogger("mergemaker")

Left = Callable[[int, Run], str]
"""Why a merge request has left a run behind, as GitLab sees it; empty if it has not, and for whoever does not ask."""

PATIENCE = timedelta(minutes=15)
"""How long a push's pipeline has to ask for the run that is there: its job may wait for a runner."""


def _nobody_asks(_: int, __: Run) -> str:
    return ""


def why_unwanted(run: Run, world: World, *, newer: Run | None = None, left: Left = _nobody_asks) -> str:
    """In words; empty as long as somebody wants it. `newer` is about to be shown in place of `run`.

    A branch or a schedule always wants what it asked for, and so does who wished for a release by a tag, or a merge
    request that was merged: its release waits for the run.
    """
    if any(origin.merge_request is None or origin.tag for origin in run.asked_by):
        return ""
    whys = []
    for iid in sorted({origin.merge_request for origin in run.asked_by if origin.merge_request is not None}):
        by = _successor(run, iid, world, newer)
        why = f"superseded by {by.job} of a newer push" if by else left(iid, run)
        if not why:
            return ""
        whys.append(why)
    return "" if _asked_just_now(run, world.files) else ", ".join(dict.fromkeys(whys))


def stop_if_unwanted(run: Run, world: World, *, newer: Run | None = None, left: Left = _nobody_asks) -> Run:
    """The record afterwards. A run that waits does not start any more; SageMaker is asked to stop a job."""
    if run.status not in (Status.WAITING, Status.IN_PROGRESS):
        return run
    why = why_unwanted(run, world, newer=newer, left=left)
    if not why:
        return run
    after = _give_up(run, why, world)
    if after.status is Status.IN_PROGRESS and after.unwanted == why:
        world.jobs.stop(after.job)
    return after


def stays_unstarted(run: Run, world: World, left: Left) -> Run | None:
    """The record of a run that is not to start, although what it waited for is there; None for one that is.

    It may have been given up and be wanted again, as a merge request may have been opened again.
    """
    if run.status not in (Status.WAITING, Status.STOPPED) or run.image:
        return None
    if why := why_unwanted(run, world, left=left):
        return _give_up(run, why, world)
    if run.status is Status.STOPPED:
        world.runs.change(run.model, run.job, lambda before: _waits_again(before or run))
    return None


def ask(merge_requests: MergeRequests, now: datetime) -> Left:
    """Asks GitLab, about each merge request once. From the first failure on they are taken to want their runs: nothing
    waits for GitLab here, each time for as long as it takes to fail, and the next round asks again."""
    states: dict[int, MergeRequestState | None] = {}
    pushes: dict[int, datetime | None] = {}
    away = False

    def left(merge_request: int, run: Run) -> str:
        nonlocal away
        if away:
            return ""
        try:
            if merge_request not in states:
                states[merge_request] = merge_requests.state(merge_request)
            stands = states[merge_request]
            # One that was deleted leaves nobody who wants to know, either.
            if stands is None or stands.state == "closed":
                return f"merge request !{merge_request} was closed"
            if not _has_moved(stands, run, merge_request):
                return ""
            if merge_request not in pushes:
                pushes[merge_request] = merge_requests.pushed(merge_request, stands.head)
            pushed = pushes[merge_request]
            return "superseded by a newer push" if pushed and max(pushed, run.created) + PATIENCE <= now else ""
        except ServiceError as error:
            away = True
            log.warning("taken to be wanted", extra={"reason": str(error)})
            return ""

    return left


def _has_moved(stands: MergeRequestState, run: Run, merge_request: int) -> bool:
    """Whether its branch is at a commit that has not asked for the run: one that takes the model away, says
    ``[skip train]``, or could not be submitted. The branch's own head counts, also where a merged result trained."""
    asked = {origin.commit for origin in run.asked_by if origin.merge_request == merge_request}
    return stands.state == "opened" and bool(stands.head) and stands.head not in asked


def _successor(run: Run, merge_request: int, world: World, newer: Run | None) -> Run | None:
    """What the merge request shows, or is about to, if that was asked for later."""
    if newer and run.superseded_by(newer, merge_request):
        return newer
    name = world.runs.shown(run.model, merge_request)
    shown = world.runs.get(run.model, name) if name and name != run.job else None
    return shown if shown and run.superseded_by(shown, merge_request) else None


def _asked_just_now(run: Run, files: Files) -> bool:
    """Whether a pipeline has asked whose word is still on its way. Of what is not in the record, in doubt it is new."""
    prefix = submissions_prefix(run.model, run.job)
    known = {f"{prefix}{origin.pipeline}.json" for origin in run.asked_by}
    return any(stored.key not in known for stored in files.list(prefix))


def _waits_again(run: Run) -> Run:
    return replace(run, status=Status.WAITING, reason="") if run.status is Status.STOPPED and not run.image else run


def _give_up(run: Run, why: str, world: World) -> Run:
    """Written down before the job is stopped: its end may come at once. Unless somebody else has asked meanwhile."""

    def change(before: Run | None) -> Run:
        now = before or run
        if now.asked_by != run.asked_by:
            return now
        if now.status in (Status.WAITING, Status.STOPPED) and not now.image:
            return replace(now, status=Status.STOPPED, reason=why)
        return replace(now, unwanted=why) if now.status is Status.IN_PROGRESS else now

    return world.runs.change(run.model, run.job, change)
