"""How many jobs run at the same time, of all kinds together."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

AT_ONCE = 2
"""Jobs that run at the same time; others wait as SageMaker's do for instances."""


class Slots:
    """What the machine has room for."""

    def __init__(self) -> None:
        self._all = threading.Semaphore(AT_ONCE)
        self._ports = threading.Semaphore(1)
        """Of a distributed job: its toolkit always takes the same ones."""

    @contextmanager
    def taken(self, stop_wanted: threading.Event, *, alone: bool) -> Iterator[bool]:
        """False when the job was stopped while it waited."""
        wanted = [self._ports, self._all] if alone else [self._all]
        held: list[threading.Semaphore] = []
        try:
            for one in wanted:
                while not one.acquire(timeout=0.1):
                    if stop_wanted.is_set():
                        break
                else:
                    held.append(one)
            yield len(held) == len(wanted) and not stop_wanted.is_set()
        finally:
            for one in reversed(held):
                one.release()
