"""One container of a training job: its folder, its process, its checkpoints."""

from collections.abc import Sequence

from local.aws.clients import Clients
from local.aws.cloud import Cloud
from local.aws.images import Image
from local.aws.logs import Sink
from local.aws.sagemaker.checkpoints import Checkpoints
from local.aws.sagemaker.hosts import Host
from local.aws.sagemaker.job import TrainingJob
from local.aws.sagemaker.main_process import MainProcess
from local.aws.sagemaker.opt_ml import below
from local.aws.sagemaker.workspace import Workspace

LOG_GROUP = "/aws/sagemaker/TrainingJobs"


class Instance:
    """Works with the rights of the job's role. `prepare`, then `start`; `close` in any case."""

    def __init__(self, cloud: Cloud, role: Clients, job: TrainingJob, host: Host) -> None:
        self._job = job
        self._workspace = Workspace(cloud, role.s3, job.record, host)
        self.base = self._workspace.base
        self._process = MainProcess(cloud, role, group=LOG_GROUP, stream=f"{job.name}/{host.log_name}")
        kept = job.record.get("CheckpointConfig")
        self._checkpoints = Checkpoints(role.s3, kept["S3Uri"], below(self.base, kept)) if kept else None

    def prepare(self) -> None:
        """Raises DownloadError."""
        self._workspace.prepare()
        self._workspace.download()
        if self._checkpoints:
            self._checkpoints.restore()

    def start(self, image: Image, read: Sequence[Sink]) -> None:
        """Runs the image's ``train``. Raises OSError when there is no process to be had."""
        environment = {
            "SAGEMAKER_BASE_DIR": str(self.base),
            "TRAINING_JOB_NAME": self._job.name,
            "TRAINING_JOB_ARN": self._job.arn,
            **self._job.record.get("Environment", {}),
        }
        self._process.start(image, ["train"], base=self.base, environment=environment, read=read)

    def look(self) -> int | None:
        """The exit code, once it has ended. Meanwhile log and checkpoints are brought up to date."""
        if self._checkpoints:
            self._checkpoints.sync_if_due()
        return self._process.look()

    def stop(self, grace: float) -> None:
        self._process.stop(grace)

    def failure(self) -> str:
        return self._workspace.failure()

    def close(self) -> None:
        self._process.close()

    def keep(self) -> None:
        """The last checkpoints, after `close`."""
        if self._checkpoints:
            self._checkpoints.sync()
