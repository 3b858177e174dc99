"""A job from its acceptance to its end, in a thread of its own: what training and processing have in common."""

import logging
import threading
import time
from collections.abc import Sequence
from typing import Protocol

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from local.aws.cloud import Cloud
from local.aws.environments import BuildError
from local.aws.sagemaker.job import REASON_MAX, Job
from local.aws.sagemaker.paths import DownloadError
from local.aws.sagemaker.slots import Slots

REFUSED = (ClientError, BotoCoreError, Boto3Error)
"""What a call of AWS raises; an upload wraps it."""


class Running(Protocol):
    """A container that was started."""

    def look(self) -> int | None:
        """The exit code, once it has ended. Keeps up to date what others see of it meanwhile."""

    def stop(self, grace: float) -> None: ...


class Run:
    """Runs a job that was accepted, with the rights of its role."""

    alone = False
    """Whether it wants the ports that only one job at a time can have."""

    def __init__(self, cloud: Cloud, job: Job, slots: Slots) -> None:
        self._cloud, self._slots, self._job = cloud, slots, job
        self._role = cloud.assumed(job.record["RoleArn"], "sagemaker")

    def execute(self) -> None:
        with self._slots.taken(self._job.stop_wanted, alone=self.alone) as taken:
            if not taken:
                self._job.stopped()
                return
            try:
                self._execute()
            except (DownloadError, BuildError, OSError, *REFUSED) as error:
                self._fail(f"ClientError: {error}"[:REASON_MAX])
            except Exception:
                logging.getLogger("local.aws").exception("job %s", self._job.name)
                self._fail("InternalServerError: We encountered an internal error. The laptop cloud's aws.log has it.")

    def _execute(self) -> None:
        """Raises what `execute` makes a failure of."""
        raise NotImplementedError

    def _fail(self, reason: str) -> None:
        raise NotImplementedError

    def _watch(self, containers: Sequence[Running]) -> tuple[int, bool]:
        """Until all containers have ended, one has failed, or the job is stopped. The exit code, and whether it ran
        longer than MaxRuntimeInSeconds."""
        limit = float(self._job.record.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 86400))
        deadline = time.monotonic() + limit
        while True:
            codes = [container.look() for container in containers]
            if failed := next((code for code in codes if code), 0):
                return failed, False
            if None not in codes:
                return 0, False
            late = time.monotonic() > deadline
            if late or self._job.stop_wanted.is_set():
                if late:
                    self._job.late()
                self._stop(containers)
                return 0, late
            time.sleep(0.05)

    def _stop(self, containers: Sequence[Running]) -> None:
        stoppers = [
            threading.Thread(target=container.stop, args=(self._cloud.stop_grace,), daemon=True)
            for container in containers
        ]
        for stopper in stoppers:
            stopper.start()
        for stopper in stoppers:
            while stopper.is_alive():
                stopper.join(0.2)
                for container in containers:
                    container.look()


def algorithm_error(text: str, code: int) -> str:
    """With its whole end: the exit code is always there, the container's text is cut."""
    end = f", exit code: {code}"
    start = f"AlgorithmError: {text}"
    return start[: REASON_MAX - len(end)] + end
