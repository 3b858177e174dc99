"""A repository in which DVC tracks what it is told."""

from mergemaker.domain.errors import UsageError
from mergemaker.ports import Tracked
from tests.fakes.faults import Fake


class FakeTracking(Fake):
    """`ports.Tracking`."""

    def __init__(self) -> None:
        super().__init__()
        self.tracked: dict[str, Tracked] = {}

    def find(self, path: str) -> Tracked:
        with self._called("find"):
            if path not in self.tracked:
                raise UsageError(f"{path}: DVC does not track it")
            return self.tracked[path]
