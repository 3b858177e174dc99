"""The tools' part of the doctor: versions that do not fit. No account or project is asked."""

from collections.abc import Sequence

from mergemaker.ports import Tools
from mergemaker.steps.findings import Finding, Mark

_MEND = {
    "python": "install one that fits, and make the environment anew",
    "boto3": "run `pip install --require-hashes --requirement requirements/ci.txt`",
    "aws-cdk": "run `npm ci`",
}


def tool_findings(tools: Tools) -> Sequence[Finding]:
    return [_tool(name, tools.installed(name), tools.wanted(name)) for name in _MEND]


def _tool(name: str, installed: str | None, wanted: str | None) -> Finding:
    check = f"version of {name}"
    if installed is None:
        return Finding(check, Mark.FINE, "not here: only `cdk deploy` needs it")
    if wanted is None or fits(installed, wanted):
        return Finding(check, Mark.FINE, installed)
    return Finding(check, Mark.WRONG, f"{installed}, the project needs {wanted}", _MEND[name])


def fits(version: str, wanted: str) -> bool:
    """For ``==1.2.3`` and ``>=3.11``, which is all that this project asks; anything else fits."""
    for sign in ("==", ">="):
        if wanted.startswith(sign):
            have, need = _numbers(version), _numbers(wanted.removeprefix(sign))
            return have == need if sign == "==" else have >= need
    return True


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
