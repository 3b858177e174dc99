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
    """A commit of the default branch, and where it came from."""

    commit: str
    parents: tuple[str, ...]
    pipeline: int

    @property
    def candidates(self) -> Sequence[str]:
        """Commits whose run is the reviewed one: a merge commit's second parent was the merge request's head; after a
        fast-forward the commit itself was."""
        return (*self.parents[1:], self.commit)


@dataclass(frozen=True)
class Released:
    """The package that was approved."""

    package: Package
    again: bool
    """It was approved for this environment before."""


def release(*, model: str, environment: str, merged: Merged, names: Names, registry: Registry) -> Released:
    """Approves the package of the run that the merge request showed. Raises RefusedError if there is none."""
    group = names.package_group(model)
    package = _reviewed(group, merged.candidates, registry)
    if package is None:
        raise RefusedError(
            f"{model}: no run of {' or '.join(c[:8] for c in merged.candidates)} is in the registry: "
            "it has failed, is still training, or was never submitted; nothing was released"
        )
    if package.approval is Approval.REJECTED:
        raise RefusedError(f"{model}: version {package.version} was rejected in the registry; nothing was released")
    again = package.approval is Approval.APPROVED and package.stage == environment
    if not again:
        registry.approve(
            package, environment=environment, description=f"Merged as {merged.commit[:8]}, pipeline {merged.pipeline}"
        )
    return Released(package, again)


def _reviewed(group: str, commits: Sequence[str], registry: Registry) -> Package | None:
    """The newest package of the first of `commits` that has one."""
    packages = list(islice(registry.newest(group), LOOK_BACK))
    return next((package for commit in commits for package in packages if package.commit == commit), None)
