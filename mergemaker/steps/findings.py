"""What a check is, what it looks at, and what it finds; and what `setup` says of what it did."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import Literal

from mergemaker.domain.errors import RefusedError
from mergemaker.domain.names import Names
from mergemaker.domain.settings import Settings
from mergemaker.domain.token_secret import read_token
from mergemaker.ports import Account, Connect, GitLabProject

DEPLOY, SETUP = "run `npx cdk deploy --all`", "run `mergemaker setup`"
SIGN_IN = "run `aws sso login`, or set AWS_PROFILE"


class Mark(StrEnum):
    """How a check ended."""

    FINE = "fine"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    check: str
    mark: Mark
    said: str
    do: str = ""
    """What mends it."""
    because: str = ""
    """The check whose fault kept this one from being looked at."""


How = Literal["made", "changed", "was fine", "not done"]


@dataclass(frozen=True)
class Item:
    """What became of one thing that `setup` sees to."""

    what: str
    how: How
    do: str = ""
    """What is left to a person."""


@dataclass(frozen=True)
class Fault:
    """What is not as it must be, and what mends it: `setup` refuses because of it, the doctor tells it."""

    said: str
    do: str

    def __str__(self) -> str:
        return f"{self.said}: {self.do}"


@dataclass(frozen=True)
class Verdict:
    """A finding whose check is known."""

    mark: Mark
    said: str
    do: str = ""


@dataclass(frozen=True)
class Patient:
    """What is looked at."""

    settings: Settings
    account: Account
    connect: Connect
    today: date

    @property
    def names(self) -> Names:
        return self.settings.names

    @property
    def host(self) -> str:
        """GitLab's, as the account's OIDC provider is named."""
        return self.settings.gitlab.url.partition("://")[2]

    @cached_property
    def project(self) -> GitLabProject:
        """As the token in the secret sees it."""
        token = read_token(self.account.secret() or "")
        if not token:
            raise RefusedError("the secret holds no token")
        return self.connect(token)


@dataclass(frozen=True)
class Check:
    """One line of the report."""

    name: str
    look: Callable[[Patient], Verdict]
    needs: str = ""
    """Name of the check without which this one would only repeat its fault."""


def verdict(faults: Sequence[Fault], fine: str) -> Verdict:
    if not faults:
        return Verdict(Mark.FINE, fine)
    return Verdict(Mark.WRONG, "; ".join(one.said for one in faults), "; ".join(one.do for one in faults))
