"""Calls that fail once, before or after their effect, and what others do in the meantime."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mergemaker.domain.errors import RetryableError

Action = Callable[[], object]


class Fake:
    """Base of all fakes."""

    def __init__(self) -> None:
        self._before: dict[str, Action] = {}
        self._after: dict[str, Action] = {}
        self.calls: list[str] = []
        """Names of the calls that were made, in order."""
        self.fails_at: tuple[int, bool] | None = None
        """Which call raises, counted over all from 1, and whether after its effect."""
        self.down: Exception | None = None
        """What every call raises, for as long as it is set."""

    def fail(self, call: str, error: Exception | None = None, *, after: bool = False) -> None:
        """The next `call` raises. `after`: it takes effect, and its answer is lost."""

        def act() -> None:
            raise error or RetryableError(f"{call} was told to fail")

        self._plan(self._after if after else self._before, call, act)

    def meanwhile(self, call: str, act: Action) -> None:
        """`act` happens just before the next `call` takes effect."""
        self._plan(self._before, call, act)

    def after(self, call: str, act: Action) -> None:
        """`act` happens when the next `call` has taken effect, before its caller hears of it."""
        self._plan(self._after, call, act)

    def _plan(self, where: dict[str, Action], call: str, act: Action) -> None:
        assert callable(getattr(self, call, None)), f"{type(self).__name__} has no call {call!r}"
        where[call] = act

    @contextmanager
    def _called(self, call: str) -> Iterator[None]:
        self.calls.append(call)
        number = len(self.calls)
        if self.down:
            raise self.down
        if self.fails_at == (number, False):
            raise RetryableError(f"{call} was told to fail")
        if before := self._before.pop(call, None):
            before()
        yield
        if after := self._after.pop(call, None):
            after()
        if self.fails_at == (number, True):
            raise RetryableError(f"the answer of {call} was told to get lost")
