"""The GitLab project's issues, and the end of the token that writes them, through python-gitlab."""

import time
from collections.abc import Callable
from datetime import date
from typing import Any

import gitlab
from gitlab.exceptions import GitlabError, GitlabHttpError

from mergemaker.adapters.gitlab_calls import ONE_TRY, GitLabCalls, read_date
from mergemaker.domain.settings import GitLab


class GitLabIssues:
    """`ports.Issues` over one project. `token` reads the access token from where it is kept."""

    def __init__(self, where: GitLab, token: Callable[[], str], sleep: Callable[[float], None] = time.sleep) -> None:
        self._gitlab = GitLabCalls(where, token, sleep)

    def find(self, marker: str) -> int | None:
        """Only among our own: anybody may write the marker into an issue."""

        def find(client: gitlab.Gitlab) -> int | None:
            mine = self._gitlab.user(client)
            asked = {"author_id": mine, "scope": "all", "state": "all", "sort": "asc", "order_by": "created_at"}
            for issue in client.http_list(self._gitlab.path("issues"), asked, iterator=True, per_page=100, **ONE_TRY):
                first_line = str(issue.get("description") or "").split("\n", 1)[0].strip()
                if issue["author"]["id"] == mine and first_line == marker:
                    return _iid(issue)
            return None

        return self._gitlab.ask("issues", find)

    def create(self, *, title: str, description: str) -> int:
        said = {"title": title[:255], "description": description}
        return self._gitlab.ask(
            f"issue {title!r}",
            lambda client: _iid(client.http_post(self._gitlab.path("issues"), post_data=said, **ONE_TRY)),
        )

    def token_ends(self) -> date | None:
        def ask(client: gitlab.Gitlab) -> date | None:
            try:
                said: Any = client.http_get("/personal_access_tokens/self", **ONE_TRY)
            except GitlabHttpError as error:
                if error.response_code == 404:
                    return None
                raise
            if not isinstance(said, dict):
                raise GitlabError("an answer that is no JSON object")
            return read_date(said.get("expires_at"))

        return self._gitlab.ask("the token's end", ask)


def _iid(answer: object) -> int:
    if isinstance(answer, dict) and isinstance(answer.get("iid"), int):
        return int(answer["iid"])
    raise GitlabError("an answer without a number")
