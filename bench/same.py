"""Whether two programs that are timed against each other do the same."""

from difflib import unified_diff
from typing import Any

from bench.recorder import Call


def check_same(ours: list[Call], theirs: list[Call]) -> None:
    """Exits where the calls differ."""
    if ours == theirs:
        return
    names = ("mergemaker submit", "bench/minimal_submit.py")
    difference = unified_diff(_lines(ours), _lines(theirs), *names, lineterm="")
    raise SystemExit(
        "\n".join(["the two do not make the same calls: bring the minimal script up to date", *difference])
    )


def _lines(calls: list[Call]) -> list[str]:
    return [line for call in calls for line in (str(call), *call.content.splitlines())]


def check_same_job(ours: Any, theirs: Any) -> None:
    """Exits where a request for a training job, or a part of one, does not say what ours says. It may say more; its
    name is its own."""
    if difference := _difference(ours, theirs, "CreateTrainingJob"):
        raise SystemExit(f"the two do not start the same job: {difference}")


def _difference(ours: Any, theirs: Any, where: str) -> str | None:
    """The first; what is empty or false is as good as not said."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        pairs = [(key, value, theirs.get(key)) for key, value in ours.items() if value and key != "TrainingJobName"]
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = [(str(n), *both) for n, both in enumerate(zip(ours, theirs, strict=True))]
    else:
        return None if ours == theirs else f"{where} is {theirs!r} instead of {ours!r}"
    found = (_difference(one, other, f"{where}.{key}") for key, one, other in pairs)
    return next((difference for difference in found if difference), None)
