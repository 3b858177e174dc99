"""The CDK CLI's `cdk diff`: what it prints, for people, and what of it a program may rely on.

It says itself which changes are destructive (`--fail-on destructive`), and which stacks let somebody do more than now
(`--security-only`). So nothing is read out of the diff proper but how many resources are new or change.

Templates are compared (`--method template`): a change set would be more exact, and takes the right to make one. With
`--ci` the diff goes to the standard output, and errors to the other.
"""

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mergemaker.domain.errors import ServiceError, UsageError
from mergemaker.domain.stack_diff import Fate, Loss, StackDiff

_SECONDS = 900
_COUNT = re.compile(r"^✨ +Number of stacks with differences: ([0-9]+)$", re.MULTILINE)
_FOUND = re.compile(r"^❌ +Found ([0-9]+) destructive change\(s\)", re.MULTILINE)
_LOSS = re.compile(
    r"^  (\S+): (\S+::\S+) (.+) ((?:will|may) be (?:replaced|destroyed|orphaned))(?: \(moved .*\))?$",
    re.MULTILINE,
)
_FATES = {
    "will be destroyed": Fate.DELETED,
    "will be replaced": Fate.REPLACED,
    "may be replaced": Fate.MAY_BE_REPLACED,
    "will be orphaned": Fate.LEFT,
}
_ROLES = re.compile(r"^.*(?:could not be used to assume|was not assumed\. Proceeding).*\n+", re.MULTILINE)
"""The CLI tries the bootstrap's lookup role first, which a merge request's pipeline has no right to."""
_RESOURCE = re.compile(r"^\[([+~])\] [A-Za-z0-9]+::\S+ .*$", re.MULTILINE)
_STACK = re.compile(r"^Stack (\S+)", re.MULTILINE)


@dataclass(frozen=True)
class CdkCli:
    """The CDK CLI on the PATH, in a project's folder."""

    root: Path

    def diff(self, *words: str) -> StackDiff:
        """Compares the stacks of the checkout with what is deployed. `words` go along with each comparison.

        Raises UsageError where the stacks can't be made, or the CLI isn't installed, and ServiceError where it can't
        compare them, both with the CLI's last words.
        """
        with tempfile.TemporaryDirectory(prefix="mergemaker-") as made:
            done = self._run("synth", "--quiet", "--output", made)
            if done.returncode:
                raise UsageError(f"cdk synth failed:\n{_last(done)}")
            compare = ("diff", "--app", made, "--method", "template", *words)
            whole = self._run(*compare, "--fail-on", "destructive")
            rights = self._run(*compare, "--security-only", "--quiet")
        for done in (whole, rights):  # the exit code tells nothing: it is 1 for what was found, too
            if not _COUNT.search(done.stdout):
                raise ServiceError(f"cdk diff failed:\n{_last(done)}")
        return read_diff(whole.stdout, whole.stderr, rights=rights.stdout)

    def _run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        program = shutil.which("cdk")
        if program is None:
            raise UsageError("the CDK CLI is not installed here: run `npm ci`, and put node_modules/.bin into the PATH")
        command = [program, *words, "--ci", "--no-color", "--no-notices"]
        try:
            return subprocess.run(
                command, cwd=self.root, capture_output=True, encoding="utf-8", errors="replace", check=False,
                timeout=_SECONDS,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ServiceError(f"cdk {words[0]} did not end well: {error}"[:300]) from None


def read_diff(said: str, found: str, *, rights: str) -> StackDiff:
    """From what the CLI printed: the diff, what is destructive, and what lets somebody do more.

    Raises ServiceError where these are not the words of the version that this was written for.
    """
    counts, announced = _COUNT.findall(said), _FOUND.findall(found)
    losses = tuple(_loss(line) for line in _LOSS.finditer(found))
    if not counts or sum(map(int, announced)) != len(losses):
        raise ServiceError("cdk diff has other words than those of the CDK CLI in package.json: is it another version?")
    signs = _RESOURCE.findall(said)
    replaced = sum(one.fate in (Fate.REPLACED, Fate.MAY_BE_REPLACED) for one in losses)
    return StackDiff(
        stacks=int(counts[-1]),
        added=signs.count("+"),
        changed=max(0, signs.count("~") - replaced),
        losses=losses,
        broadened=tuple(dict.fromkeys(_STACK.findall(rights))),
        text=_ROLES.sub("", said).strip(),
    )


def _loss(line: re.Match[str]) -> Loss:
    return Loss(stack=line[1], type=line[2], name=line[3], fate=_FATES[line[4]])


def _last(done: "subprocess.CompletedProcess[str]") -> str:
    lines = _ROLES.sub("", f"{done.stdout}\n{done.stderr}").splitlines()
    return "\n".join([line.rstrip() for line in lines if line.strip()][-20:])
