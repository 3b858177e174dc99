"""What `setup` sees to that other projects of the account use, too: it is made or added to, never taken away.

Who sets a project up often may not touch these: then it is said, and is no reason to leave the rest undone.
"""

from collections.abc import Callable, Iterator
from functools import partial

from mergemaker.domain.errors import MergemakerError
from mergemaker.domain.settings import GitLab
from mergemaker.ports import Account
from mergemaker.steps.findings import How, Item
from mergemaker.steps.fitness import JOB_LOGS, LOG_DAYS


def account_wide(where: GitLab, account: Account) -> Iterator[Item]:
    yield _tried(f"OIDC provider for {where.url}", lambda: _provider(where.url, account))
    for group in JOB_LOGS:
        yield _tried(f"log group {group}, kept for a time", partial(_job_logs, group, account))


def _tried(what: str, do: Callable[[], How]) -> Item:
    try:
        return Item(what, do())
    except MergemakerError as error:
        return Item(what, "not done", str(error))


def _provider(url: str, account: Account) -> How:
    """Without it no job of GitLab's gets a role. An account has one for each address."""
    host = url.partition("://")[2]
    audiences = account.provider_audiences(host)
    if audiences is None:
        account.create_provider(url, audience=url)
        return "made"
    if url in audiences:
        return "was fine"
    account.add_audience(host, url)
    return "changed"


def _job_logs(group: str, account: Account) -> How:
    """SageMaker would make it with the first job, and keep its lines for ever. A time that somebody chose stays."""
    days = account.log_days(group)
    if days:
        return "was fine"
    new = days is None
    account.keep_logs(group, days=LOG_DAYS, new=new)
    return "made" if new else "changed"
