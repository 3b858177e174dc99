"""What `mergemaker new` makes is submitted as it is, and trains on the laptop cloud in an image of its requirements."""

import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mergemaker.cli import TEMPLATES, main
from mergemaker.steps.new import new
from tests.adapters.conftest import NAMES
from tests.adapters.conftest import _resources as make_resources
from tests.cli.conftest import CI, SETTINGS
from tests.local.aws.helpers import client, start_cloud, wait_for
from tests.models.conftest import ROOT, UV, Worker

pytestmark = pytest.mark.cloud
ROW = "62,2,40,3.5"
"""A flat: square metres, rooms, years, kilometres. Its middle rent is 62 * (9 + 11 / e ** 0.7 - 1.2 + 0.8) = 873."""


@dataclass(frozen=True)
class Shop:
    """A project with one model of each template, and the cloud that it trains on."""

    root: Path
    port: int

    def say(self, *words: str) -> str:
        """What the command prints, as in a merge request's job. It is done, or AssertionError."""
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as printed, chdir(self.root):
            for name, value in {**CI, **self._aws}.items():
                patch.setenv(name, value)
            patch.delenv("AWS_PROFILE", raising=False)
            assert main(words) == 0
        return printed.getvalue()

    @property
    def _aws(self) -> dict[str, str]:
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"}
        return {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}", **keys}

    def submitted(self, model: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.say("submit", model, "--json"))
        return answer

    def client(self, service: str) -> Any:
        return client(service, self.port)

    def folder(self, template: str) -> Path:
        return self.root / "models" / f"of-{template}"

    def builds_ended(self) -> None:
        """Raises AssertionError with what a failed one said."""
        builder = self.client("codebuild")

        def look() -> list[Any] | None:
            ids = builder.list_builds_for_project(projectName=NAMES.image_builder)["ids"]
            builds: list[Any] = builder.batch_get_builds(ids=ids)["builds"]
            return None if any(one["buildStatus"] == "IN_PROGRESS" for one in builds) else builds

        for build in wait_for(look, seconds=280):
            assert build["buildStatus"] == "SUCCEEDED", build

    def finished(self, job: str) -> Any:
        def look() -> Any:
            found = self.client("sagemaker").describe_training_job(TrainingJobName=job)
            return found if found["TrainingJobStatus"] in ("Completed", "Failed", "Stopped") else None

        return wait_for(look, seconds=120)

    def endpoint(self, model: str, job: Any) -> str:
        """An endpoint of what a job made, with the job's own image, in service."""
        sagemaker = self.client("sagemaker")
        container = {
            "Image": job["AlgorithmSpecification"]["TrainingImage"],
            "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"],
        }
        variant = {"VariantName": "AllTraffic", "ModelName": model, "InstanceType": "ml.m5.large"}
        sagemaker.create_model(ModelName=model, ExecutionRoleArn=job["RoleArn"], PrimaryContainer=container)
        variants = [{**variant, "InitialInstanceCount": 1}]
        sagemaker.create_endpoint_config(EndpointConfigName=model, ProductionVariants=variants)
        sagemaker.create_endpoint(EndpointName=model, EndpointConfigName=model)

        def in_service() -> bool:
            found = sagemaker.describe_endpoint(EndpointName=model)
            assert found["EndpointStatus"] in ("Creating", "InService"), found
            return bool(found["EndpointStatus"] == "InService")

        wait_for(in_service, seconds=60)
        return model


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    root = tmp_path_factory.mktemp("shop")
    (root / "mergemaker.toml").write_text(
        SETTINGS.replace("111122223333", NAMES.account).replace("eu-west-1", NAMES.region)
    )
    for part in ("training", "serving"):
        shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__"))
    process, port = start_cloud(tmp_path_factory.mktemp("aws"))
    try:
        make_resources(port)
        yield Shop(root, port)
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def jobs(shop: Shop) -> dict[str, Any]:
    """Template -> its finished training job: made, given its example data, submitted, built, submitted again."""
    for name in TEMPLATES:
        shop.say("new", f"of-{name}", "--template", name)
    at_hand = [name for name in TEMPLATES if name != "pytorch" or torch_is_small(shop.folder(name))]
    for name in at_hand:
        upload(shop, name)
        assert shop.submitted(f"of-{name}")["status"] == "Waiting"
    shop.builds_ended()
    started = {name: shop.submitted(f"of-{name}")["job"] for name in at_hand}
    return {name: shop.finished(job) for name, job in started.items()}


def upload(shop: Shop, template: str) -> None:
    """Its own prepare_data.py makes the data, with any Python, in the folder that its README says."""
    script = shop.folder(template) / "prepare_data.py"
    subprocess.run([sys.executable, "-I", script], cwd=shop.root, check=True)
    shop.say("data", "push", f"of-{template}", f".local/models/of-{template}/data")


def torch_is_small(folder: Path) -> bool:
    """PyPI's brings 3 GB of CUDA, whatever the machine; uv can be told where to find PyTorch's CPU builds."""
    command = [str(UV), "pip", "compile", "--quiet", "--no-header", str(folder / "requirements.txt")]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    return "nvidia-" not in found.stdout


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
    if template not in jobs:
        pytest.skip(
            f"{template}: torch would come with 3 GB of CUDA; to try it, set UV_TORCH_BACKEND=cpu, or UV_FIND_LINKS to "
            "a folder with a wheel of PyTorch's CPU builds"
        )
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
