"""All fakes together: a project ``shop`` in one account, and the clock."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from mergemaker.domain.names import Names
from mergemaker.domain.settings import Environment
from mergemaker.ports import World
from tests.fakes.default_branch import FakeDefaultBranch
from tests.fakes.endpoints import FakeEndpoints
from tests.fakes.files import FakeFiles
from tests.fakes.images import FakeImages
from tests.fakes.inputs import FakeInputs
from tests.fakes.issues import FakeIssues
from tests.fakes.jobs import FakeJobs
from tests.fakes.merge_requests import FakeMergeRequests
from tests.fakes.preparations import FakePreparations
from tests.fakes.registry import FakeRegistry
from tests.fakes.releases import FakeReleases
from tests.fakes.runs import FakeRuns
from tests.fakes.tracking import FakeTracking
from tests.fakes.watch import FakeWatch

NAMES = Names(project="shop", account="111122223333", region="eu-west-1")
STAGING = Environment("staging", NAMES.account, NAMES.region, instance_type="ml.m5.large", instance_count=1)
PRODUCTION = Environment("production", NAMES.account, NAMES.region, instance_type="ml.m5.xlarge", instance_count=2)


@dataclass
class Fakes:
    """The whole world in memory."""

    names: Names = NAMES
    environments: tuple[Environment, ...] = (STAGING, PRODUCTION)
    files: FakeFiles = field(default_factory=FakeFiles)
    tracking: FakeTracking = field(default_factory=FakeTracking)
    images: FakeImages = field(default_factory=FakeImages)
    jobs: FakeJobs = field(default_factory=FakeJobs)
    preparations: FakePreparations = field(init=False)
    runs: FakeRuns = field(default_factory=FakeRuns)
    registry: FakeRegistry = field(default_factory=FakeRegistry)
    endpoints: FakeEndpoints = field(default_factory=FakeEndpoints)
    watch: FakeWatch = field(default_factory=FakeWatch)
    merge_requests: FakeMergeRequests = field(default_factory=FakeMergeRequests)
    issues: FakeIssues = field(default_factory=FakeIssues)
    releases: FakeReleases = field(default_factory=FakeReleases)
    inputs: FakeInputs = field(default_factory=FakeInputs)
    default_branch: FakeDefaultBranch = field(init=False)
    tick: timedelta = timedelta(minutes=1)
    time: datetime = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)

    def __post_init__(self) -> None:
        self.preparations = FakePreparations(self.names, self.files)
        self.default_branch = FakeDefaultBranch(self.time)

    def now(self) -> datetime:
        """A tick later each time it is asked."""
        self.time += self.tick
        return self.time

    @property
    def world(self) -> World:
        return World(
            names=self.names,
            environment=self.environments[0].name,
            files=self.files,
            images=self.images,
            jobs=self.jobs,
            preparations=self.preparations,
            runs=self.runs,
            registry=self.registry,
            endpoints=self.endpoints,
            watch=self.watch,
            merge_requests=self.merge_requests,
            issues=self.issues,
            releases=self.releases,
            inputs=self.inputs,
            default_branch=self.default_branch,
        )
