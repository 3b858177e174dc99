"""The run table, in memory."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from mergemaker.domain.errors import RetryableError
from mergemaker.domain.run import Run
from mergemaker.ports import NoteRecord
from tests.fakes.faults import Fake


class FakeRuns(Fake):
    """`ports.Runs`."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: dict[tuple[str, str], Run] = {}
        self.notes: dict[tuple[str, int], NoteRecord] = {}
        self.held: set[tuple[str, int]] = set()
        """Notes that somebody is writing."""

    def __contains__(self, job: str) -> bool:
        return any(name == job for _, name in self.runs)

    def get(self, model: str, job: str) -> Run | None:
        with self._called("get"):
            return self.runs.get((model, job))

    def change(self, model: str, job: str, change: Callable[[Run | None], Run]) -> Run:
        with self._called("change"):
            after = change(self.runs.get((model, job)))
            self.runs[model, job] = after
        return after

    def shown(self, model: str, merge_request: int) -> str | None:
        with self._called("shown"):
            return self.notes.get((model, merge_request), NoteRecord()).job

    @contextmanager
    def note(self, model: str, merge_request: int) -> Iterator[NoteRecord]:
        key = (model, merge_request)
        with self._called("note"):
            if key in self.held:
                raise RetryableError(f"somebody else has been writing the note of {model} for long")
            self.held.add(key)
            record = replace(self.notes.get(key, NoteRecord()))
            try:
                yield record
            finally:
                self.held.remove(key)
                self.notes[key] = record
