"""One container of a training job: its folder, its process, its log."""

import signal
import time
from collections.abc import Sequence
from threading import Thread

from local.aws import processes
from local.aws.clients import Clients
from local.aws.cloud import Cloud
from local.aws.images import Image
from local.aws.logs import LogStream, Sink, pump
from local.aws.processes import Child
from local.aws.sagemaker.checkpoints import Checkpoints
from local.aws.sagemaker.hosts import Host
from local.aws.sagemaker.job import Job
from local.aws.sagemaker.opt_ml import as_opt_ml, below
from local.aws.sagemaker.workspace import Workspace

LOG_GROUP = "/aws/sagemaker/TrainingJobs"


class Instance:
    """Works with the rights of the job's role. `prepare`, then `start`; `close` in any case."""

    def __init__(self, cloud: Cloud, role: Clients, job: Job, host: Host) -> None:
        self._cloud, self._role, self._job = cloud, role, job
        self._workspace = Workspace(cloud, role.s3, job.record, host)
        self.base = self._workspace.base
        self._log = LogStream(role.logs, LOG_GROUP, f"{job.name}/{host.log_name}-{int(time.time())}")
        self._child: Child | None = None
        self._reader: Thread | None = None
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
        base, record = self.base, self._job.record
        env = {
            "HOME": str(base),
            "TMPDIR": str(base / "tmp"),
            "LANG": "C.UTF-8",
            # Gloo would take the interface that the machine's own name stands for.
            "GLOO_SOCKET_IFNAME": "lo",
            **image.variables,
            **self._role.variables,
            "SAGEMAKER_BASE_DIR": str(base),
            "TRAINING_JOB_NAME": self._job.name,
            "TRAINING_JOB_ARN": record["TrainingJobArn"],
            **record.get("Environment", {}),
        }
        # Through env, which searches the PATH that the container will have.
        self._child = self._cloud.processes.start(as_opt_ml(base, ["/usr/bin/env", "train"]), env=env, cwd=base)
        assert self._child.stdout is not None
        self._reader = pump(self._child.stdout, *read, self._log.write)

    def look(self) -> int | None:
        """The exit code, once it has ended. Meanwhile log and checkpoints are brought up to date."""
        self._log.flush_if_due()
        if self._checkpoints:
            self._checkpoints.sync_if_due()
        return None if self._child is None or self._child.poll() is None else processes.exit_code(self._child)

    def stop(self, grace: float) -> None:
        if self._child is not None:
            processes.stop(self._child, grace)

    def failure(self) -> str:
        return self._workspace.failure()

    def close(self) -> None:
        """Ends what is left of it: workers that outlived the training process would keep its output open."""
        if self._child is not None:
            processes.signal_group(self._child, signal.SIGKILL)
            processes.wait(self._child, 10.0)
        if self._reader is not None:
            self._reader.join(30)
        self._log.flush()

    def keep(self) -> None:
        """The last checkpoints, after `close`."""
        if self._checkpoints:
            self._checkpoints.sync()
