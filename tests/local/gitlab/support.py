"""What the tests of the stand-in share."""

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gitlab.v4.objects import ProjectMergeRequest

TOKEN = "glpat-laptop"

Open = Callable[..., ProjectMergeRequest]
"""Opens a merge request of a new branch."""


@dataclass(frozen=True)
class Clone:
    """A working copy, used through git."""

    path: Path
    push_url: str

    def git(self, *args: str) -> str:
        env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | {
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
        }
        for who in ("AUTHOR", "COMMITTER"):
            env |= {f"GIT_{who}_NAME": "Ada", f"GIT_{who}_EMAIL": "ada@example.com"}
        done = subprocess.run(["git", *args], cwd=self.path, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()

    def commit(self, files: dict[str, str], message: str = "Change") -> str:
        for name, text in files.items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def push(self, branch: str, *options: str) -> None:
        self.git("push", "--quiet", *options, self.push_url, f"HEAD:refs/heads/{branch}")
