"""The GitLab half of the doctor: the token in the secret, and the project as that token sees it."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from mergemaker.domain.errors import MergemakerError, RetryableError, ServiceError, UsageError
from mergemaker.domain.names import Names
from mergemaker.domain.token_secret import is_managed, read_token
from mergemaker.ports import CiVariable
from mergemaker.steps.findings import SETUP, Check, Mark, Patient, Verdict, verdict
from mergemaker.steps.fitness import (
    BY_HAND,
    MAINTAINER,
    PIPELINES_BY_HAND,
    SCOPE,
    WARN_DAYS,
    branch_faults,
    by_hand,
    ci_variables,
    project_faults,
    role_faults,
    role_name,
)

_STORED, _TOKEN, _ROLE = "stored token", "GitLab token", "token's role"
_VARIABLES = "CI variables"


def gitlab_checks(names: Names) -> Iterator[Check]:
    yield Check(_STORED, _stored, f"secret {names.token_secret}")
    yield Check(_TOKEN, _token, _STORED)
    yield Check("token's scope", _scope, _TOKEN)
    yield Check(_ROLE, _role, _TOKEN)
    yield Check("token's end", _expiry, _TOKEN)
    yield Check("GitLab project", _project, _ROLE)
    yield Check("default branch", _branch, _ROLE)
    yield Check(_VARIABLES, _read_variables, _ROLE)
    for variable in ci_variables(names):
        yield Check(f"CI variable {variable.key}", _has_variable(variable), _VARIABLES)
    yield Check("pipelines must succeed", _pipelines, _ROLE)


def _stored(patient: Patient) -> Verdict:
    names = patient.names
    stored = patient.account.secret()
    if not stored or not read_token(stored):
        return Verdict(Mark.WRONG, f"{names.token_secret} holds none: nothing reaches the merge requests", SETUP)
    if patient.settings.gitlab.rotate_token and not is_managed(stored):
        return Verdict(Mark.WRONG, f"{names.token_secret} holds it in a form that AWS can't renew", SETUP)
    if patient.settings.gitlab.rotate_token and not patient.account.renewed_every():
        return Verdict(Mark.WRONG, f"AWS does not renew {names.token_secret}", SETUP)
    return Verdict(Mark.FINE, "there")


def _token(patient: Patient) -> Verdict:
    try:
        user = patient.project.token().user
    except UsageError as error:
        return Verdict(Mark.WRONG, str(error))
    except RetryableError as error:
        return Verdict(Mark.WRONG, str(error), f"see that {patient.settings.gitlab.url} is up, and reached from here")
    except MergemakerError as error:
        return Verdict(Mark.WRONG, str(error), f"make a new one, then {SETUP}")
    return Verdict(Mark.FINE, f"valid, of {user}")


def _scope(patient: Patient) -> Verdict:
    scopes = patient.project.token().scopes
    if scopes is None:
        return Verdict(Mark.UNKNOWN, "can't be told: this GitLab says nothing of its tokens")
    if SCOPE in scopes:
        return Verdict(Mark.FINE, ", ".join(scopes))
    return Verdict(Mark.WRONG, f"{', '.join(scopes) or 'none'}: {SCOPE} is missing", f"make a new token, then {SETUP}")


def _role(patient: Patient) -> Verdict:
    token = patient.project.token()
    found = verdict(role_faults(token, patient.settings.gitlab), role_name(token.level))
    return found if found.mark == Mark.FINE else replace(found, do=f"{found.do}, then {SETUP}")


def _expiry(patient: Patient) -> Verdict:
    token = patient.project.token()
    if token.expires is None:
        told = token.scopes is not None
        return Verdict(Mark.FINE, "never") if told else Verdict(Mark.UNKNOWN, "can't be told: GitLab does not say")
    days = (token.expires - patient.today).days
    said = f"expires in {days} days, on {token.expires}"
    return Verdict(Mark.FINE, said) if days > WARN_DAYS else Verdict(Mark.WRONG, said, f"make a new one, then {SETUP}")


def _project(patient: Patient) -> Verdict:
    return verdict(project_faults(patient.settings, patient.project.hosted()), "as in the settings")


def _branch(patient: Patient) -> Verdict:
    branch = patient.settings.gitlab.default_branch
    protected = patient.project.branch_is_protected(branch)
    if protected is None:
        return Verdict(Mark.WRONG, f"there is no branch {branch}", "push it")
    return verdict(branch_faults(patient.settings.gitlab, protected), f"{branch} is protected")


def _read_variables(patient: Patient) -> Verdict:
    try:
        return Verdict(Mark.FINE, f"{len(patient.project.variables())} can be read")
    except RetryableError:
        raise
    except ServiceError:
        role = patient.project.token().level
        if role >= MAINTAINER:
            raise
        said = f"a {role_name(role)}'s token can't read them"
        return Verdict(Mark.UNKNOWN, said, f"a Maintainer looks in {BY_HAND}")


def _has_variable(wanted: CiVariable) -> Callable[[Patient], Verdict]:
    def look(patient: Patient) -> Verdict:
        found = patient.project.variables().get(wanted.key)
        if found == wanted:
            return Verdict(Mark.FINE, wanted.value)
        if found is None:
            return Verdict(Mark.WRONG, "not set", f"{SETUP}, or {by_hand(wanted)}")
        if found.value != wanted.value:
            return Verdict(Mark.WRONG, "it has another value", f"{SETUP}, or {by_hand(wanted)}")
        said = "protected: merge requests don't see it" if found.protected else "not protected: every branch sees it"
        return Verdict(Mark.WRONG, f"it is {said}", f"{SETUP}, or {by_hand(wanted)}")

    return look


def _pipelines(patient: Patient) -> Verdict:
    if patient.project.hosted().pipelines_must_succeed:
        return Verdict(Mark.FINE, "on")
    return Verdict(Mark.WRONG, "off: what failed to train can be merged", f"{SETUP}, or {PIPELINES_BY_HAND}")
