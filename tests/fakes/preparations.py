"""SageMaker's processing jobs, in memory."""

from dataclasses import replace
from typing import Any

from mergemaker.domain.names import Names
from mergemaker.domain.preparation import PreparationJob, PreparationRequest, work_of
from mergemaker.domain.run import Status
from tests.fakes.faults import Fake
from tests.fakes.files import FakeFiles


class FakePreparations(Fake):
    """`ports.Preparations`."""

    def __init__(self, names: Names, files: FakeFiles) -> None:
        super().__init__()
        self._names, self._files = names, files
        self.jobs: dict[str, PreparationJob] = {}
        self.requests: dict[str, PreparationRequest] = {}

    def find(self, name: str) -> PreparationJob | None:
        with self._called("find"):
            return self.jobs.get(name)

    def start(self, request: PreparationRequest, *, image: str) -> bool:
        with self._called("start"):
            if request.name in self.jobs:
                return False
            self.requests[request.name] = request
            self.jobs[request.name] = PreparationJob(
                name=request.name,
                status=Status.IN_PROGRESS,
                reason="",
                work=work_of(request.name, request.preparation, image=image, names=self._names),
                project=request.project,
                preparation=request.preparation,
            )
        return True

    def move(self, name: str, status: Status, **changed: Any) -> None:
        """What SageMaker does with a job."""
        self.jobs[name] = replace(self.jobs[name], status=status, **changed)

    def complete(self, name: str, left: dict[str, bytes]) -> None:
        """The job ends well and leaves files, named ``<channel>/<path>``."""
        for path, content in left.items():
            self._files.put(f"{self.requests[name].preparation.model}/output/{name}/{path}", content)
        self.move(name, Status.COMPLETED)
