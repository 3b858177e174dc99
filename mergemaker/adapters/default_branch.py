"""The GitLab project's default branch, through python-gitlab."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote

import gitlab
from gitlab.exceptions import GitlabError, GitlabHttpError

from mergemaker.adapters.gitlab_calls import ONE_TRY, GitLabCalls, id_of, text_of, words_of
from mergemaker.domain.ci import NEW_DATA
from mergemaker.domain.errors import RefusedError
from mergemaker.domain.model import FILE
from mergemaker.domain.settings import GitLab

_LONGEST = 1_000_000
"""Bytes of a model.toml."""


class GitLabDefaultBranch:
    """`ports.DefaultBranch` over one project with its models in `models`. `token` reads the access token from
    where it is kept."""

    def __init__(
        self, where: GitLab, models: str, token: Callable[[], str], sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._gitlab, self._branch = GitLabCalls(where, token, sleep), where.default_branch
        self._models = models

    def settings(self, model: str) -> str:
        file = quote(f"{self._models}/{model}/{FILE}", safe="")
        path = self._gitlab.path(f"repository/files/{file}/raw")

        def get(client: gitlab.Gitlab) -> str:
            try:
                said: Any = client.http_get(path, {"ref": self._branch}, raw=True, **ONE_TRY)
            except GitlabHttpError as error:
                if error.response_code == 404:
                    return ""
                raise
            return bytes(said.content[:_LONGEST]).decode(errors="replace")

        return self._gitlab.ask(f"model.toml of {model}", get)

    def has_pipeline_since(self, at: datetime) -> bool:
        asked = {"ref": self._branch, "source": NEW_DATA, "order_by": "id", "sort": "desc", "per_page": 1}

        def find(client: gitlab.Gitlab) -> bool:
            found: Any = client.http_get(self._gitlab.path("pipelines"), asked, **ONE_TRY)
            if not isinstance(found, list):
                raise GitlabError("an answer that is no list")
            try:
                return any(datetime.fromisoformat(text_of(one, "created_at")) >= at for one in found)
            except (TypeError, ValueError):
                raise GitlabError("an answer whose time is none") from None

        return self._gitlab.ask("pipelines", find)

    def make_pipeline(self) -> None:
        """Without variables: GitLab can be told to take none of a Developer's."""

        def post(client: gitlab.Gitlab) -> None:
            try:
                id_of(client.http_post(self._gitlab.path("pipeline"), post_data={"ref": self._branch}, **ONE_TRY))
            except GitlabHttpError as error:
                if error.response_code in (400, 403):
                    raise RefusedError(f"GitLab says {error.response_code}: {words_of(error)}") from error
                raise

        self._gitlab.ask("pipeline", post)
