"""Training jobs of tests: packing a script, asking for a job, waiting for its end."""

import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.aws.sagemaker.opt_ml import as_opt_ml
from tests.local.aws.helpers import BUCKET, REGION, Aws, unique, wait_for

needs_own_mounts = pytest.mark.skipif(
    as_opt_ml(Path("/"), ["true"]) == ["true"], reason="this machine gives a process no mounts of its own (unshare)"
)
LOSS = {"Name": "loss", "Regex": r"loss=([0-9.eE+-]+|nan|inf)"}


@dataclass(frozen=True)
class Jobs:
    """Starts jobs with one image and role."""

    aws: Aws
    image: str
    role: str

    def start(self, script: str, **changed: Any) -> str:
        """A job that runs `script`; `changed` replaces members of the request. Returns its name."""
        request = self.request(script, **changed)
        self.aws.sagemaker.create_training_job(**request)
        return str(request["TrainingJobName"])

    def request(self, script: str, **changed: Any) -> dict[str, Any]:
        name = changed.pop("TrainingJobName", None) or unique("job")
        key = f"m/code/{name}.tar.gz"
        self.aws.s3.put_object(Bucket=BUCKET, Key=key, Body=packed({"train.py": script}))
        parameters = {
            "sagemaker_program": json.dumps("train.py"),
            "sagemaker_submit_directory": json.dumps(f"s3://{BUCKET}/{key}"),
            "sagemaker_region": json.dumps(REGION),
        }
        return {
            "TrainingJobName": name,
            "RoleArn": self.role,
            "AlgorithmSpecification": {
                "TrainingImage": self.image,
                "TrainingInputMode": "File",
                "MetricDefinitions": [LOSS],
            },
            "HyperParameters": parameters | changed.pop("HyperParameters", {}),
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/m/output"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": 300},
            **changed,
        }

    def finished(self, name: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            job = self.describe(name)
            return job if job["TrainingJobStatus"] in ("Completed", "Failed", "Stopped") else None

        return wait_for(look, seconds=90)

    def in_status(self, name: str, secondary: str) -> None:
        wait_for(lambda: self.describe(name)["SecondaryStatus"] == secondary, seconds=60)

    def describe(self, name: str) -> dict[str, Any]:
        job: Any = self.aws.sagemaker.describe_training_job(TrainingJobName=name)
        return dict(job)

    def log(self, name: str, *, host: int = 1) -> list[str]:
        """All lines; waits for none."""
        group = "/aws/sagemaker/TrainingJobs"
        answer = self.aws.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/algo-{host}-")
        (stream,) = answer["logStreams"]
        events = self.aws.logs.get_log_events(
            logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
        )
        return [event["message"] for event in events["events"]]


def packed(files: dict[str, str]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return content.getvalue()


def unpacked(aws: Aws, key: str) -> dict[str, str]:
    body = aws.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        files = {m.name: tar.extractfile(m) for m in tar if m.isfile()}
        return {name: file.read().decode() for name, file in files.items() if file}
