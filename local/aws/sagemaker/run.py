"""One training job from Starting to its end, in a thread of its own."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from local.aws import images
from local.aws.cloud import Cloud
from local.aws.environments import BuildError
from local.aws.sagemaker import artifacts
from local.aws.sagemaker.hosts import alone, hosts
from local.aws.sagemaker.instance import Instance
from local.aws.sagemaker.job import REASON_MAX, Job
from local.aws.sagemaker.metrics import Metrics
from local.aws.sagemaker.paths import DownloadError

AT_ONCE = 2
"""Jobs that run at the same time; others wait in Starting."""


class Slots:
    """What the machine has room for."""

    def __init__(self) -> None:
        self._all = threading.Semaphore(AT_ONCE)
        self._ports = threading.Semaphore(1)
        """Of a distributed job: its toolkit always takes the same ones."""

    @contextmanager
    def taken(self, job: Job) -> Iterator[bool]:
        """False when the job was stopped while it waited."""
        wanted = [self._ports, self._all] if alone(job.record) else [self._all]
        held: list[threading.Semaphore] = []
        try:
            for one in wanted:
                while not one.acquire(timeout=0.1):
                    if job.stop_wanted.is_set():
                        break
                else:
                    held.append(one)
            yield len(held) == len(wanted) and not job.stop_wanted.is_set()
        finally:
            for one in reversed(held):
                one.release()


class Run:
    """Runs a job that stands in Starting, with the rights of its role."""

    def __init__(self, cloud: Cloud, job: Job, slots: Slots) -> None:
        self._cloud, self._job, self._slots = cloud, job, slots
        self._role = cloud.assumed(job.record["RoleArn"], "sagemaker")
        self._instances = [Instance(cloud, self._role, job, host) for host in hosts(job.record)]
        self._metrics = Metrics(job.record["AlgorithmSpecification"].get("MetricDefinitions", []))

    def execute(self) -> None:
        with self._slots.taken(self._job) as taken:
            if not taken:
                self._job.finish("Stopped", status="Stopped")
                return
            try:
                self._execute()
            except (DownloadError, BuildError, OSError, ClientError, BotoCoreError) as error:
                self._fail(f"ClientError: {error}")
            except Exception:
                logging.getLogger("local.aws").exception("job %s", self._job.name)
                self._fail("InternalServerError: We encountered an internal error. The laptop cloud's aws.log has it.")

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
            code, timed_out = self._watch()
        finally:
            for instance in self._instances:
                instance.close()
        for instance in self._instances:
            instance.keep()
        self._end(code, timed_out=timed_out)

    def _watch(self) -> tuple[int, bool]:
        """Until all containers have ended, one has failed, or the job is stopped. The exit code, and whether it ran
        longer than MaxRuntimeInSeconds."""
        limit = float(self._job.record["StoppingCondition"].get("MaxRuntimeInSeconds", 86400))
        deadline = time.monotonic() + limit
        while True:
            codes = [instance.look() for instance in self._instances]
            if failed := next((code for code in codes if code), 0):
                return failed, False
            if None not in codes:
                return 0, False
            late = time.monotonic() > deadline
            if late or self._job.stop_wanted.is_set():
                if late:
                    self._job.move("MaxRuntimeExceeded", status="Stopping")
                self._stop()
                return 0, late
            time.sleep(0.05)

    def _stop(self) -> None:
        stoppers = [
            threading.Thread(target=instance.stop, args=(self._cloud.stop_grace,), daemon=True)
            for instance in self._instances
        ]
        for stopper in stoppers:
            stopper.start()
        for stopper in stoppers:
            while stopper.is_alive():
                stopper.join(0.2)
                for instance in self._instances:
                    instance.look()

    def _end(self, code: int, *, timed_out: bool) -> None:
        stopped, bases = self._job.stop_wanted.is_set(), [instance.base for instance in self._instances]
        s3, record = self._role.s3, self._job.record
        if code and not (stopped or timed_out):
            artifacts.upload_output(s3, record, bases)
            self._fail(_algorithm_error(self._failure(), code))
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
            self._finish("Failed", "Failed", {"FailureReason": reason[:REASON_MAX]})

    def _move(self, secondary: str) -> None:
        status = "Stopping" if self._job.stop_wanted.is_set() else "InProgress"
        self._job.move(secondary, status=status)


def _algorithm_error(text: str, code: int) -> str:
    """With its whole end: the exit code is always there, the container's text is cut."""
    end = f", exit code: {code}"
    start = f"AlgorithmError: {text}"
    return start[: REASON_MAX - len(end)] + end
