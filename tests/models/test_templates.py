"""What `mergemaker new` makes is submitted as it is, and trains on the laptop cloud in an image of its requirements."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mergemaker.cli import TEMPLATES
from mergemaker.steps.new import new
from tests import cpu_torch
from tests.models.conftest import Worker
from tests.models.shop import Shop, opened

pytestmark = pytest.mark.cloud
ROW = "62,2,40,3.5"
"""A flat: square metres, rooms, years, kilometres. Its middle rent is 62 * (9 + 11 / e ** 0.7 - 1.2 + 0.8) = 873."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with opened(tmp_path_factory.mktemp("shop"), tmp_path_factory.mktemp("aws")) as one:
        yield one


@pytest.fixture(scope="module")
def jobs(shop: Shop) -> dict[str, Any]:
    """Template -> its finished training job: made, given its example data, submitted, built, submitted again."""
    for name in TEMPLATES:
        shop.say("new", f"of-{name}", "--template", name)
    at_hand = [name for name in TEMPLATES if name != "pytorch" or cpu_torch.settings() is not None]
    for name in at_hand:
        shop.upload(f"of-{name}")
        assert shop.submitted(f"of-{name}")["status"] == "Waiting"
    shop.builds_ended()
    started = {name: shop.submitted(f"of-{name}")["job"] for name in at_hand}
    return {name: shop.finished(job) for name, job in started.items()}


@pytest.mark.parametrize("template", TEMPLATES)
def test_it_trains_as_it_is(jobs: dict[str, Any], template: str) -> None:
    job = of(template, jobs)

    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    metrics = {one["MetricName"]: one["Value"] for one in job["FinalMetricDataList"]}
    assert 50 < metrics["rmse"] < 200
    assert 0.8 < metrics["r2"] < 1


@pytest.mark.parametrize("template", ["custom", "pytorch"])
def test_its_endpoint_says_what_a_flat_costs(shop: Shop, jobs: dict[str, Any], template: str) -> None:
    """Those that have an inference.py."""
    job = of(template, jobs)
    endpoint = shop.endpoint(f"of-{template}", job)

    answer = shop.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint, ContentType="text/csv", Body=ROW.encode()
    )

    (rent,) = json.loads(answer["Body"].read())["predictions"]
    assert 750 < rent < 1000


def of(template: str, jobs: dict[str, Any]) -> Any:
    if template == "pytorch":
        cpu_torch.needed()
    return jobs[template]


@pytest.mark.parametrize("template", ["custom", "sklearn"])
def test_it_runs_by_hand_as_its_readme_says(worker: Callable[[Path], Worker], tmp_path: Path, template: str) -> None:
    new(tmp_path, "by-hand", template)
    folder = tmp_path / "models" / "by-hand"
    (commands,) = re.findall(r"```sh\n(python .*?)```", (folder / "README.md").read_text(), re.DOTALL)
    at_work = worker(folder / "requirements.txt")

    for line in commands.splitlines():
        at_work.run(tmp_path / line.split()[1], folder=tmp_path)

    made = {path.relative_to(tmp_path / ".local/models/by-hand").as_posix() for path in tmp_path.rglob(".local/**/*.*")}
    assert {"data/train.csv", "output/metrics.json"} < made
    assert len([path for path in made if path.startswith("model/model.")]) == 1
