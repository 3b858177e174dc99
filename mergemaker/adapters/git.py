"""What git knows of the commit that CI has checked out."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from mergemaker.domain.ci import diff_base
from mergemaker.domain.errors import UsageError


class Checkout:
    """A git checkout, read only."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def changed(self, environ: Mapping[str, str]) -> list[str]:
        """Paths that this pipeline is about: what the merge request changes since it left its target, or, on a branch,
        what came with the push, which after a merge is the whole merge request. A repository's first commit changes
        nothing: nobody has reviewed it."""
        base = diff_base(environ) or ("HEAD^1" if self.parents() else "")
        if not base:
            return []
        # Not `git diff`, which does as the user's configuration says, such as to leave out submodules.
        out = self._git("diff-tree", "-r", "--name-only", "--no-renames", "-z", base, "HEAD")
        return [path for path in out.split("\0") if path]

    def message(self, commit: str = "HEAD") -> str:
        """Empty for a commit that isn't here: where the merged result was squashed or rebased, the merge request's own
        commits are on its branch alone, which may have moved on, or be a fork's."""
        return self._git("log", "--ignore-missing", "--max-count=1", "--format=%B", commit)

    def parents(self) -> tuple[str, ...]:
        """Of HEAD. Raises UsageError where a shallow clone hides them."""
        found = tuple(self._git("rev-list", "--parents", "--max-count=1", "HEAD").split()[1:])
        if not found and self._git("rev-parse", "--is-shallow-repository").strip() == "true":
            raise UsageError("this clone has only the last commit: make it a full one (GIT_DEPTH: 0)")
        return found

    def _git(self, *words: str) -> str:
        try:
            done = subprocess.run(["git", *words], cwd=self._root, capture_output=True, check=True, timeout=60)
        except FileNotFoundError:
            raise UsageError("git is not installed") from None
        except subprocess.CalledProcessError as error:
            said = " ".join(error.stderr.decode(errors="replace").split())[:300]
            raise UsageError(f"git {words[0]}: {said}: is this a full clone (GIT_DEPTH: 0)?") from None
        except subprocess.TimeoutExpired:
            raise UsageError(f"git {words[0]} takes longer than a minute") from None
        return os.fsdecode(done.stdout)  # names of files may be in any encoding
