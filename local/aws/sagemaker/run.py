"""One training job from Starting to its end, in a thread of its own."""

import logging
import signal
import threading
import time

from botocore.exceptions import BotoCoreError, ClientError

from local.aws import images, processes
from local.aws.cloud import Cloud
from local.aws.environments import BuildError
from local.aws.images import Image
from local.aws.logs import LogStream, pump
from local.aws.processes import Child
from local.aws.sagemaker.job import REASON_MAX, Job
from local.aws.sagemaker.metrics import Metrics
from local.aws.sagemaker.workspace import DownloadError, Workspace

LOG_GROUP = "/aws/sagemaker/TrainingJobs"


class Run:
    """Runs a job that stands in Starting, with the rights of its role."""

    def __init__(self, cloud: Cloud, job: Job, slots: threading.Semaphore) -> None:
        self._cloud, self._job, self._slots = cloud, job, slots
        self._role = cloud.assumed(job.record["RoleArn"], "sagemaker")
        self._workspace = Workspace(cloud, self._role.s3, job.record)
        self._metrics = Metrics(job.record["AlgorithmSpecification"].get("MetricDefinitions", []))
        self._log = LogStream(self._role.logs, LOG_GROUP, f"{job.name}/algo-1-{int(time.time())}")

    def execute(self) -> None:
        if not self._take_slot():
            self._job.finish("Stopped", status="Stopped")
            return
        try:
            self._execute()
        except DownloadError as error:
            self._fail(f"ClientError: {error}")
        except (BuildError, OSError, ClientError, BotoCoreError) as error:
            self._fail(f"ClientError: {error}")
        except Exception:
            logging.getLogger("local.aws").exception("job %s", self._job.name)
            self._fail("InternalServerError: We encountered an internal error. The laptop cloud's aws.log has it.")
        finally:
            self._slots.release()

    def _take_slot(self) -> bool:
        """False when the job was stopped while it waited."""
        while not self._slots.acquire(timeout=0.1):
            if self._job.stop_wanted.is_set():
                return False
        if self._job.stop_wanted.is_set():
            self._slots.release()
            return False
        return True

    def _execute(self) -> None:
        uri = self._job.record["AlgorithmSpecification"]["TrainingImage"]
        image = images.find(self._cloud, self._role.ecr, uri)
        self._job.start_clock()
        self._move("Downloading")
        self._workspace.prepare()
        self._workspace.download()
        if self._job.stop_wanted.is_set():
            self._finish("Stopped", "Stopped", {})
            return
        self._move("Training")
        child = self._start(image)
        assert child.stdout is not None
        reader = pump(child.stdout, self._metrics.read, self._log.write)
        timed_out = self._watch(child)
        # Workers that outlived the training process would keep its output open.
        processes.signal_group(child, signal.SIGKILL)
        reader.join(30)
        self._log.flush()
        self._end(processes.exit_code(child), timed_out=timed_out)

    def _start(self, image: Image) -> Child:
        base, record = self._workspace.base, self._job.record
        env = {
            "HOME": str(base),
            "TMPDIR": str(base / "tmp"),
            "LANG": "C.UTF-8",
            **image.variables,
            **self._role.variables,
            "SAGEMAKER_BASE_DIR": str(base),
            "TRAINING_JOB_NAME": self._job.name,
            "TRAINING_JOB_ARN": record["TrainingJobArn"],
            **record.get("Environment", {}),
        }
        (base / "tmp").mkdir(exist_ok=True)
        # Through env, which searches the PATH that the container will have.
        return self._cloud.processes.start(["/usr/bin/env", "train"], env=env, cwd=base)

    def _watch(self, child: Child) -> bool:
        """Until the child ends, or is stopped. Whether it ran longer than MaxRuntimeInSeconds."""
        limit = float(self._job.record["StoppingCondition"].get("MaxRuntimeInSeconds", 86400))
        deadline = time.monotonic() + limit
        while not processes.wait(child, 0.1):
            self._log.flush_if_due()
            late: bool = time.monotonic() > deadline
            if late or self._job.stop_wanted.is_set():
                if late:
                    self._job.move("MaxRuntimeExceeded", status="Stopping")
                self._stop(child)
                return late
        return False

    def _stop(self, child: Child) -> None:
        stopper = threading.Thread(target=processes.stop, args=(child, self._cloud.stop_grace), daemon=True)
        stopper.start()
        while stopper.is_alive():
            stopper.join(0.2)
            self._log.flush_if_due()

    def _end(self, code: int, *, timed_out: bool) -> None:
        stopped = self._job.stop_wanted.is_set()
        if code and not (stopped or timed_out):
            self._workspace.upload_output()
            self._fail(_algorithm_error(self._workspace.failure(), code))
            return
        self._move("Uploading")
        artifact = self._workspace.upload_model()
        self._workspace.upload_output()
        members: dict[str, object] = {"ModelArtifacts": {"S3ModelArtifacts": artifact}} if artifact else {}
        if stopped or timed_out:
            self._finish("MaxRuntimeExceeded" if timed_out else "Stopped", "Stopped", members)
        else:
            self._finish("Completed", "Completed", members)

    def _finish(self, secondary: str, status: str, members: dict[str, object]) -> None:
        if self._job.record["AlgorithmSpecification"].get("MetricDefinitions"):
            members["FinalMetricDataList"] = self._metrics.final()
        self._job.finish(secondary, status=status, **members)

    def _fail(self, reason: str) -> None:
        if self._job.stop_wanted.is_set():
            self._finish("Stopped", "Stopped", {})
        else:
            self._finish("Failed", "Failed", {"FailureReason": reason[:REASON_MAX]})

    def _move(self, secondary: str) -> None:
        status = "Stopping" if self._job.stop_wanted.is_set() else "InProgress"
        self._job.move(secondary, status=status)


def _algorithm_error(text: str, code: int) -> str:
    """With its whole end: the exit code is always there, the container's text is cut."""
    end = f", exit code: {code}"
    start = f"AlgorithmError: {text}"
    return start[: REASON_MAX - len(end)] + end
