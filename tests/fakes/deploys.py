"""What the registry, the endpoint and the merge requests do and say in stories of releases."""

from mergemaker.domain.release import Plan
from mergemaker.domain.run import ReleaseStatus, Run
from mergemaker.steps.deploy import endpoint_changed, package_changed
from tests.fakes.made import folder, origin
from tests.fakes.registry import PACKAGES
from tests.fakes.story import approved, trained
from tests.fakes.world import Fakes

ENDPOINT = "shop-prices-staging"


def made(fakes: Fakes, number: int) -> Run:
    """The run of merge request !number."""
    return trained(
        fakes,
        folder(code=f"code {number}"),
        origin(merge_request=number, pipeline=10 * number, commit=f"{number:040x}"),
        rmse=60.0 - number,
    )


def told_of(fakes: Fakes, version: int) -> Plan | None:
    """The registry's event of a version."""
    arn = f"{PACKAGES}/{fakes.names.package_group('prices')}/{version}"
    return package_changed(arn, environments=fakes.environments, world=fakes.world, clock=fakes.now)


def changed(fakes: Fakes, name: str = ENDPOINT) -> list[Run]:
    """The endpoint's event."""
    return endpoint_changed(name, environments=fakes.environments, world=fakes.world, clock=fakes.now)


def release(fakes: Fakes, run: Run, to: str = "staging", *, pipeline: int | None = None) -> Plan | None:
    """Merge, approval, and the registry's event. Unless told otherwise, merge requests are merged by number."""
    merged = pipeline or 900 + (run.lineage.origin.merge_request or 0)
    return told_of(fakes, approved(fakes, run, to=to, pipeline=merged).version)


def serving(fakes: Fakes, number: int) -> Run:
    """A run that is released and serves."""
    run = made(fakes, number)
    release(fakes, run)
    fakes.endpoints.succeed(ENDPOINT)
    changed(fakes)
    return run


def status(fakes: Fakes, run: Run, stage: str = "staging") -> ReleaseStatus | None:
    release = fakes.runs.runs[run.model, run.job].releases.get(stage)
    return release.status if release else None


def said(fakes: Fakes, number: int) -> str:
    """The line on releases in the note of merge request !number."""
    lines = fakes.merge_requests.only(number).splitlines()
    return "\n".join(line for line in lines if line.startswith(("- **staging**", "- **production**")))
