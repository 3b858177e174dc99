"""``mergemaker release``: approves the reviewed run's package; the registry's event does the rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from mergemaker.domain.errors import RefusedError
from mergemaker.domain.names import Names
from mergemaker.domain.release import Approval, Package
from mergemaker.ports import Registry

LOOK_BACK = 200
"""Packages among which the reviewed run is looked for, the newest first."""


@dataclass(frozen=True)
class Merged:
    """A commit of the default branch, and what it holds of a model."""

    commit: str
    parents: tuple[str, ...]
    pipeline: int
    source: str
    """Digest of what a run would take from this tree."""

    @property
    def candidates(self) -> Sequence[str]:
        """Commits whose run is likely the reviewed one: a merge commit's second parent was the merge request's head;
        after a fast-forward the commit itself was. After a squash it is neither: there the tree decides alone."""
        return (*self.parents[1:], self.commit)


@dataclass(frozen=True)
class Released:
    """The package that was approved."""

    package: Package
    again: bool
    """It was approved for this environment before."""


def release(*, model: str, environment: str, merged: Merged, names: Names, registry: Registry) -> Released:
    """Approves the package of the run that the merge request showed. Raises RefusedError if there is none."""
    package = _reviewed(names.package_group(model), merged, registry)
    if package.approval is Approval.REJECTED:
        raise RefusedError(f"{model}: version {package.version} was rejected in the registry; nothing was released")
    again = package.approval is Approval.APPROVED and package.stage == environment
    if not again:
        description = f"Merged as {merged.commit[:8]}, pipeline {merged.pipeline}"
        registry.approve(package, environment=environment, description=description)
    return Released(package, again)


def _reviewed(group: str, merged: Merged, registry: Registry) -> Package:
    """The package whose run took from the repository exactly what was merged: of the merge request's head, or, where an
    earlier commit's run did the same work already, the newest of those."""
    same, of_head = None, None
    for package in islice(registry.newest(group), LOOK_BACK):
        fits, near = package.source == merged.source, package.commit in merged.candidates
        if fits and near:
            return package
        same = same or (package if fits else None)
        of_head = of_head or (package if near else None)
    if same:
        return same
    if of_head:
        raise RefusedError(
            f"{group}: nothing was released: the merged files are not those that run {of_head.job} was trained from. "
            "The branch was behind its target: submit the merged state from a new merge request"
        )
    raise RefusedError(
        f"{group}: nothing was released: the registry has no run of the merged files. The run of the merge request has "
        "failed, is still training, or was never submitted"
    )
