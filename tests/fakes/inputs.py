"""What is known of models' inputs, in memory."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from mergemaker.ports import HEARS_SECONDS
from tests.fakes.faults import Fake


class FakeInputs(Fake):
    """`ports.Inputs`."""

    def __init__(self) -> None:
        super().__init__()
        self.changed: dict[str, datetime] = {}
        self.until: dict[str, datetime] = {}

    def hear(self, model: str, *, at: datetime, now: datetime) -> None:
        with self._called("hear"):
            last = self.changed.get(model)
            late = model in self.until and at <= self.until[model]
            if not late and (last is None or last + timedelta(seconds=HEARS_SECONDS) <= now):
                self.changed[model] = now

    def heard(self) -> Mapping[str, datetime]:
        with self._called("heard"):
            return dict(self.changed)

    def seen_to(self, model: str, heard: datetime) -> None:
        with self._called("seen_to"):
            self.until[model] = heard
            if self.changed.get(model) == heard:
                del self.changed[model]
