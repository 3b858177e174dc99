"""A GitLab project's default branch, in memory."""

from datetime import datetime

from tests.fakes.faults import Fake


class FakeDefaultBranch(Fake):
    """`ports.DefaultBranch`."""

    def __init__(self, time: datetime) -> None:
        super().__init__()
        self.files: dict[str, str] = {}
        """Model -> its model.toml."""
        self.pipelines: list[datetime] = []
        """When those that were made by API began."""
        self.time = time

    def settings(self, model: str) -> str:
        with self._called("settings"):
            return self.files.get(model, "")

    def has_pipeline_since(self, at: datetime) -> bool:
        with self._called("has_pipeline_since"):
            return any(began >= at for began in self.pipelines)

    def make_pipeline(self) -> None:
        with self._called("make_pipeline"):
            self.pipelines.append(self.time)
