"""What is set up once for a project, beside the stacks: GitLab's token, CI's variables, "pipelines must succeed".

What belongs to the account comes last: `account_wide`.

Everything is looked at before anything is changed, and only what differs is changed: once more is no harm.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date

from mergemaker.domain.errors import RefusedError, RetryableError, ServiceError, UsageError
from mergemaker.domain.names import Names
from mergemaker.domain.settings import GitLab, Settings
from mergemaker.domain.token_secret import EVERY_DAYS, LIFE_DAYS, ROTATION_ROLE, managed_secret, read_token, same_secret
from mergemaker.ports import Account, CiVariable, Connect, GitLabProject, Hosted, Token
from mergemaker.steps.account_wide import account_wide
from mergemaker.steps.aws_checks import GONE
from mergemaker.steps.findings import SETUP, Fault, Item, Mark
from mergemaker.steps.fitness import (
    MAINTAINER,
    PIPELINES_BY_HAND,
    WARN_DAYS,
    account_faults,
    bootstrap_faults,
    branch_faults,
    by_hand,
    ci_variables,
    project_faults,
    rotation_faults,
    token_faults,
)
from mergemaker.steps.stacks import kept_kinds, restore, stack_names, stacks_verdict

Ask = Callable[[str], str]
"""From a prompt to what was answered; empty for nothing."""

_TOKEN_PROMPT = "GitLab access token for the reports, role Developer, scope api (empty: keep the stored one): "  # noqa: S105
_MAINTAINER_PROMPT = "A Maintainer's token, to set CI variables once; it is not kept (empty: leave them): "


def setup(settings: Settings, *, account: Account, connect: Connect, ask: Ask, today: date) -> Iterator[Item]:
    """Yields each item as soon as it is done.

    Raises RefusedError, a line per fault, if the account or a token is not fit; then nothing was changed.
    """
    yield from _account(settings, account)
    where, stored = settings.gitlab, account.secret() or ""
    given = ask(_TOKEN_PROMPT).strip()
    token = given or read_token(stored)
    if not token:
        raise UsageError("no token: make a project access token (role Developer, scope api), and give it here")
    which = "the token" if given else "the stored token"
    project, said = _seen(connect, token, which)
    _refuse(token_faults(said, where=where, today=today, which=which) + rotation_faults(where, said))
    hosted = project.hosted()
    _refuse(project_faults(settings, hosted))
    _refuse(branch_faults(where, project.branch_is_protected(where.default_branch)))
    master = project if said.level >= MAINTAINER else _maintainer(settings, connect, ask, today)
    variables = master.variables() if master else {}

    yield _store(settings, account, token=token, stored=stored, said=said, today=today)
    if where.rotate_token:
        yield _renewal(settings.names, account)
    yield from _variables(settings.names, master, variables)
    yield _pipelines(hosted, master)
    yield from account_wide(where, account)


def _seen(connect: Connect, token: str, which: str) -> tuple[GitLabProject, Token]:
    """The project as `which` token sees it, and what GitLab says of that token."""
    try:
        project = connect(token)
        return project, project.token()
    except RetryableError:
        raise
    except ServiceError as error:
        raise ServiceError(f"{which}: {error}") from error


def _store(settings: Settings, account: Account, *, token: str, stored: str, said: Token, today: date) -> Item:
    wanted = _secret(settings.gitlab, token, said)
    kept = same_secret(stored, wanted)
    if not kept:
        account.store_secret(wanted)
    what = f"GitLab token of {said.user} in the secret {settings.names.token_secret}"
    return Item(what, "was fine" if kept else "changed" if stored else "made", _ends_soon(said, today))


def _ends_soon(token: Token, today: date) -> str:
    """Empty where it does not."""
    if token.expires is None or (token.expires - today).days > WARN_DAYS:
        return ""
    days = (token.expires - today).days
    return f"it expires in {days} days, on {token.expires}: make one that lives longer, then {SETUP} again"


def _secret(where: GitLab, token: str, said: Token) -> str:
    """In the form that AWS can renew where it should. The token's number was looked at before."""
    if not where.rotate_token or said.id is None:
        return token
    return managed_secret(token, token_id=said.id, user=said.user, url=where.url)


def _renewal(names: Names, account: Account) -> Item:
    what = f"renewal of the token every {EVERY_DAYS} days"
    before = account.renewed_every()
    if before == EVERY_DAYS:
        return Item(what, "was fine")
    account.renew_secret(role=names.role_arn(ROTATION_ROLE), every_days=EVERY_DAYS, life_days=LIFE_DAYS)
    return Item(what, "changed" if before else "made")


def _account(settings: Settings, account: Account) -> Iterator[Item]:
    names = settings.names
    _refuse(account_faults(account.identity(), names))
    version = account.bootstrap_version()
    _refuse(bootstrap_faults(version, names) + _stack_faults(names, account))
    yield Item(f"AWS account {names.account}, bootstrap version {version}", "was fine")
    yield Item(f"stacks {', '.join(stack_names(names))}", "was fine")


def _stack_faults(names: Names, account: Account) -> list[Fault]:
    """Of what the next steps need from the stacks."""
    stacks = stacks_verdict(account, names)
    if stacks.mark != Mark.FINE:
        return [Fault(stacks.said, stacks.do)]
    gone = [f"{kind} {name}" for kind, name in kept_kinds(names) if not account.exists(kind, name)]
    faults = [Fault(f"{one} is {GONE.said}", GONE.do) for one in gone]
    if account.secret_is_deleted():
        faults.append(Fault(f"secret {names.token_secret} is marked for deletion", f"{restore(names)}, then {SETUP}"))
    return faults


def _maintainer(settings: Settings, connect: Connect, ask: Ask, today: date) -> GitLabProject | None:
    """None if there is no such token at hand."""
    token, which, where = ask(_MAINTAINER_PROMPT).strip(), "the second token", settings.gitlab
    if not token:
        return None
    project, said = _seen(connect, token, which)
    faults = token_faults(said, where=where, today=today, which=which)
    if not faults and said.level < MAINTAINER:
        faults = [Fault(f"{which}'s user {said.user} is no Maintainer of {where.project}", "give one who is")]
    _refuse(faults)
    return project


def _variables(names: Names, master: GitLabProject | None, there: Mapping[str, CiVariable]) -> Iterator[Item]:
    for variable in ci_variables(names):
        what = f"CI variable {variable.key}"
        if master is None:
            yield Item(what, "not done", by_hand(variable))
        elif there.get(variable.key) == variable:
            yield Item(what, "was fine")
        else:
            new = variable.key not in there
            master.set_variable(variable, new=new)
            yield Item(what, "made" if new else "changed")


def _pipelines(hosted: Hosted, master: GitLabProject | None) -> Item:
    what = '"pipelines must succeed"'
    if hosted.pipelines_must_succeed:
        return Item(what, "was fine")
    if master is None:
        return Item(what, "not done", PIPELINES_BY_HAND)
    master.require_pipelines()
    return Item(what, "changed")


def _refuse(faults: list[Fault]) -> None:
    if faults:
        raise RefusedError("\n".join(map(str, faults)))
