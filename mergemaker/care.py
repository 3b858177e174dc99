"""What `mergemaker setup` and `mergemaker doctor` ask and print."""

import getpass
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from mergemaker.domain.errors import MergemakerError, UsageError
from mergemaker.domain.settings import FILE, Settings
from mergemaker.domain.text import visible
from mergemaker.steps.findings import Finding, Mark, Patient

_MARKS = {Mark.FINE: "✓", Mark.WRONG: "✗", Mark.UNKNOWN: "?"}


def set_up(settings: Settings) -> int:
    """A line per item, as it is done. Exit code 1 if something is left to a person."""
    from mergemaker.bootstrap import account, connect
    from mergemaker.steps.setup import setup

    left = 0
    today = datetime.now(UTC).date()
    for item in setup(settings, account=account(settings), connect=connect(settings), ask=ask_secret, today=today):
        left += item.how == "not done"
        _tell(f"{item.what}: {item.how}", item.do)
    return 1 if left else 0


def ask_secret(prompt: str) -> str:
    """Without an echo at a terminal; else the next line of stdin, so that a token is never an argument."""
    if not sys.stdin.isatty():
        return sys.stdin.readline()
    try:
        return getpass.getpass(prompt)
    except EOFError:
        return ""


def examine(read_settings: Callable[[], Settings], root: Path, *, as_json: bool) -> int:
    """Exit code 1 if something is wrong; what could not be looked at is told, and is no fault."""
    findings = list(_findings(read_settings, root)) if as_json else _told(_findings(read_settings, root))
    wrong = sum(finding.mark == Mark.WRONG for finding in findings)
    unknown = sum(finding.mark == Mark.UNKNOWN for finding in findings)
    if as_json:
        print(json.dumps({"wrong": wrong, "unknown": unknown, "findings": [asdict(one) for one in findings]}, indent=1))
    else:
        print(f"{len(findings) - wrong - unknown} fine, {wrong} wrong, {unknown} not looked at")
    return 1 if wrong else 0


def _findings(read_settings: Callable[[], Settings], root: Path) -> Iterator[Finding]:
    from mergemaker.adapters.tools import InstalledTools
    from mergemaker.steps.tool_checks import tool_findings

    yield from tool_findings(InstalledTools(root))
    try:
        settings = read_settings()
    except UsageError as error:
        yield from (Finding(FILE, Mark.WRONG, line) for line in str(error).splitlines())
        return
    yield Finding(FILE, Mark.FINE, f"project {settings.project}")
    yield from _project(settings)


def _project(settings: Settings) -> Iterator[Finding]:
    from mergemaker.bootstrap import account, connect
    from mergemaker.steps.doctor import doctor

    try:
        aws, gitlab = account(settings), connect(settings)
    except MergemakerError as error:
        yield Finding("AWS credentials", Mark.WRONG, str(error), "look at AWS_PROFILE, and at ~/.aws/config")
        return
    yield from doctor(Patient(settings, aws, gitlab, datetime.now(UTC).date()))


def _told(findings: Iterable[Finding]) -> list[Finding]:
    """Prints each as it comes; what was not looked at for one and the same cause is one line."""
    told = []
    for because, group in groupby(findings, key=lambda one: one.because):
        if because:
            several = list(group)
            checks = several[0].check if len(several) == 1 else f"{len(several)} checks"
            print(visible(f"{_MARKS[Mark.UNKNOWN]} {checks}: {several[0].said}"), flush=True)
            told += several
            continue
        for finding in group:
            _tell(f"{_MARKS[finding.mark]} {finding.check}: {finding.said}", finding.do)
            told.append(finding)
    return told


def _tell(line: str, do: str) -> None:
    print(visible(line) + (f"\n  → {visible(do)}" if do else ""), flush=True)
