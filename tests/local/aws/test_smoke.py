"""A smoke run on S3 and SageMaker: the data is cut on the server, and the run trains when its smoke run passed."""

from dataclasses import replace

import pytest

from mergemaker.adapters.files import S3Files
from mergemaker.adapters.jobs import SageMakerJobs
from mergemaker.domain.names import SMOKE as SOUGHT
from mergemaker.domain.names import waiting_key
from mergemaker.domain.run import Status, TrainingJob
from mergemaker.domain.settings import Network
from mergemaker.ports import World
from mergemaker.steps.begin import How
from mergemaker.steps.prepare import run_waits
from mergemaker.steps.report import report
from mergemaker.steps.smoke import smoke_ended
from mergemaker.steps.submit import Folder, submit
from tests.fakes.made import folder, origin
from tests.fakes.story import DATA
from tests.fakes.world import Fakes
from tests.local.aws.helpers import Aws, client, new_role, wait_for
from tests.local.aws.jobs import needs_own_mounts
from tests.local.aws.processing import NAMES, Processings

pytestmark = [pytest.mark.cloud, needs_own_mounts]

SETTINGS = """
[smoke]
fraction = 0.25

[channels.training]
prefix = "train/"

[metrics.rows]
goal = "maximize"
regex = 'rows=([0-9]+)'
"""
TRAINS = """
import os, pathlib
lines = pathlib.Path(os.environ["SM_CHANNEL_TRAINING"], "rows.csv").read_text().splitlines(keepends=True)
assert lines[0] == "a,b\\n" and lines[-1] == "1234567,7654321\\n", lines[-1]
if "MERGEMAKER_SMOKE" in os.environ and DOOMED:
    raise ValueError("no column rings")
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text("a model")
print(f"rows={len(lines)}")
"""
ROWS = 20_000


@pytest.fixture(scope="module")
def world(aws: Aws, processings: Processings) -> World:
    """The bucket and the jobs are the laptop cloud's."""
    role = new_role(aws.iam, NAMES.role("execution"), "sagemaker", "*")
    assert role == NAMES.role_arn("execution")
    key = str(client("kms", aws.port).create_key()["KeyMetadata"]["Arn"])
    jobs = SageMakerJobs(aws.sagemaker, NAMES, key=lambda: key, network=Network())
    files = S3Files(aws.s3, NAMES.bucket)
    files.write(DATA, b"a,b\n" + b"1234567,7654321\n" * ROWS, replacing=None)
    fakes = Fakes(names=NAMES)
    fakes.images.images[trains().image_tag] = processings.image
    return replace(fakes.world, files=files, jobs=jobs)


def trains(*, doomed: bool = False) -> Folder:
    return folder(SETTINGS, code=TRAINS.replace("DOOMED", str(doomed)))


def smoked(world: World, of: Folder) -> tuple[str, TrainingJob]:
    """A run that was submitted, and its smoke run, which has ended."""
    done = submit(
        folder=of,
        origin=origin(),
        names=NAMES,
        files=world.files,
        tracking=Fakes().tracking,
        images=world.images,
        jobs=world.jobs,
        preparations=world.preparations,
    )
    assert done.how is How.WAITS_FOR_SMOKE
    run_waits(waiting_key("prices", SOUGHT, done.job), world, Fakes().now)
    run = world.runs.get("prices", done.job)
    assert run is not None
    assert run.status is Status.WAITING, run.reason
    return done.job, ended(world, run.smoke_job)


def ended(world: World, name: str) -> TrainingJob:
    def look() -> TrainingJob | None:
        job = world.jobs.find(name)
        return job if job and job.status.final else None

    return wait_for(look, seconds=90)


def test_the_run_trains_on_all_of_the_data_when_its_smoke_run_passed_on_the_beginning(world: World) -> None:
    name, smoke = smoked(world, trains())
    assert smoke.status is Status.COMPLETED, smoke.reason
    assert ROWS / 4 <= smoke.metrics["rows"] <= ROWS / 4 + 2
    assert report(smoke.name, world) is None
    assert smoke_ended(smoke.name, world, Fakes().now) == [name]
    job = ended(world, name)
    assert (job.status, job.metrics) == (Status.COMPLETED, {"rows": ROWS + 1})


def test_a_run_whose_smoke_run_failed_does_not_start(world: World) -> None:
    name, smoke = smoked(world, trains(doomed=True))
    assert smoke.status is Status.FAILED
    assert smoke_ended(smoke.name, world, Fakes().now) == [name]
    assert world.jobs.find(name) is None
    run = world.runs.get("prices", name)
    assert run is not None
    assert run.reason.startswith(f"its smoke run failed ({smoke.name}): ")
    assert "no column rings" in run.reason
