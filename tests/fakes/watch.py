"""What looks after endpoints, in memory."""

from collections.abc import Mapping

from tests.fakes.faults import Fake


class FakeWatch(Fake):
    """`ports.Watch`."""

    def __init__(self) -> None:
        super().__init__()
        self.watched: dict[str, Mapping[str, str]] = {}
        """Endpoint to the tags of what watches it."""

    def __contains__(self, endpoint: str) -> bool:
        return endpoint in self.watched

    def over(self, endpoint: str, *, tags: Mapping[str, str]) -> None:
        with self._called("over"):
            self.watched[endpoint] = tags
