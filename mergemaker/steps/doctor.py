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
    marks: dict[str, Mark] = {}
    for check in checks(patient.names):
        finding = _run(check, patient, marks)
        marks[check.name] = finding.mark
        yield finding


def _run(check: Check, patient: Patient, marks: dict[str, Mark]) -> Finding:
    if check.needs and marks[check.needs] != Mark.FINE:
        return Finding(check.name, Mark.UNKNOWN, f"not looked at, because of: {check.needs}")
    try:
        verdict = check.look(patient)
    except MergemakerError as error:
        verdict = Verdict(Mark.UNKNOWN, f"can't be told: {error}")
    return Finding(check.name, verdict.mark, verdict.said, verdict.do)


def checks(names: Names) -> tuple[Check, ...]:
    """In the order in which they are told; what another one needs comes before it."""
    return (*aws_checks(names), *gitlab_checks(names))
