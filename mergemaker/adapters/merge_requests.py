"""GitLab's merge requests, through python-gitlab."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import gitlab
import requests
from gitlab.exceptions import GitlabAuthenticationError, GitlabError, GitlabHttpError

from mergemaker.domain.errors import RetryableError, ServiceError
from mergemaker.domain.settings import GitLab

T = TypeVar("T")

_PASSING = (408, 409, 429, 500, 502, 503, 504)
_TIMEOUT_SECONDS = 10
_ONE_TRY: dict[str, Any] = {"obey_rate_limit": False, "retry_transient_errors": False}
"""python-gitlab would sleep as long as GitLab's Retry-After says, and outlive the function. The queue waits instead."""
_PAUSES = (0.5, 1, 2)
"""Seconds between tries of what passes quickly: GitLab answers 409 while another update of a pipeline runs."""


class GitLabMergeRequests:
    """`ports.MergeRequests` over one project. `token` reads the access token from where it is kept."""

    def __init__(self, where: GitLab, token: Callable[[], str], sleep: Callable[[float], None] = time.sleep) -> None:
        self._where, self._token, self._sleep = where, token, sleep
        self._client: gitlab.Gitlab | None = None
        self._me: int | None = None

    def find_note(self, merge_request: int, marker: str) -> int | None:
        """Only among our own: anybody may write the marker into a note."""

        def find(client: gitlab.Gitlab) -> int | None:
            mine = self._user(client)
            path = self._path(f"merge_requests/{merge_request}/notes")
            for note in client.http_list(
                path, {"sort": "asc", "order_by": "created_at"}, iterator=True, per_page=100, **_ONE_TRY
            ):
                if note["author"]["id"] == mine and note["body"].split("\n", 1)[0].strip() == marker:
                    return _id(note)
            return None

        return self._ask(f"notes of merge request !{merge_request}", find)

    def create_note(self, merge_request: int, body: str) -> int:
        path = self._path(f"merge_requests/{merge_request}/notes")
        return self._ask(
            f"note on merge request !{merge_request}",
            lambda c: _id(c.http_post(path, post_data={"body": body}, **_ONE_TRY)),
        )

    def edit_note(self, merge_request: int, note: int, body: str) -> bool:
        path = self._path(f"merge_requests/{merge_request}/notes/{note}")

        def edit(client: gitlab.Gitlab) -> bool:
            try:
                client.http_put(path, post_data={"body": body}, **_ONE_TRY)
            except GitlabHttpError as error:
                # 403: the token was replaced, and its user is another one, whose note this is not.
                if error.response_code in (403, 404):
                    return False
                raise
            return True

        return self._ask(f"note {note} on merge request !{merge_request}", edit, again=_PAUSES)

    def set_status(self, *, commit: str, ref: str, pipeline: int, name: str, state: str, description: str) -> None:
        said = {"state": state, "name": name, "ref": ref, "pipeline_id": pipeline, "description": description[:255]}

        def post(client: gitlab.Gitlab) -> None:
            try:
                client.http_post(self._path(f"statuses/{commit}"), post_data=said, **_ONE_TRY)
            except GitlabHttpError as error:
                # It has this state already: GitLab knows no change from a state to itself.
                if error.response_code != 400 or "Cannot transition status" not in str(error):
                    raise

        self._ask(f"status of commit {commit[:8]}", post, again=_PAUSES)

    def _path(self, rest: str) -> str:
        return f"/projects/{self._where.project_id}/{rest}"

    def _user(self, client: gitlab.Gitlab) -> int:
        if self._me is None:
            self._me = _id(client.http_get("/user", **_ONE_TRY))
        return self._me

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
            raise ServiceError("the secret holds no GitLab token: put a token into it, and nothing else")
        return token

    def _ask(self, what: str, call: Callable[[gitlab.Gitlab], T], again: tuple[float, ...] = ()) -> T:
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
                    raise ServiceError(f"{what}: GitLab says {error.response_code}: {_said(error)}") from error
                if not pauses:
                    raise RetryableError(f"{what}: GitLab says {error.response_code}: {_said(error)}") from error
                self._sleep(pauses.pop(0))
            except (requests.RequestException, GitlabError) as error:
                if not pauses:
                    raise RetryableError(f"{what}: {self._where.url} can't be reached: {error}") from error
                self._sleep(pauses.pop(0))


def _id(answer: object) -> int:
    if isinstance(answer, dict) and isinstance(answer.get("id"), int):
        return int(answer["id"])
    raise GitlabError("an answer without an id")


def _said(error: GitlabError) -> str:
    return " ".join(str(error.error_message).split())[:300]
