"""GitLab's merge requests, through python-gitlab."""

import time
from collections.abc import Callable
from datetime import datetime

import gitlab
from gitlab.exceptions import GitlabHttpError

from mergemaker.adapters.gitlab_calls import ONE_TRY, PAUSES, GitLabCalls, id_of, read_time, text_of
from mergemaker.domain.settings import GitLab
from mergemaker.ports import MergeRequestState


class GitLabMergeRequests:
    """`ports.MergeRequests` over one project. `token` reads the access token from where it is kept."""

    def __init__(self, where: GitLab, token: Callable[[], str], sleep: Callable[[float], None] = time.sleep) -> None:
        self._gitlab = GitLabCalls(where, token, sleep)

    def state(self, merge_request: int) -> MergeRequestState | None:
        path = self._gitlab.path(f"merge_requests/{merge_request}")

        def get(client: gitlab.Gitlab) -> MergeRequestState | None:
            try:
                said = client.http_get(path, **ONE_TRY)
            except GitlabHttpError as error:
                if error.response_code != 404:
                    raise
                # GitLab says the same of a whole project that it does not show to this token: raises, then.
                client.http_get(self._gitlab.path("").rstrip("/"), **ONE_TRY)
                return None
            # GitLab fills this one in a moment after the merge request was opened.
            head = said.get("sha") if isinstance(said, dict) else None
            return MergeRequestState(text_of(said, "state"), head if isinstance(head, str) else "")

        return self._gitlab.ask(f"merge request !{merge_request}", get)

    def pushed(self, merge_request: int, head: str) -> datetime | None:
        """By the versions of its diff, the newest of which comes first: each push makes one."""
        path = self._gitlab.path(f"merge_requests/{merge_request}/versions")

        def get(client: gitlab.Gitlab) -> datetime | None:
            newest = next(iter(client.http_list(path, iterator=True, per_page=1, **ONE_TRY)), {})
            return read_time(newest.get("created_at")) if newest.get("head_commit_sha") == head else None

        return self._gitlab.ask(f"versions of merge request !{merge_request}", get)

    def find_note(self, merge_request: int, marker: str) -> int | None:
        """Only among our own: anybody may write the marker into a note."""

        def find(client: gitlab.Gitlab) -> int | None:
            mine = self._gitlab.user(client)
            path = self._gitlab.path(f"merge_requests/{merge_request}/notes")
            for note in client.http_list(
                path, {"sort": "asc", "order_by": "created_at"}, iterator=True, per_page=100, **ONE_TRY
            ):
                if note["author"]["id"] == mine and note["body"].split("\n", 1)[0].strip() == marker:
                    return id_of(note)
            return None

        return self._gitlab.ask(f"notes of merge request !{merge_request}", find)

    def create_note(self, merge_request: int, body: str) -> int:
        path = self._gitlab.path(f"merge_requests/{merge_request}/notes")
        return self._gitlab.ask(
            f"note on merge request !{merge_request}",
            lambda c: id_of(c.http_post(path, post_data={"body": body}, **ONE_TRY)),
        )

    def edit_note(self, merge_request: int, note: int, body: str) -> bool:
        path = self._gitlab.path(f"merge_requests/{merge_request}/notes/{note}")

        def edit(client: gitlab.Gitlab) -> bool:
            try:
                client.http_put(path, post_data={"body": body}, **ONE_TRY)
            except GitlabHttpError as error:
                # 403: the token was replaced, and its user is another one, whose note this is not.
                if error.response_code in (403, 404):
                    return False
                raise
            return True

        return self._gitlab.ask(f"note {note} on merge request !{merge_request}", edit, again=PAUSES)

    def set_status(self, *, commit: str, ref: str, pipeline: int, name: str, state: str, description: str) -> None:
        said = {"state": state, "name": name, "ref": ref, "pipeline_id": pipeline, "description": description[:255]}

        def post(client: gitlab.Gitlab) -> None:
            try:
                client.http_post(self._gitlab.path(f"statuses/{commit}"), post_data=said, **ONE_TRY)
            except GitlabHttpError as error:
                # It has this state already: GitLab knows no change from a state to itself.
                if error.response_code != 400 or "Cannot transition status" not in str(error):
                    raise

        self._gitlab.ask(f"status of commit {commit[:8]}", post, again=PAUSES)
