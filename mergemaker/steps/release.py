"""``mergemaker release``: approves the reviewed run's package; the registry's event does the rest."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

from mergemaker.domain.errors import RefusedError, UsageError
from mergemaker.domain.lineage import Origin
from mergemaker.domain.names import Names, submission_key, submissions_prefix
from mergemaker.domain.release import Approval, Package
from mergemaker.ports import Files, Registry
from mergemaker.steps.report import read_request

LOOK_BACK = 200
"""Packages among which the reviewed run is looked for, the newest first."""
LOOK_FURTHER = 20
"""After one was found: a run that was asked for later may have ended earlier."""
MOST_SUBMISSIONS = 500
"""That are read of one run, those of the newest pipelines: a schedule leaves one each night."""


@dataclass(frozen=True)
class Merged:
    """A commit of the default branch, and what it holds of a model."""

    commit: str
    parents: tuple[str, ...]
    merge_request: int | None
    """As the merge commit's message says; None if it doesn't."""
    pipeline: int
    source: str
    """Digest of what a run would take from this tree."""

    def asked(self, merge_request: int | None, commit: str) -> bool:
        """Whether who asked for a run is what was merged: a merge commit's second parent was the merge request's head,
        after a fast-forward the commit itself was, and after a squash the message names the merge request.

        The default branch itself, for a schedule, asks with the same commit, and nobody has reviewed what it gets.
        """
        if merge_request is None:
            return False
        return merge_request == self.merge_request or commit in (*self.parents[1:], self.commit)


def release(*, model: str, environment: str, merged: Merged, names: Names, registry: Registry, files: Files) -> Package:
    """Approves the package of the run that the merge request showed, again if need be. Raises RefusedError if there is
    none, or more than one that it may be."""
    package = _reviewed(names, model, merged, registry, files)
    if package.approval is Approval.REJECTED:
        raise RefusedError(f"{model}: version {package.version} was rejected in the registry; nothing was released")
    description = f"Merged as {merged.commit[:8]}, pipeline {merged.pipeline}"
    registry.approve(package, environment=environment, pipeline=merged.pipeline, description=description)
    return package


def _reviewed(names: Names, model: str, merged: Merged, registry: Registry, files: Files) -> Package:
    """The package whose run took from the repository exactly what was merged: the one that the merge request asked for
    last, be it that it found it, or, where it asked for none, the one that somebody else has reviewed."""
    same: list[Package] = []
    reviewed: list[tuple[int, Package]] = []
    other: Package | None = None
    left = LOOK_BACK
    for package in registry.newest(names.package_group(model)):
        if not left:
            break
        left -= 1
        if package.project != names.project:
            continue
        first = merged.asked(package.merge_request, package.commit)
        if package.source != merged.source:
            other = other or (package if first else None)
            continue
        askers = list(_asked_later(package, files))
        asked = [package.pipeline] if first else []
        asked += [one.pipeline for one in askers if merged.asked(one.merge_request, one.commit)]
        if asked:
            left = left if reviewed else min(left, LOOK_FURTHER)
            reviewed.append((max(asked), package))
        elif package.approval is Approval.APPROVED or _in_a_merge_request(package, askers):
            same.append(package)
    if reviewed:
        # What the note shows is the run that was asked for last.
        return max(reviewed, key=lambda one: (one[0], one[1].version))[1]
    if same:
        return _only(same, model, merged)
    if other:
        raise RefusedError(
            f"{model}: nothing was released: the merged files are not those that run {other.job} was trained from. "
            "The branch was behind its target: submit the merged state from a new merge request"
        )
    raise RefusedError(
        f"{model}: nothing was released: no finished run of the merged files is in the registry. "
        "If its run is still training, retry this job when it is done; else train it in a new merge request"
    )


def _asked_later(package: Package, files: Files) -> Iterator[Origin]:
    """Who found the package's run, or had to wait for it, by what their pipelines left. That is the word of whoever may
    push a branch, and chooses only among runs of what was merged: what is no such word is passed over."""
    prefix = submissions_prefix(package.model, package.job)
    pipelines = [stored.key.removeprefix(prefix).removesuffix(".json") for stored in files.list(prefix)]
    numbers = sorted((int(one) for one in pipelines if one.isascii() and one.isdigit()), reverse=True)
    for pipeline in numbers[:MOST_SUBMISSIONS]:
        key = submission_key(package.model, package.job, pipeline)
        try:
            request = read_request(key, files)
        except (UsageError, RefusedError):
            continue
        if request is None or request.lineage.origin.pipeline != pipeline:
            continue
        said = (request.name, request.lineage.project, request.lineage.run_key)
        if said == (package.job, package.project, package.run_key):
            yield request.lineage.origin


def _in_a_merge_request(package: Package, askers: Sequence[Origin]) -> bool:
    """What only a schedule or a branch asked for, nobody has reviewed."""
    return package.merge_request is not None or any(one.merge_request is not None for one in askers)


def _only(same: Sequence[Package], model: str, merged: Merged) -> Package:
    """Of packages that others reviewed; where the merge request asked for none of them, what was released stays. After
    a squash whose message does not name the merge request, nobody can say that it asked for none."""
    if len({package.run_key for package in same}) == 1:
        return same[0]
    released = [package for package in same if package.approval is Approval.APPROVED]
    if released and merged.merge_request is not None:
        return reduce(lambda last, one: one if one.supersedes(last) else last, released)
    versions = ", ".join(str(package.version) for package in same)
    raise RefusedError(
        f"{model}: nothing was released: versions {versions} were all trained from the merged files, on different "
        "data, and none of them in this merge request. Approve the right one in SageMaker's registry"
    )
