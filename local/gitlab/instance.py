"""What all faces of the stand-in share."""

from dataclasses import dataclass
from pathlib import Path

from local.gitlab.records import MergeRequest, Namespace, Project, User, now
from local.gitlab.repo import Person, Repo
from local.gitlab.store import Store

BOT = "mergemaker-bot"
"""The user whose the token is."""


@dataclass(frozen=True)
class Instance:
    """One running stand-in."""

    store: Store
    state: Path
    token: str
    url: str
    """Without a slash at the end."""

    def repo(self, project: Project) -> Repo:
        # By number, so that no path from outside becomes a path here.
        return Repo(self.state / "repositories" / f"{project.id}.git")

    def project_url(self, project: Project) -> str:
        return f"{self.url}/{project.path}"

    def merge_request_url(self, request: MergeRequest) -> str:
        return f"{self.project_url(self.project_of(request))}/-/merge_requests/{request.iid}"

    def project_of(self, record: MergeRequest) -> Project:
        return self.store.get(Project, record.project)

    def user(self, id_: int) -> User:
        return self.store.get(User, id_)

    def bot(self) -> User:
        return self.user_named(BOT, bot=True)

    def user_named(self, username: str, *, bot: bool = False) -> User:
        """Makes the user, and the namespace of the same name, where they are missing."""
        with self.store.transaction():
            if found := self.store.first(User, username=username):
                return found
            name = username.replace("-", " ").replace("_", " ").title()
            self.store.add(Namespace(id=0, path=username, name=name, kind="user", created_at=now()))
            return self.store.add(User(id=0, username=username, name=name, bot=bot, created_at=now()))


def person(user: User) -> Person:
    """As commits name the user."""
    return Person(user.name, f"{user.username}@example.com")
