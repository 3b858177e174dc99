"""What is set up once for a project, beside the stacks: GitLab's token, CI's variables, "pipelines must succeed".

What belongs to the account comes last: `account_wide`.

Everything is looked at before anything is changed, and only what differs is changed: once more is no harm.
"""

from collections.abc import Callable, Iterator
from datetime import date

from mergemaker.domain.errors import RefusedError, UsageError
from mergemaker.domain.names import Names
from mergemaker.domain.settings import GitLab, Settings
from mergemaker.domain.token_secret import EVERY_DAYS, LIFE_DAYS, ROTATION_ROLE, managed_secret, read_token, same_secret
from mergemaker.ports import Account, Connect, GitLabProject, Hosted, Kind, Token
from mergemaker.steps.account_wide import account_wide
from mergemaker.steps.findings import Item
from mergemaker.steps.fitness import (
    MAINTAINER,
    PIPELINES_BY_HAND,
    account_fault,
    bootstrap_fault,
    branch_faults,
    by_hand,
    ci_variables,
    project_faults,
    rotation_faults,
    token_faults,
)

Ask = Callable[[str], str]
"""From a prompt to what was answered; empty for nothing."""

_TOKEN_PROMPT = "GitLab access token for the reports, role Developer, scope api (empty: keep the stored one): "  # noqa: S105
_MAINTAINER_PROMPT = "A Maintainer's token, to set CI variables once; it is not kept (empty: leave them): "


def setup(settings: Settings, *, account: Account, connect: Connect, ask: Ask, today: date) -> Iterator[Item]:
    """Yields each item as soon as it is done.

    Raises RefusedError, a line per fault, if the account or a token is not fit; then nothing was changed.
    """
    yield from _account(settings, account)
    stored = account.secret() or ""
    token = ask(_TOKEN_PROMPT).strip() or read_token(stored)
    if not token:
        raise UsageError("no token: make a project access token (role Developer, scope api), and give it here")
    project = connect(token)
    said, hosted = project.token(), project.hosted()
    _refuse(token_faults(said, today) + rotation_faults(settings.gitlab, said) + project_faults(settings, hosted))
    _refuse(branch_faults(settings.gitlab, project.branch_is_protected(settings.gitlab.default_branch)))
    master = project if said.level >= MAINTAINER else _maintainer(settings, connect, ask, today)

    wanted = _secret(settings.gitlab, token, said)
    kept = same_secret(stored, wanted)
    if not kept:
        account.store_secret(wanted)
    secret = f"GitLab token of {said.user} in the secret {settings.names.token_secret}"
    yield Item(secret, "was fine" if kept else "changed" if stored else "made")
    if settings.gitlab.rotate_token:
        yield _renewal(settings.names, account)
    yield from _variables(settings.names, master)
    yield _pipelines(hosted, master)
    yield from account_wide(settings.gitlab, account)


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
    who = account.identity()
    _refuse([fault for fault in [account_fault(who.account, names)] if fault])
    version = account.bootstrap_version()
    faults = [fault for fault in [bootstrap_fault(version, names)] if fault]
    wanted: tuple[tuple[Kind, str], ...] = (
        ("bucket", names.bucket),
        ("table", names.run_table),
        ("secret", names.token_secret),
    )
    gone = [f"{kind} {name}" for kind, name in wanted if not account.exists(kind, name)]
    if gone:
        faults.append(f"not in account {names.account}: {', '.join(gone)}: run `npx cdk deploy --all`")
    _refuse(faults)
    yield Item(f"AWS account {names.account}, bootstrap version {version}", "was fine")
    yield Item(f"the stacks' {', '.join(kind for kind, _ in wanted)}", "was fine")


def _maintainer(settings: Settings, connect: Connect, ask: Ask, today: date) -> GitLabProject | None:
    """None if there is no such token at hand."""
    token = ask(_MAINTAINER_PROMPT).strip()
    if not token:
        return None
    project = connect(token)
    said = project.token()
    faults = token_faults(said, today) + project_faults(settings, project.hosted())
    if not faults and said.level < MAINTAINER:
        faults = [f"the second token's user {said.user} is no Maintainer of {settings.gitlab.project}: give one who is"]
    _refuse(faults)
    return project


def _variables(names: Names, master: GitLabProject | None) -> Iterator[Item]:
    there = master.variables() if master else {}
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


def _refuse(faults: list[str]) -> None:
    if faults:
        raise RefusedError("\n".join(faults))
