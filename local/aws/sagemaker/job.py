"""A job's record, and its way through the statuses: training, and processing."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar

Record = dict[str, Any]

REASON_MAX = 1024
"""Characters of FailureReason that SageMaker keeps."""

_MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Stopping": "Stopping the training job",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
}
FINAL = ("Completed", "Failed", "Stopped")


SPOT_SHARE = 0.3
"""Of the seconds of a spot instance, how many are billed: AWS counts the saving in time. A usual one is 70%."""


class Job:
    """The record is what the Describe call shows; it changes under the service's lock only."""

    kind: ClassVar[str]
    """What SageMaker's names of members begin with."""

    def __init__(self, record: Record, lock: threading.RLock, changed: Callable[[Record], None]) -> None:
        self.record, self._lock, self._changed = record, lock, changed
        self.stop_wanted = threading.Event()

    @property
    def name(self) -> str:
        return str(self.record[f"{self.kind}JobName"])

    @property
    def arn(self) -> str:
        return str(self.record[f"{self.kind}JobArn"])

    @property
    def status(self) -> str:
        return str(self.record[f"{self.kind}JobStatus"])

    def begin(self) -> None:
        """The job was accepted."""
        raise NotImplementedError

    def stopping(self) -> None:
        """Its container is to end."""
        raise NotImplementedError

    def late(self) -> None:
        """Its container is to end, for it ran longer than MaxRuntimeInSeconds."""
        raise NotImplementedError

    def stopped(self) -> None:
        """It ends before it began."""
        raise NotImplementedError

    def start_clock(self) -> None:
        with self._lock:
            self.record[f"{self.kind}StartTime"] = datetime.now(UTC)

    def _update(self, status: str, **members: Any) -> None:
        """Sends the event."""
        with self._lock:
            now = datetime.now(UTC)
            self.record.update({f"{self.kind}JobStatus": status, "LastModifiedTime": now}, **members)
            self._changed(self.record)


class TrainingJob(Job):
    """Has a secondary status, which tells how far it is."""

    kind = "Training"

    def begin(self) -> None:
        self.move("Starting")

    def stopping(self) -> None:
        self.move("Stopping", status="Stopping")

    def late(self) -> None:
        self.move("MaxRuntimeExceeded", status="Stopping")

    def stopped(self) -> None:
        self.finish("Stopped", status="Stopped")

    def move(self, secondary: str, *, status: str = "InProgress", **members: Any) -> None:
        """To a secondary status; other members change with it."""
        with self._lock:
            now = datetime.now(UTC)
            transitions = self.record.setdefault("SecondaryStatusTransitions", [])
            if transitions:
                transitions[-1].setdefault("EndTime", now)
            transition = {"Status": secondary, "StartTime": now, "StatusMessage": _MESSAGES[secondary]}
            if status in FINAL:
                transition["EndTime"] = now
            transitions.append(transition)
            self._update(status, SecondaryStatus=secondary, **members)

    def finish(self, secondary: str, *, status: str, **members: Any) -> None:
        """To a final status, with what the job took."""
        now = datetime.now(UTC)
        started = self.record.get("TrainingStartTime")
        if started is not None:
            seconds = max(1, round((now - started).total_seconds()))
            billed = max(1, round(seconds * SPOT_SHARE)) if self.record.get("EnableManagedSpotTraining") else seconds
            members.update(TrainingEndTime=now, TrainingTimeInSeconds=seconds, BillableTimeInSeconds=billed)
        self.move(secondary, status=status, **members)


class ProcessingJob(Job):
    """Has one status only."""

    kind = "Processing"

    def begin(self) -> None:
        self._update("InProgress")

    def stopping(self) -> None:
        self._update("Stopping")

    def late(self) -> None:
        self.stopping()

    def stopped(self) -> None:
        self.finish("Stopped")

    def finish(self, status: str, **members: Any) -> None:
        self._update(status, ProcessingEndTime=datetime.now(UTC), **members)
