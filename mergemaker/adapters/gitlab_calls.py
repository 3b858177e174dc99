"""The Lambdas' calls to GitLab, through python-gitlab: with the token that the secret holds now, in bounded time."""

import time
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, TypeVar

import gitlab
import requests
from gitlab.exceptions import GitlabAuthenticationError, GitlabError, GitlabHttpError

from mergemaker.adapters.causes import cause_of
from mergemaker.domain.errors import RetryableError, ServiceError
from mergemaker.domain.settings import GitLab

T = TypeVar("T")

_PASSING = (408, 409, 429, 500, 502, 503, 504)
_TIMEOUT_SECONDS = 10
ONE_TRY: dict[str, Any] = {"obey_rate_limit": False, "retry_transient_errors": False}
"""python-gitlab would sleep as long as GitLab's Retry-After says, and outlive the function. The queue waits instead."""
PAUSES = (0.5, 1, 2)
"""Seconds between tries of what passes quickly: GitLab answers 409 while another update of a pipeline runs."""


class GitLabCalls:
    """Over one project. `token` reads the access token from where it is kept."""

    def __init__(self, where: GitLab, token: Callable[[], str], sleep: Callable[[float], None] = time.sleep) -> None:
        self._where, self._token, self._sleep = where, token, sleep
        self._client: gitlab.Gitlab | None = None
        self._me: int | None = None

    def path(self, rest: str) -> str:
        return f"/projects/{self._where.project_id}/{rest}"

    def user(self, client: gitlab.Gitlab) -> int:
        """Whose the token is."""
        if self._me is None:
            self._me = id_of(client.http_get("/user", **ONE_TRY))
        return self._me

    def ask(self, what: str, call: Callable[[gitlab.Gitlab], T], again: tuple[float, ...] = ()) -> T:
        """One call, with a fresh token if the old one is refused, and once more after each pause if that may help."""
        fresh = False
        pauses = list(again)
        while True:
            try:
                return call(self._connect(fresh=fresh))
            except GitlabAuthenticationError as error:
                if fresh:
                    raise ServiceError(f"{what}: GitLab refuses the token: put a valid one into the secret") from error
                fresh = True
            except GitlabHttpError as error:
                if error.response_code not in _PASSING:
                    raise ServiceError(f"{what}: GitLab says {error.response_code}: {words_of(error)}") from error
                if not pauses:
                    raise RetryableError(f"{what}: GitLab says {error.response_code}: {words_of(error)}") from error
                self._sleep(pauses.pop(0))
            except (requests.RequestException, GitlabError) as error:
                if not pauses:
                    raise RetryableError(f"{what}: {self._where.url} can't be reached: {cause_of(error)}") from error
                self._sleep(pauses.pop(0))

    def _connect(self, *, fresh: bool) -> gitlab.Gitlab:
        if self._client is None or fresh:
            self._me = None
            self._client = gitlab.Gitlab(
                self._where.url,
                private_token=self._read_token(),
                timeout=_TIMEOUT_SECONDS,
                retry_transient_errors=False,
                user_agent="mergemaker",
            )
        return self._client

    def _read_token(self) -> str:
        """Raises ServiceError for what can be no token. Else requests would say so, with the token in its words."""
        token = self._token().strip()
        if not token.isascii() or not token.isprintable() or not token or " " in token:
            raise ServiceError("the secret holds no GitLab token: put one into it with `mergemaker setup`")
        return token


def id_of(answer: object) -> int:
    """Raises GitlabError for an answer without one."""
    if isinstance(answer, dict) and isinstance(answer.get("id"), int):
        return int(answer["id"])
    raise GitlabError("an answer without an id")


def text_of(answer: object, key: str) -> str:
    """Raises GitlabError for an answer without it."""
    if isinstance(answer, dict) and isinstance(answer.get(key), str):
        return str(answer[key])
    raise GitlabError(f"an answer without {key}")


def read_date(value: object) -> date | None:
    """None for what is no date."""
    try:
        return date.fromisoformat(str(value)) if value else None
    except ValueError:
        return None


def read_time(value: object) -> datetime | None:
    """None for what is no time, or one without its zone."""
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return at if at.tzinfo else None


def words_of(error: GitlabError) -> str:
    return " ".join(str(error.error_message).split())[:300]
