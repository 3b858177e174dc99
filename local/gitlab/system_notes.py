"""What the server itself writes into a merge request's activity."""

import secrets

from local.gitlab.instance import Instance
from local.gitlab.records import MergeRequest, Note, User, now
from local.gitlab.repo import Commit

SHOWN_COMMITS = 20


def note_event(at: Instance, *, request: MergeRequest, user: User, text: str) -> None:
    time = now()
    at.store.add(
        Note(
            id=0,
            project=request.project,
            merge_request=request.id,
            discussion=secrets.token_hex(20),
            individual=True,
            author=user.id,
            body=text,
            system=True,
            internal=False,
            created_at=time,
            updated_at=time,
        )
    )


def added_commits(commits: list[Commit]) -> str:
    """In GitLab's words, newest last."""
    count = len(commits)
    shown = [f"<li>{c.sha[:8]} - {_plain(c.title)}</li>" for c in reversed(commits[:SHOWN_COMMITS])]
    return f"added {count} commit{'s' if count != 1 else ''}\n\n<ul>{''.join(shown)}</ul>"


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
