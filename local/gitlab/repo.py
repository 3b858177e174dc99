"""A bare git repository, asked through the git command."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

NOTHING = "0" * 40
"""Git's name for no commit."""

_FORMAT = "%x00".join(("%H", "%P", "%an", "%ae", "%aI", "%cn", "%ce", "%cI", "%B"))
_FIELDS = 9

# Merge requests' refs are the server's: everybody may fetch them, nobody may push them.
_CONFIG = """[http]
\treceivepack = true
[receive]
\thideRefs = refs/merge-requests
[uploadpack]
\tallowAnySHA1InWant = true
"""

# Pushing to the default branch is open to everybody who holds the token, as for a maintainer; rewriting it is not.
_UPDATE_HOOK = """#!/bin/sh
if [ "$1" = "$(git symbolic-ref HEAD)" ] && ! expr "$2" : '0*$' >/dev/null && ! git merge-base --is-ancestor "$2" "$3"
then
    echo "GitLab: You are not allowed to force push code to a protected branch on this project." >&2
    exit 1
fi
"""


@dataclass(frozen=True)
class Commit:
    sha: str
    parents: tuple[str, ...]
    author_name: str
    author_email: str
    authored: str
    committer_name: str
    committer_email: str
    committed: str
    message: str

    @property
    def title(self) -> str:
        return self.message.split("\n", 1)[0]


@dataclass(frozen=True)
class Person:
    name: str
    email: str


class GitError(Exception):
    """Git did not do what it was asked."""


class Repo:
    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path, default_branch: str) -> "Repo":
        path.mkdir(parents=True)
        repo = cls(path)
        repo.run("init", "--quiet", "--bare", "--template=", f"--initial-branch={default_branch}", ".")
        with (path / "config").open("a") as config:
            config.write(_CONFIG)
        hook = path / "hooks" / "update"
        hook.parent.mkdir()
        hook.write_text(_UPDATE_HOOK)
        hook.chmod(0o755)
        return repo

    def run(self, *args: str, stdin: str | None = None, env: dict[str, str] | None = None) -> str:
        """What git prints. Raises GitError with what it complains of."""
        done = self._call(*args, stdin=stdin, env=env)
        if done.returncode:
            raise GitError(f"git {args[0]}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def resolve(self, revision: str) -> str | None:
        """The commit that a branch, tag or (short) SHA names."""
        if "\0" in revision:
            return None
        done = self._call("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        sha = done.stdout.strip()
        return sha if done.returncode == 0 and re.fullmatch("[0-9a-f]{40}", sha) else None

    def branch(self, name: str) -> str | None:
        """The SHA of a branch's tip."""
        return self.resolve(f"refs/heads/{name}")

    def refs(self, under: str = "refs/") -> dict[str, str]:
        """Full name -> SHA of the commit (a tag's commit, not the tag)."""
        lines = self.run("for-each-ref", "--format=%(refname) %(objectname) %(*objectname)", under).splitlines()
        parts = (line.split(" ") for line in lines)
        return {name: peeled or sha for name, sha, peeled in parts}

    def log(self, *revisions: str, limit: int = 100) -> list[Commit]:
        """Commits of a range, newest first."""
        out = self.run("log", "-z", f"--max-count={limit}", f"--format={_FORMAT}", "--end-of-options", *revisions, "--")
        parts = out.split("\0")
        return [_commit(parts[at : at + _FIELDS]) for at in range(0, len(parts) - 1, _FIELDS)]

    def commit(self, revision: str) -> Commit | None:
        sha = self.resolve(revision)
        return self.log(sha, limit=1)[0] if sha else None

    def merge_base(self, one: str, other: str) -> str | None:
        done = self._call("merge-base", one, other)
        return done.stdout.strip() or None

    def is_ancestor(self, old: str, new: str) -> bool:
        return self._call("merge-base", "--is-ancestor", old, new).returncode == 0

    def has_file(self, sha: str, path: str) -> bool:
        return self._call("cat-file", "-e", f"{sha}:{path}").returncode == 0

    def branches_with(self, sha: str) -> list[str]:
        return self.run("branch", "--contains", sha, "--format=%(refname:short)").split()

    def diff(self, base: str, head: str) -> str:
        return self.run("diff", "--no-color", "--no-ext-diff", "--find-renames", base, head, "--")

    def merged_tree(self, ours: str, theirs: str) -> str | None:
        """The tree of the merge; None where it conflicts."""
        done = self._call("merge-tree", "--write-tree", ours, theirs)
        return done.stdout.split("\n", 1)[0].strip() if done.returncode == 0 else None

    def commit_tree(self, tree: str, *, parents: list[str], message: str, author: Person) -> str:
        env = {
            "GIT_AUTHOR_NAME": author.name,
            "GIT_AUTHOR_EMAIL": author.email,
            "GIT_COMMITTER_NAME": author.name,
            "GIT_COMMITTER_EMAIL": author.email,
        }
        of = [word for parent in parents for word in ("-p", parent)]
        return self.run("commit-tree", tree, *of, "-F", "-", stdin=message, env=env).strip()

    def tree_with(self, files: dict[str, str]) -> str:
        """A tree of files in its root."""
        blobs = {name: self.run("hash-object", "-w", "--stdin", stdin=text).strip() for name, text in files.items()}
        return self.run("mktree", stdin="".join(f"100644 blob {b}\t{name}\n" for name, b in blobs.items())).strip()

    def set_ref(self, name: str, sha: str) -> None:
        self.run("update-ref", name, sha)

    def delete_ref(self, name: str) -> None:
        self.run("update-ref", "-d", name)

    def _call(
        self, *args: str, stdin: str | None = None, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["git", *args],
            cwd=self.path,
            env=environment() | (env or {}),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )


def environment() -> dict[str, str]:
    """For git as a server: nothing of the person's own settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0"}


def _commit(parts: list[str]) -> Commit:
    sha, parents, author, author_mail, authored, committer, committer_mail, committed, message = parts
    return Commit(
        sha=sha,
        parents=tuple(parents.split()),
        author_name=author,
        author_email=author_mail,
        authored=authored,
        committer_name=committer,
        committer_email=committer_mail,
        committed=committed,
        message=message.rstrip("\n") + "\n" if message.strip() else "",
    )
