"""A training job's record, and its way through the statuses."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

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
    """The record is what DescribeTrainingJob shows; it changes under the service's lock only."""

    def __init__(self, record: Record, lock: threading.RLock, changed: Callable[["Job"], None]) -> None:
        self.record, self._lock, self._changed = record, lock, changed
        self.stop_wanted = threading.Event()

    @property
    def name(self) -> str:
        return str(self.record["TrainingJobName"])

    @property
    def status(self) -> str:
        return str(self.record["TrainingJobStatus"])

    def move(self, secondary: str, *, status: str = "InProgress", **members: Any) -> None:
        """To a secondary status; other members change with it. Sends the event."""
        with self._lock:
            now = datetime.now(UTC)
            transitions = self.record.setdefault("SecondaryStatusTransitions", [])
            if transitions:
                transitions[-1].setdefault("EndTime", now)
            transition = {"Status": secondary, "StartTime": now, "StatusMessage": _MESSAGES[secondary]}
            if status in FINAL:
                transition["EndTime"] = now
            transitions.append(transition)
            self.record.update(TrainingJobStatus=status, SecondaryStatus=secondary, LastModifiedTime=now, **members)
            self._changed(self)

    def start_clock(self) -> None:
        with self._lock:
            self.record["TrainingStartTime"] = datetime.now(UTC)

    def finish(self, secondary: str, *, status: str, **members: Any) -> None:
        """To a final status, with what the job took."""
        now = datetime.now(UTC)
        started = self.record.get("TrainingStartTime")
        if started is not None:
            seconds = max(1, round((now - started).total_seconds()))
            billed = max(1, round(seconds * SPOT_SHARE)) if self.record.get("EnableManagedSpotTraining") else seconds
            members.update(TrainingEndTime=now, TrainingTimeInSeconds=seconds, BillableTimeInSeconds=billed)
        self.move(secondary, status=status, **members)
