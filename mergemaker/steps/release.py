"""``mergemaker release``: approves the reviewed run's package; the registry's event does the rest."""

from dataclasses import dataclass

from mergemaker.domain.errors import RefusedError
from mergemaker.domain.names import Names
from mergemaker.domain.release import Approval, Package
from mergemaker.ports import Registry

LOOK_BACK = 200
"""Packages among which the reviewed run is looked for, the newest first."""
LOOK_FURTHER = 20
"""After one was found: a run that was asked for later may have ended earlier."""


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

    def came_from(self, package: Package) -> bool:
        """Whether the package's run is of what was merged: a merge commit's second parent was the merge request's head,
        after a fast-forward the commit itself was, and after a squash the message names the merge request.

        A run of the default branch itself, as a schedule asks for, is of the same commit, and nobody has reviewed it.
        """
        if package.merge_request is None:
            return False
        return package.merge_request == self.merge_request or package.commit in (*self.parents[1:], self.commit)


def release(*, model: str, environment: str, merged: Merged, names: Names, registry: Registry) -> Package:
    """Approves the package of the run that the merge request showed, again if need be. Raises RefusedError if there is
    none, or more than one that it may be."""
    package = _reviewed(names, model, merged, registry)
    if package.approval is Approval.REJECTED:
        raise RefusedError(f"{model}: version {package.version} was rejected in the registry; nothing was released")
    description = f"Merged as {merged.commit[:8]}, pipeline {merged.pipeline}"
    registry.approve(package, environment=environment, pipeline=merged.pipeline, description=description)
    return package


def _reviewed(names: Names, model: str, merged: Merged, registry: Registry) -> Package:
    """The package whose run took from the repository exactly what was merged: the merge request's own, or, where an
    earlier run did the same work already, that one."""
    same: list[Package] = []
    reviewed: list[Package] = []
    other: Package | None = None
    left = LOOK_BACK
    for package in registry.newest(names.package_group(model)):
        if not left:
            break
        left -= 1
        if package.project != names.project:
            continue
        if package.source != merged.source:
            other = other or (package if merged.came_from(package) else None)
        elif merged.came_from(package):
            left = left if reviewed else min(left, LOOK_FURTHER)
            reviewed.append(package)
        else:
            same.append(package)
    if reviewed:
        # What the note shows is the run that was asked for last.
        return max(reviewed, key=lambda package: (package.pipeline, package.version))
    if len({package.run_key for package in same}) > 1:
        versions = ", ".join(str(package.version) for package in same)
        raise RefusedError(
            f"{model}: nothing was released: versions {versions} were all trained from the merged files, on different "
            "data, and none of them first in this merge request. Approve the right one in SageMaker's registry"
        )
    if same:
        return same[0]
    if other:
        raise RefusedError(
            f"{model}: nothing was released: the merged files are not those that run {other.job} was trained from. "
            "The branch was behind its target: submit the merged state from a new merge request"
        )
    raise RefusedError(
        f"{model}: nothing was released: no finished run of the merged files is in the registry. "
        "If its run is still training, retry this job when it is done; else train it in a new merge request"
    )
