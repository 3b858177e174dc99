"""The GitLab project's releases, through python-gitlab."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import gitlab
from gitlab.exceptions import GitlabError, GitlabHttpError

from mergemaker.adapters.gitlab_calls import ONE_TRY, GitLabCalls, text_of, words_of
from mergemaker.domain.errors import RefusedError
from mergemaker.domain.settings import GitLab

_REFUSED = (400, 403, 422)
"""GitLab's answers to who may not make the tag, or asks for what can be no release."""


class GitLabReleases:
    """`ports.Releases` over one project. `token` reads the access token from where it is kept."""

    def __init__(self, where: GitLab, token: Callable[[], str], sleep: Callable[[float], None] = time.sleep) -> None:
        self._gitlab = GitLabCalls(where, token, sleep)

    def tagged(self, tag: str) -> str | None:
        return self._find(f"repository/tags/{quote(tag, safe='')}", lambda said: text_of(said.get("commit"), "id"))

    def description(self, tag: str) -> str | None:
        """GitLab may say null."""
        return self._find(f"releases/{quote(tag, safe='')}", lambda said: str(said.get("description") or ""))

    def create(self, *, tag: str, commit: str, name: str, description: str) -> None:
        said = {"tag_name": tag, "ref": commit, "name": name, "description": description}

        def post(client: gitlab.Gitlab) -> None:
            try:
                text_of(client.http_post(self._gitlab.path("releases"), post_data=said, **ONE_TRY), "tag_name")
            except GitlabHttpError as error:
                if error.response_code in _REFUSED:
                    raise RefusedError(f"GitLab says {error.response_code}: {words_of(error)}") from error
                raise

        self._gitlab.ask(f"release {tag}", post)

    def _find(self, path: str, read: Callable[[dict[str, Any]], str]) -> str | None:
        """None where GitLab answers 404."""

        def find(client: gitlab.Gitlab) -> str | None:
            try:
                said: Any = client.http_get(self._gitlab.path(path), **ONE_TRY)
            except GitlabHttpError as error:
                if error.response_code == 404:
                    return None
                raise
            if not isinstance(said, dict):
                raise GitlabError("an answer that is no JSON object")
            return read(said)

        return self._gitlab.ask(path, find)
