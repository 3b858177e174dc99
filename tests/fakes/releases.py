"""A GitLab project's releases and tags, in memory."""

from dataclasses import dataclass

from mergemaker.domain.errors import RetryableError
from tests.fakes.faults import Fake


@dataclass(frozen=True)
class Release:
    """A release of the project."""

    commit: str
    name: str
    description: str


class FakeReleases(Fake):
    """`ports.Releases`."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: dict[str, str] = {}
        """Tag -> commit."""
        self.releases: dict[str, Release] = {}
        """By tag."""

    def tagged(self, tag: str) -> str | None:
        with self._called("tagged"):
            return self.tags.get(tag)

    def description(self, tag: str) -> str | None:
        with self._called("description"):
            found = self.releases.get(tag)
            return found.description if found else None

    def create(self, *, tag: str, commit: str, name: str, description: str) -> None:
        with self._called("create"):
            if tag in self.releases:
                raise RetryableError("GitLab says 409: Release already exists")
            self.tags.setdefault(tag, commit)
            self.releases[tag] = Release(self.tags[tag], name, description)
