"""A GitLab project's merge requests, in memory."""

from dataclasses import dataclass
from datetime import UTC, datetime

from mergemaker.domain.errors import ServiceError
from mergemaker.ports import MergeRequestState
from tests.fakes.faults import Fake
from tests.fakes.made import HEAD

OPENED = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)

STATES = ("pending", "running", "success", "failed", "canceled")


@dataclass(frozen=True)
class Note:
    """A note on a merge request."""

    merge_request: int
    body: str
    ours: bool


@dataclass(frozen=True)
class CommitStatus:
    """A commit status as it was last set."""

    commit: str
    ref: str
    pipeline: int
    name: str
    state: str
    description: str


class FakeMergeRequests(Fake):
    """`ports.MergeRequests`; merge requests 1 to 99 are there."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: dict[int, Note] = {}
        self.statuses: list[CommitStatus] = []
        """All that were set, the last one last."""
        self.states: dict[int, str] = {}
        """Of those that are not open."""
        self.heads: dict[int, tuple[str, datetime]] = {}
        """Of those whose head is not HEAD any more: what it is, and since when."""
        self._last = 0

    def state(self, merge_request: int) -> MergeRequestState | None:
        with self._called("state"):
            if not 0 < merge_request < 100:
                return None
            head, _ = self.heads.get(merge_request, (HEAD, None))
            return MergeRequestState(self.states.get(merge_request, "opened"), head)

    def pushed(self, merge_request: int, head: str) -> datetime | None:
        with self._called("pushed"):
            self._check(merge_request)
            now, at = self.heads.get(merge_request, (HEAD, OPENED))
            return at if now == head else None

    def find_note(self, merge_request: int, marker: str) -> int | None:
        with self._called("find_note"):
            self._check(merge_request)
            for number, note in sorted(self.notes.items()):
                if note.ours and note.merge_request == merge_request and note.body.split("\n")[0] == marker:
                    return number
            return None

    def create_note(self, merge_request: int, body: str) -> int:
        with self._called("create_note"):
            return self.write(merge_request, body, ours=True)

    def edit_note(self, merge_request: int, note: int, body: str) -> bool:
        with self._called("edit_note"):
            self._check(merge_request)
            if note not in self.notes:
                return False
            self.notes[note] = Note(merge_request, body, ours=True)
        return True

    def set_status(self, *, commit: str, ref: str, pipeline: int, name: str, state: str, description: str) -> None:
        with self._called("set_status"):
            if state not in STATES:
                raise ServiceError(f"GitLab says 400: state does not have a valid value: {state}")
            if len(description) > 255:
                raise ServiceError("GitLab says 400: description is too long (maximum is 255 characters)")
            self.statuses.append(CommitStatus(commit, ref, pipeline, name, state, description))

    # What people do, and what tests read --------------------------------------------------------

    def write(self, merge_request: int, body: str, *, ours: bool = False) -> int:
        """Somebody writes a note. Its id."""
        self._check(merge_request)
        self._last += 1
        self.notes[self._last] = Note(merge_request, body, ours)
        return self._last

    def delete(self, note: int) -> None:
        """A person deletes a note."""
        del self.notes[note]

    def bodies(self, merge_request: int) -> list[str]:
        return [note.body for note in self.notes.values() if note.merge_request == merge_request]

    def only(self, merge_request: int) -> str:
        """The one note on the merge request."""
        (body,) = self.bodies(merge_request)
        return body

    @property
    def status(self) -> CommitStatus:
        return self.statuses[-1]

    def _check(self, merge_request: int) -> None:
        if not 0 < merge_request < 100:
            raise ServiceError(f"GitLab says 404: there is no merge request !{merge_request}")
