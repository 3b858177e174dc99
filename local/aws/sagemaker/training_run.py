"""One training job from Starting to its end."""

from local.aws import images
from local.aws.cloud import Cloud
from local.aws.sagemaker import artifacts
from local.aws.sagemaker.hosts import alone, hosts
from local.aws.sagemaker.instance import Instance
from local.aws.sagemaker.job import TrainingJob
from local.aws.sagemaker.metrics import Metrics
from local.aws.sagemaker.run import Run, algorithm_error
from local.aws.sagemaker.slots import Slots


class TrainingRun(Run):
    """Runs ``train`` on each of the job's instances."""

    _job: TrainingJob

    def __init__(self, cloud: Cloud, job: TrainingJob, slots: Slots) -> None:
        super().__init__(cloud, job, slots)
        self.alone = alone(job.record)
        self._instances = [Instance(cloud, self._role, job, host) for host in hosts(job.record)]
        self._metrics = Metrics(job.record["AlgorithmSpecification"].get("MetricDefinitions", []))

    def _execute(self) -> None:
        uri = self._job.record["AlgorithmSpecification"]["TrainingImage"]
        image = images.find(self._cloud, self._role.ecr, uri)
        self._job.start_clock()
        self._move("Downloading")
        for instance in self._instances:
            instance.prepare()
        if self._job.stop_wanted.is_set():
            self._finish("Stopped", "Stopped", {})
            return
        self._move("Training")
        try:
            for instance in self._instances:
                instance.start(image, [self._metrics.read])
            code, timed_out = self._watch(self._instances)
        finally:
            for instance in self._instances:
                instance.close()
        for instance in self._instances:
            instance.keep()
        self._end(code, timed_out=timed_out)

    def _end(self, code: int, *, timed_out: bool) -> None:
        stopped, bases = self._job.stop_wanted.is_set(), [instance.base for instance in self._instances]
        s3, record = self._role.s3, self._job.record
        if code and not (stopped or timed_out):
            artifacts.upload_output(s3, record, bases)
            self._fail(algorithm_error(self._failure(), code))
            return
        self._move("Uploading")
        artifact = artifacts.upload_model(s3, record, bases)
        artifacts.upload_output(s3, record, bases)
        members: dict[str, object] = {"ModelArtifacts": {"S3ModelArtifacts": artifact}} if artifact else {}
        if stopped or timed_out:
            self._finish("MaxRuntimeExceeded" if timed_out else "Stopped", "Stopped", members)
        else:
            self._finish("Completed", "Completed", members)

    def _failure(self) -> str:
        """Of the first container that says something: others often fail because of it."""
        return next((text for text in (instance.failure() for instance in self._instances) if text), "")

    def _finish(self, secondary: str, status: str, members: dict[str, object]) -> None:
        if self._job.record["AlgorithmSpecification"].get("MetricDefinitions"):
            members["FinalMetricDataList"] = self._metrics.final()
        self._job.finish(secondary, status=status, **members)

    def _fail(self, reason: str) -> None:
        if self._job.stop_wanted.is_set():
            self._finish("Stopped", "Stopped", {})
        else:
            self._finish("Failed", "Failed", {"FailureReason": reason})

    def _move(self, secondary: str) -> None:
        status = "Stopping" if self._job.stop_wanted.is_set() else "InProgress"
        self._job.move(secondary, status=status)
