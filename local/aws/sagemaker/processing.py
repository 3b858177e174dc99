"""Processing jobs: what they are checked for, and how SageMaker speaks of them."""

from pathlib import PurePosixPath
from typing import Any

from local.aws.errors import invalid
from local.aws.sagemaker import events
from local.aws.sagemaker.checks import over_limit
from local.aws.sagemaker.events import Event
from local.aws.sagemaker.job import ProcessingJob
from local.aws.sagemaker.jobs import Jobs
from local.aws.sagemaker.opt_ml import OPT_ML, has_own_mounts
from local.aws.sagemaker.processing_run import ProcessingRun

Record = dict[str, Any]
_PLACE = OPT_ML / "processing"


class Processing(Jobs):
    """All processing jobs of the account."""

    kind = ProcessingJob
    taken = "Job name must be unique within an AWS account and region, and a job with this name already exists ({arn})"
    missing = "Could not find requested job with name: {name}"

    def _completed(self, params: Record) -> Record:
        inputs = [_completed_input(one) for one in params.get("ProcessingInputs", [])]
        output = params.get("ProcessingOutputConfig", {"Outputs": []})
        outputs = [{"AppManaged": False, **one} for one in output["Outputs"]]
        return {
            "StoppingCondition": {"MaxRuntimeInSeconds": 86400},
            **params,
            "ProcessingInputs": inputs,
            "ProcessingOutputConfig": {**output, "Outputs": outputs},
        }

    def _run(self, job: ProcessingJob) -> ProcessingRun:
        return ProcessingRun(self._cloud, job, self._slots)

    def _event(self, record: Record) -> Event:
        return events.processing_job(record)

    def _check(self, params: Record) -> None:
        if not has_own_mounts():
            raise invalid(f"the laptop cloud runs processing jobs only where Linux can show them {OPT_ML} (unshare)")
        if "ContainerEntrypoint" not in params["AppSpecification"]:
            raise invalid("the laptop cloud knows no image's entrypoint: set AppSpecification.ContainerEntrypoint")
        cluster = params["ProcessingResources"]["ClusterConfig"]
        _check_cluster(cluster)
        output = params.get("ProcessingOutputConfig", {"Outputs": []})
        inputs = params.get("ProcessingInputs", [])
        _check_places([_input(one) for one in inputs] + [_output(one) for one in output["Outputs"]])
        _check_names("Input", inputs)
        _check_names("Output", output["Outputs"])
        self._checks.role(params["RoleArn"])
        self._checks.image(params["AppSpecification"]["ImageUri"])
        self._checks.encryption(cluster, output)
        if vpc := params.get("NetworkConfig", {}).get("VpcConfig"):
            self._checks.network(vpc)


def _completed_input(one: Record) -> Record:
    defaults = {"S3InputMode": "File", "S3DataDistributionType": "FullyReplicated", "S3CompressionType": "None"}
    return {"AppManaged": False, **one, "S3Input": defaults | one["S3Input"]}


def _check_cluster(cluster: Record) -> None:
    if "InstanceType" not in cluster or "InstanceCount" not in cluster:
        raise invalid("the laptop cloud has no InstancePreferences: set ClusterConfig.InstanceType and InstanceCount")
    if cluster["InstanceCount"] > 1:
        raise over_limit(cluster["InstanceType"], "processing", most=1, asked=cluster["InstanceCount"])


def _input(one: Record) -> tuple[str, str]:
    """What the laptop cloud calls it, and its place in the container. Raises AwsError for all but files of S3."""
    what, source = f"input {one['InputName']}", one.get("S3Input")
    if source is None or one.get("AppManaged"):
        raise invalid(f"{what}: the laptop cloud reads S3Inputs only, and none that is AppManaged")
    if source["S3DataType"] != "S3Prefix" or source.get("S3InputMode", "File") != "File":
        raise invalid(f"{what}: the laptop cloud reads an S3Prefix in File mode only")
    if source.get("S3CompressionType", "None") != "None":
        raise invalid(f"{what}: S3CompressionType Gzip needs Pipe mode")
    return what, source.get("LocalPath", "")


def _output(one: Record) -> tuple[str, str]:
    what, target = f"output {one['OutputName']}", one.get("S3Output")
    if target is None or one.get("AppManaged"):
        raise invalid(f"{what}: the laptop cloud writes S3Outputs only, and none that is AppManaged")
    if target["S3UploadMode"] != "EndOfJob":
        raise invalid(f"{what}: the laptop cloud uploads at the EndOfJob only")
    return what, target.get("LocalPath", "")


def _check_places(places: list[tuple[str, str]]) -> None:
    for what, place in places:
        path = PurePosixPath(place)
        if not path.is_relative_to(_PLACE) or path == _PLACE or ".." in path.parts or "\0" in place:
            raise invalid(f"{what}: LocalPath must begin with {_PLACE}/, not {place!r}")
    if len({PurePosixPath(place) for _, place in places}) != len(places):
        raise invalid("Each LocalPath can be used once only")


def _check_names(kind: str, named: list[Record]) -> None:
    if len({one[f"{kind}Name"] for one in named}) != len(named):
        raise invalid(f"{kind}Name must be unique within a processing job")
