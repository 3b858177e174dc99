"""What the program is busy with, so that each line of the log can say it: also lines of libraries, and errors.

Steps say so where they turn to a run; the Lambdas' log reads it (`lambdas.log`).
"""

from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType

from mergemaker.domain.run import Run

Fields = Mapping[str, str | int]

_NOTHING: Fields = MappingProxyType({})
_fields: ContextVar[Fields] = ContextVar("about", default=_NOTHING)


def start(known: Fields = _NOTHING) -> None:
    """Something new begins, of which this much is known; what was before is forgotten."""
    _fields.set(known)


def turn_to(run: str, model: str, merge_request: int | None) -> None:
    """From here on it is about this run, and this one of the merge requests that asked for it; None for a branch."""
    here: dict[str, str | int] = {"run": run, "model": model}
    if merge_request is not None:
        here["merge_request"] = merge_request
    rest = {key: value for key, value in _fields.get().items() if key not in ("run", "model", "merge_request")}
    _fields.set({**rest, **here})


def found(run: Run) -> None:
    """Turns to `run`, unless it is another that this is about: reading what it is compared with is no turn."""
    if _fields.get().get("run", run.job) == run.job:
        changed(run)


def changed(run: Run) -> None:
    """Turns to `run`, and to who asked for it first, unless this is about `run` and one of its merge requests now."""
    if _fields.get().get("run") != run.job or "merge_request" not in _fields.get():
        turn_to(run.job, run.model, run.lineage.origin.merge_request)


def fields() -> Fields:
    return _fields.get()
