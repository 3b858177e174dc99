"""What is missing or broken in a project's AWS account and GitLab project, in plain words.

The checks are data: a name, what it looks at, and the check that has to be fine before it makes sense to look.
A check that can't be done says so, and stops no other.
"""

from collections.abc import Iterator

from mergemaker.domain.errors import MergemakerError
from mergemaker.domain.names import Names
from mergemaker.steps.aws_checks import aws_checks
from mergemaker.steps.findings import Check, Finding, Mark, Patient, Verdict
from mergemaker.steps.gitlab_checks import gitlab_checks


def doctor(patient: Patient) -> Iterator[Finding]:
    """Every check of the project."""
    causes: dict[str, str] = {}
    for check in checks(patient.names):
        finding = _run(check, patient, because=causes.get(check.needs, ""))
        if finding.mark != Mark.FINE:
            causes[check.name] = finding.because or check.name
        yield finding


def _run(check: Check, patient: Patient, *, because: str) -> Finding:
    """`because`: the first of the checks that this one needs, and theirs, which was not fine."""
    if because:
        return Finding(check.name, Mark.UNKNOWN, f"not looked at, because of: {because}", because=because)
    try:
        verdict = check.look(patient)
    except MergemakerError as error:
        verdict = Verdict(Mark.UNKNOWN, f"can't be told: {error}")
    return Finding(check.name, verdict.mark, verdict.said, verdict.do)


def checks(names: Names) -> tuple[Check, ...]:
    """In the order in which they are told; what another one needs comes before it."""
    return (*aws_checks(names), *gitlab_checks(names))
