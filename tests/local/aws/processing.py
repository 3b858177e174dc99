"""Processing jobs of tests: asking for one as the product does, waiting for its end."""

from dataclasses import dataclass
from typing import Any

from mergemaker.domain.names import Names
from mergemaker.domain.preparation import Preparation, PreparationWork, work_of
from tests.local.aws.helpers import ACCOUNT, PROJECT, REGION, Aws, unique, wait_for
from tests.local.aws.jobs import packed

NAMES = Names(PROJECT, ACCOUNT, REGION)
BUCKET = NAMES.bucket
GROUP = "/aws/sagemaker/ProcessingJobs"


@dataclass(frozen=True)
class Processings:
    """Starts processing jobs with one image and role."""

    aws: Aws
    image: str
    role: str

    def start(self, script: str, **changed: Any) -> str:
        """A job that runs `script`; `changed` replaces members of the request. Returns its name."""
        request = self.request(script, **changed)
        self.aws.sagemaker.create_processing_job(**request)
        return str(request["ProcessingJobName"])

    def request(self, script: str, *, data: str = "1,2\n", **changed: Any) -> dict[str, Any]:
        """What the preparation of a model comes to, with its script and its input in S3."""
        name = changed.get("ProcessingJobName") or unique("m-prepare")
        work = self._work(name)
        code, _ = work.inputs["code"]
        self._put(code, packed({"prepare.py": script}))
        self._put(f"{work.inputs['data'][0]}deep/rows.csv", data.encode())
        return {
            "ProcessingJobName": name,
            "RoleArn": self.role,
            "AppSpecification": {
                "ImageUri": work.image,
                "ContainerEntrypoint": list(work.command[:-1]),
                "ContainerArguments": [work.command[-1]],
            },
            "ProcessingInputs": [_input(name, *where) for name, where in work.inputs.items()],
            "ProcessingOutputConfig": {"Outputs": [_output(name, *where) for name, where in work.outputs.items()]},
            "ProcessingResources": {
                "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10}
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": 300},
            **changed,
        }

    def finished(self, name: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            job = self.describe(name)
            return job if job["ProcessingJobStatus"] in ("Completed", "Failed", "Stopped") else None

        return wait_for(look, seconds=90)

    def describe(self, name: str) -> dict[str, Any]:
        job: Any = self.aws.sagemaker.describe_processing_job(ProcessingJobName=name)
        return dict(job)

    def log(self, name: str) -> list[str]:
        """All lines of the only container; none before its stream is there."""
        logs = self.aws.logs
        try:
            found = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{name}/algo-1-")["logStreams"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        pages = [
            logs.get_log_events(logGroupName=GROUP, logStreamName=one["logStreamName"], startFromHead=True)["events"]
            for one in found
        ]
        return [event["message"] for page in pages for event in page]

    def left(self, name: str) -> dict[str, str]:
        """What the job left in S3, by what follows its name in the key."""
        prefix = f"m/output/{name}/"
        keys = [one["Key"] for one in self.aws.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]
        read = {key: self.aws.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode() for key in keys}
        return {key.removeprefix(prefix): text for key, text in read.items()}

    def _work(self, name: str) -> PreparationWork:
        digest = name.encode().hex().ljust(64, "0")[:64]
        preparation = Preparation(
            model="m",
            code=digest,
            image="m-" + "0" * 32,
            script="prepare.py",
            inputs=("data",),
            channels=("train", "validation"),
            data=digest,
        )
        return work_of(name, preparation, image=self.image, names=NAMES)

    def _put(self, url: str, content: bytes) -> None:
        self.aws.s3.put_object(Bucket=BUCKET, Key=url.removeprefix(f"s3://{BUCKET}/"), Body=content)


def _input(name: str, url: str, place: str) -> dict[str, Any]:
    return {
        "InputName": name,
        "S3Input": {"S3Uri": url, "LocalPath": place, "S3DataType": "S3Prefix", "S3InputMode": "File"},
    }


def _output(name: str, url: str, place: str) -> dict[str, Any]:
    return {"OutputName": name, "S3Output": {"S3Uri": url, "LocalPath": place, "S3UploadMode": "EndOfJob"}}
