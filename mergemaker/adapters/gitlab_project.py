"""The GitLab project's settings and CI variables, through python-gitlab."""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote

import gitlab
import requests
from gitlab.exceptions import GitlabAuthenticationError, GitlabError, GitlabHttpError

from mergemaker.adapters.causes import cause_of
from mergemaker.adapters.gitlab_calls import ONE_TRY, read_date
from mergemaker.domain.errors import RetryableError, ServiceError
from mergemaker.domain.settings import GitLab
from mergemaker.ports import CiVariable, Hosted, Token

T = TypeVar("T")

_TIMEOUT_SECONDS = 10
_OWNER = 50
_PASSING = (408, 429, 500, 502, 503, 504)


class GitLabSettings:
    """`ports.GitLabProject`. Raises ServiceError at once for what can be no token, before it goes anywhere."""

    def __init__(self, where: GitLab, token: str) -> None:
        if not token.isascii() or not token.isprintable() or not token or " " in token:
            raise ServiceError("it is no GitLab token: those are one word, without spaces")
        self._where = where
        self._client = gitlab.Gitlab(
            where.url,
            private_token=token,
            timeout=_TIMEOUT_SECONDS,
            retry_transient_errors=False,
            user_agent="mergemaker",
        )

    def token(self) -> Token:
        user = self._get("the token's user", "/user")
        said = self._find("the token", "/personal_access_tokens/self")
        number = (said or {}).get("id")
        return Token(
            user=str(user.get("username", "")),
            scopes=None if said is None else tuple(str(scope) for scope in said.get("scopes") or ()),
            expires=read_date(said.get("expires_at")) if said else None,
            level=self._level(user),
            id=number if isinstance(number, int) else None,
        )

    def _level(self, user: dict[str, Any]) -> int:
        """Also of who is a member through a group. An administrator may do all."""
        if user.get("is_admin") is True:
            return _OWNER
        member = self._find("the token's role in the project", self._path(f"members/all/{user.get('id')}"))
        level = (member or {}).get("access_level", 0)
        return level if isinstance(level, int) else 0

    def hosted(self) -> Hosted:
        project = self._get(f"project {self._where.project_id}", self._path())
        branch = project.get("default_branch")
        return Hosted(
            path=str(project.get("path_with_namespace", "")),
            default_branch=str(branch) if branch else None,
            pipelines_must_succeed=project.get("only_allow_merge_if_pipeline_succeeds") is True,
        )

    def branch_is_protected(self, branch: str) -> bool | None:
        found = self._find(f"branch {branch}", self._path(f"repository/branches/{quote(branch, safe='')}"))
        return None if found is None else found.get("protected") is True

    def variables(self) -> dict[str, CiVariable]:
        found = self._ask(
            "CI variables", lambda: list(self._client.http_list(self._path("variables"), get_all=True, **ONE_TRY))
        )
        return {
            str(one["key"]): CiVariable(str(one["key"]), str(one.get("value") or ""), one.get("protected") is True)
            for one in found
            if one.get("environment_scope", "*") == "*"
        }

    def set_variable(self, variable: CiVariable, *, new: bool) -> None:
        said = {"value": variable.value, "protected": variable.protected}
        what = f"CI variable {variable.key}"
        if new:
            self._ask(
                what,
                lambda: self._client.http_post(
                    self._path("variables"), post_data={"key": variable.key, **said}, **ONE_TRY
                ),
            )
        else:
            path = self._path(f"variables/{variable.key}")
            scope = {"filter[environment_scope]": "*"}
            self._ask(what, lambda: self._client.http_put(path, query_data=scope, post_data=said, **ONE_TRY))

    def require_pipelines(self) -> None:
        said = {"only_allow_merge_if_pipeline_succeeds": True}
        self._ask("pipelines must succeed", lambda: self._client.http_put(self._path(), post_data=said, **ONE_TRY))

    def _path(self, rest: str = "") -> str:
        return f"/projects/{self._where.project_id}" + (f"/{rest}" if rest else "")

    def _get(self, what: str, path: str) -> dict[str, Any]:
        return self._ask(what, lambda: _object(self._client.http_get(path, **ONE_TRY)))

    def _find(self, what: str, path: str) -> dict[str, Any] | None:
        """None where GitLab answers 404."""

        def ask() -> dict[str, Any] | None:
            try:
                return _object(self._client.http_get(path, **ONE_TRY))
            except GitlabHttpError as error:
                if error.response_code == 404:
                    return None
                raise

        return self._ask(what, ask)

    def _ask(self, what: str, call: Callable[[], T]) -> T:
        try:
            return call()
        except GitlabAuthenticationError as error:
            raise ServiceError("GitLab refuses it: it is wrong, expired or revoked") from error
        except GitlabHttpError as error:
            said = " ".join(str(error.error_message).split())[:300]
            kind = RetryableError if error.response_code in _PASSING else ServiceError
            raise kind(f"{what}: GitLab says {error.response_code}: {said}") from error
        except GitlabError as error:
            raise RetryableError(f"{what}: {self._where.url} gave {error}") from error
        except requests.RequestException as error:
            raise RetryableError(f"{self._where.url} can't be reached: {cause_of(error)}") from error


def _object(answer: object) -> dict[str, Any]:
    if isinstance(answer, dict):
        return answer
    raise GitlabError("an answer that is no JSON object: is this address a GitLab?")
