"""SageMaker's training jobs, in memory."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from mergemaker.domain.job import JobRequest, work_of
from mergemaker.domain.run import Status, TrainingJob
from tests.fakes.faults import Fake

BEGIN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class FakeJobs(Fake):
    """`ports.Jobs`."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: dict[str, TrainingJob] = {}
        self.requests: dict[str, JobRequest] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.jobs

    def find(self, name: str) -> TrainingJob | None:
        with self._called("find"):
            return self.jobs.get(name)

    def start(self, request: JobRequest, *, image: str) -> bool:
        with self._called("start"):
            if request.name in self.jobs:
                return False
            self.requests[request.name] = request
            self.jobs[request.name] = self._new(request, image)
        return True

    def going_on(self) -> Iterator[str]:
        with self._called("going_on"):
            yield from [name for name, job in self.jobs.items() if job.status is Status.IN_PROGRESS]

    def stop(self, name: str) -> None:
        with self._called("stop"):
            if self.jobs[name].status is Status.IN_PROGRESS:
                self.move(name, Status.STOPPING)

    def move(self, name: str, status: Status, **changed: Any) -> None:
        """What SageMaker does with a job."""
        self.jobs[name] = replace(self.jobs[name], **{"status": status, "phase": status.value, **changed})

    def _new(self, request: JobRequest, image: str) -> TrainingJob:
        return TrainingJob(
            name=request.name,
            status=Status.IN_PROGRESS,
            phase="Starting",
            reason="",
            created=BEGIN + timedelta(minutes=len(self.jobs)),
            ended=None,
            billed_seconds=None,
            work=work_of(request, image=image),
            artifact="",
            metrics={},
            lineage=request.lineage,
        )
