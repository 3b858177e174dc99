"""Making projects."""

import re

from local.gitlab.instance import Instance, person
from local.gitlab.records import Namespace, Project, User, now
from local.gitlab.repo import Repo

PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def create_project(  # noqa: PLR0913 - all of them are GitLab's parameters
    at: Instance,
    *,
    user: User,
    namespace: Namespace,
    name: str,
    path: str,
    description: str | None = None,
    default_branch: str = "main",
    visibility: str = "private",
    readme: bool = False,
) -> Project:
    """A project with an empty repository, or one that holds a README."""
    project = at.store.add(
        Project(
            id=0,
            path=f"{namespace.path}/{path}",
            name=name,
            namespace=namespace.id,
            description=description,
            default_branch=default_branch,
            visibility=visibility,
            merge_method="merge",
            pipelines_must_succeed=False,
            creator=user.id,
            created_at=now(),
            updated_at=now(),
        )
    )
    repo = Repo.create(at.repo(project).path, default_branch)
    if readme:
        tree = repo.tree_with({"README.md": f"# {name}\n\n{description or ''}\n"})
        first = repo.commit_tree(tree, parents=[], message="Initial commit", author=person(user))
        repo.set_ref(f"refs/heads/{default_branch}", first)
    return project


def find_project(at: Instance, id_: str) -> Project | None:
    """By number or full path."""
    if re.fullmatch(r"[0-9]{1,18}", id_):
        return at.store.first(Project, id=int(id_))
    return at.store.first(Project, path=id_)
