"""A GitLab project's issues, in memory."""

from dataclasses import dataclass
from datetime import date

from tests.fakes.faults import Fake


@dataclass(frozen=True)
class Issue:
    """An issue of the project."""

    title: str
    description: str
    ours: bool
    closed: bool = False


class FakeIssues(Fake):
    """`ports.Issues`."""

    def __init__(self) -> None:
        super().__init__()
        self.issues: dict[int, Issue] = {}
        """By number."""
        self.end: date | None = None
        """Of the token."""

    def find(self, marker: str) -> int | None:
        with self._called("find"):
            for number, issue in sorted(self.issues.items()):
                if issue.ours and issue.description.split("\n")[0] == marker:
                    return number
            return None

    def create(self, *, title: str, description: str) -> int:
        with self._called("create"):
            return self.write(Issue(title, description, ours=True))

    def token_ends(self) -> date | None:
        with self._called("token_ends"):
            return self.end

    def write(self, issue: Issue) -> int:
        """Somebody opens an issue. Its number."""
        number = len(self.issues) + 1
        self.issues[number] = issue
        return number
