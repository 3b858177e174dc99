"""One processing job from its acceptance to its end."""

from local.aws import images
from local.aws.cloud import Cloud
from local.aws.sagemaker.job import ProcessingJob
from local.aws.sagemaker.main_process import MainProcess
from local.aws.sagemaker.processing_folder import MessageError, ProcessingFolder
from local.aws.sagemaker.run import REFUSED, Run, algorithm_error
from local.aws.sagemaker.slots import Slots

LOG_GROUP = "/aws/sagemaker/ProcessingJobs"


class ProcessingRun(Run):
    """Runs the job's entrypoint on its one instance."""

    _job: ProcessingJob

    def __init__(self, cloud: Cloud, job: ProcessingJob, slots: Slots) -> None:
        super().__init__(cloud, job, slots)
        self._folder = ProcessingFolder(cloud, self._role.s3, job.record)
        self._process = MainProcess(cloud, self._role, group=LOG_GROUP, stream=f"{job.name}/algo-1")

    def _execute(self) -> None:
        application = self._job.record["AppSpecification"]
        image = images.find(self._cloud, self._role.ecr, application["ImageUri"])
        self._job.start_clock()
        self._folder.prepare()
        self._folder.download()
        if self._job.stop_wanted.is_set():
            self._job.stopped()
            return
        environment = {
            "PROCESSING_JOB_NAME": self._job.name,
            "PROCESSING_JOB_ARN": self._job.arn,
            **self._job.record.get("Environment", {}),
        }
        command = [*application["ContainerEntrypoint"], *application.get("ContainerArguments", [])]
        try:
            self._process.start(image, command, base=self._folder.base, environment=environment)
            code, timed_out = self._watch([self._process])
        finally:
            self._process.close()
        self._end(code, timed_out=timed_out)

    def _end(self, code: int, *, timed_out: bool) -> None:
        """What is there is uploaded in any case, as AWS's SDK does in its local mode."""
        stopped = timed_out or self._job.stop_wanted.is_set()
        try:
            message = self._folder.message()
        except MessageError as error:
            self._fail(f"ClientError: {error}")
            return
        members = {"ExitMessage": message} if message else {}
        try:
            self._folder.upload()
        except REFUSED:
            if not code:  # else the container's own failure is the reason
                raise
        if stopped:
            self._job.finish("Stopped", **members)
        elif code:
            self._job.finish("Failed", FailureReason=algorithm_error("", code), **members)
        else:
            self._job.finish("Completed", **members)

    def _fail(self, reason: str) -> None:
        if self._job.stop_wanted.is_set():
            self._job.stopped()
        else:
            self._job.finish("Failed", FailureReason=reason)
