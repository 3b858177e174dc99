"""What the program is busy with, so that each line of the log can say it: also lines of libraries, and errors.

Steps say so where they turn to a run; the Lambdas' log reads it (`lambdas.log`).
"""

from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType

from mergemaker.domain.run import Lineage, Origin, Run

Fields = Mapping[str, str | int]

_NOTHING: Fields = MappingProxyType({})
_fields: ContextVar[Fields] = ContextVar("about", default=_NOTHING)


def start(known: Fields = _NOTHING) -> None:
    """Something new begins, of which this much is known; what was before is forgotten."""
    _fields.set(known)


def turn_to(run: str, lineage: Lineage, origin: Origin | None = None) -> None:
    """From here on it is about `run` and the merge request of `origin`; else that of who asked for the run first."""
    merge_request = (origin or lineage.origin).merge_request
    here: dict[str, str | int] = {"run": run, "model": lineage.model}
    if merge_request is not None:
        here["merge_request"] = merge_request
    rest = {key: value for key, value in _fields.get().items() if key not in ("run", "model", "merge_request")}
    _fields.set({**rest, **here})


def found(run: Run) -> None:
    """Turns to `run`, unless it is another that this is about: reading what it is compared with is no turn."""
    if _fields.get().get("run", run.job) == run.job and "merge_request" not in _fields.get():
        turn_to(run.job, run.lineage)


def fields() -> Fields:
    return _fields.get()
