"""A project of templates' models, and a cloud that they train on: what `mergemaker new` makes is submitted as it is."""

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mergemaker.cli import main
from tests import cpu_torch
from tests.adapters.conftest import NAMES
from tests.adapters.conftest import _resources as make_resources
from tests.cli.conftest import CI, SETTINGS
from tests.local.aws.helpers import client, start_cloud, wait_for
from tests.models.conftest import ROOT


@dataclass(frozen=True)
class Shop:
    """A project, and the cloud that its models train on."""

    root: Path
    port: int

    def say(self, *words: str) -> str:
        """What the command prints, as in a merge request's job. It is done, or AssertionError."""
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as printed, chdir(self.root):
            for name, value in {**CI, **self.aws}.items():
                patch.setenv(name, value)
            patch.delenv("AWS_PROFILE", raising=False)
            assert main(words) == 0
        return printed.getvalue()

    @property
    def aws(self) -> dict[str, str]:
        """What a process needs to take this cloud for AWS."""
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"}
        return {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}", **keys}

    def submitted(self, model: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.say("submit", model, "--json"))
        return answer

    def client(self, service: str) -> Any:
        return client(service, self.port)

    def folder(self, model: str) -> Path:
        return self.root / "models" / model

    def upload(self, model: str) -> None:
        """Its own prepare_data.py makes the data, with any Python, in the folder that its README says."""
        subprocess.run([sys.executable, "-I", self.folder(model) / "prepare_data.py"], cwd=self.root, check=True)
        self.say("data", "push", model, f".local/models/{model}/data")

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


@contextmanager
def opened(root: Path, state: Path) -> Iterator[Shop]:
    """An empty project, and its cloud."""
    (root / "mergemaker.toml").write_text(
        SETTINGS.replace("111122223333", NAMES.account).replace("eu-west-1", NAMES.region)
    )
    for part in ("training", "serving"):
        shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__"))
    with beside(root, state) as shop:
        yield shop


@contextmanager
def beside(root: Path, state: Path) -> Iterator[Shop]:
    """A cloud for the project that is in `root`, or will be. It builds images with torch's CPU build, where there is
    one."""
    process, port = start_cloud(state, **(cpu_torch.settings() or {}))
    try:
        make_resources(port)
        yield Shop(root, port)
    finally:
        process.terminate()
        process.wait(20)
