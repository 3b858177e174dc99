"""The AWS half of the doctor: what the stacks make, who may assume CI's roles, and what the queues hold."""

from collections.abc import Callable, Iterator

from mergemaker.domain.errors import MergemakerError, RetryableError
from mergemaker.domain.names import Names
from mergemaker.ports import Kind
from mergemaker.steps.findings import DEPLOY, SETUP, SIGN_IN, Check, Mark, Patient, Verdict, verdict
from mergemaker.steps.fitness import JOB_LOGS, account_faults, bootstrap_faults
from mergemaker.steps.stacks import kept_kinds, restore, stacks_verdict

FUNCTIONS = ("report", "release", "start")
CI_ROLES = ("submit", "release", "deploy")
STUCK_MINUTES = 30
"""Longer than a message takes through all its tries: `adapters.messages.WAITS` are 20 minutes together."""
CREDENTIALS, _STACKS = "AWS credentials", "stacks"
GONE = Verdict(
    Mark.WRONG, "deleted by hand, or newer than the last deploy", "run `npx cdk deploy --all --revert-drift`"
)
"""Of what a stack that is there should have made. A deploy alone compares templates, and would change nothing."""


def aws_checks(names: Names) -> Iterator[Check]:
    yield Check(CREDENTIALS, _credentials)
    yield Check("CDK bootstrap", _bootstrap, CREDENTIALS)
    yield Check(_STACKS, lambda patient: stacks_verdict(patient.account, patient.names), CREDENTIALS)
    for kind, name in resources(names):
        yield Check(f"{kind} {name}", _secret if kind == "secret" else _exists(kind, name), _STACKS)
    yield Check("OIDC provider", _provider, _STACKS)
    for group in JOB_LOGS:
        yield Check(f"log group {group}", _job_logs(group), _STACKS)
    for purpose in CI_ROLES:
        yield Check(f"trust of role {names.role(purpose)}", _trusts(names.role(purpose)), _STACKS)
    for function in FUNCTIONS:
        yield Check(
            f"dead letters of {function}", _dead_letters(function), f"queue {names.dead_letter_queue(function)}"
        )
        yield Check(f"backlog of {function}", _backlog(function), f"queue {names.queue(function)}")


def resources(names: Names) -> Iterator[tuple[Kind, str]]:
    """What the stacks make and the product reaches by name."""
    yield from kept_kinds(names)
    yield from (("image builder", names.image_builder), ("role", names.role("execution")))
    for function in FUNCTIONS:
        yield ("function", names.function(function))
        yield ("queue", names.queue(function))
        yield ("queue", names.dead_letter_queue(function))


def _credentials(patient: Patient) -> Verdict:
    try:
        who = patient.account.identity()
    except MergemakerError as error:
        do = "look at the network, and at AWS_ENDPOINT_URL" if isinstance(error, RetryableError) else SIGN_IN
        return Verdict(Mark.WRONG, str(error), do)
    return verdict(account_faults(who, patient.names), f"{who.arn}, account {who.account}" if who else "")


def _bootstrap(patient: Patient) -> Verdict:
    version = patient.account.bootstrap_version()
    return verdict(bootstrap_faults(version, patient.names), f"version {version}")


def _exists(kind: Kind, name: str) -> Callable[[Patient], Verdict]:
    def look(patient: Patient) -> Verdict:
        return Verdict(Mark.FINE, "there") if patient.account.exists(kind, name) else GONE

    return look


def _secret(patient: Patient) -> Verdict:
    if patient.account.secret_is_deleted():
        return Verdict(Mark.WRONG, "marked for deletion", f"{restore(patient.names)}, then {SETUP}")
    return _exists("secret", patient.names.token_secret)(patient)


def _provider(patient: Patient) -> Verdict:
    url = patient.settings.gitlab.url
    audiences = patient.account.provider_audiences(patient.host)
    if audiences is None:
        return Verdict(Mark.WRONG, f"the account has none for {patient.host}: CI can't assume its roles", SETUP)
    if url not in audiences:
        return Verdict(Mark.WRONG, f"it takes no tokens for the audience {url}", SETUP)
    return Verdict(Mark.FINE, f"{patient.host} for {url}")


def _job_logs(group: str) -> Callable[[Patient], Verdict]:
    def look(patient: Patient) -> Verdict:
        days = patient.account.log_days(group)
        if days is None:
            return Verdict(Mark.WRONG, "not there: SageMaker would make one that keeps its lines for ever", SETUP)
        return Verdict(Mark.FINE, f"kept for {days} days") if days else Verdict(Mark.WRONG, "kept for ever", SETUP)

    return look


def _trusts(role: str) -> Callable[[Patient], Verdict]:
    def look(patient: Patient) -> Verdict:
        trust, gitlab = patient.account.trust(role), patient.settings.gitlab
        if trust is None:
            return GONE
        if not any(one.endswith(f":oidc-provider/{patient.host}") for one in trust.providers):
            return Verdict(Mark.WRONG, f"no job can assume it: it does not trust {patient.host}", DEPLOY)
        if gitlab.url not in trust.audiences:
            return Verdict(Mark.WRONG, f"no job can assume it: it takes no tokens for {gitlab.url}", DEPLOY)
        if not any(one.startswith(f"project_path:{gitlab.project}:") for one in trust.subjects):
            return Verdict(Mark.WRONG, f"no job can assume it: it does not trust {gitlab.project}", DEPLOY)
        return Verdict(Mark.FINE, f"jobs of {gitlab.project}")

    return look


def _dead_letters(function: str) -> Callable[[Patient], Verdict]:
    def look(patient: Patient) -> Verdict:
        queue = patient.names.dead_letter_queue(function)
        count = patient.account.waiting(queue)
        if not count:
            return Verdict(Mark.UNKNOWN, f"no queue {queue}") if count is None else Verdict(Mark.FINE, "none")
        return Verdict(
            Mark.WRONG,
            f"{count} in {queue}: what they told of was not done",
            f"mend what /aws/lambda/{patient.names.function(function)} logs, then redrive them to "
            f"{patient.names.queue(function)}",
        )

    return look


def _backlog(function: str) -> Callable[[Patient], Verdict]:
    def look(patient: Patient) -> Verdict:
        queue = patient.names.queue(function)
        minutes = patient.account.oldest_seconds(queue) / 60
        if minutes <= STUCK_MINUTES:
            return Verdict(Mark.FINE, f"oldest message {minutes:.0f} minutes")
        return Verdict(
            Mark.WRONG,
            f"{queue} is stuck: its oldest message is {minutes:.0f} minutes old",
            f"read the log /aws/lambda/{patient.names.function(function)}: the function fails, or does not run",
        )

    return look
