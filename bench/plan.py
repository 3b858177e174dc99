"""``python -m bench.plan``: what the plan job's commands take in a repository of many models, `mergemaker check` and
`mergemaker plan --child-pipeline`.

Exit code 1 if the one finds a fault, or the other plans other models than were changed; never because of a time.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from local.tools import ROOT
from mergemaker.adapters.tree import files_in
from mergemaker.domain.pipelines import MODEL

MODELS = (10, 100, 1000)
FILES, COMMITS = 10_000, 200
TOUCHED = 5
"""Models that the merge request changes, one a commit in turns."""
MERGEMAKER = str(Path(sys.executable).with_name("mergemaker"))
WHO = "Ann <ann@example.com> {when} +0000"


@dataclass(frozen=True)
class Took:
    """One process, from its start to its end."""

    wall: float
    """Seconds."""
    cpu: float
    """Seconds of both cores, git's and the system's included."""


@dataclass(frozen=True)
class Case:
    """A repository, and what its merge request is about."""

    what: str
    settings: Callable[[str], str]
    """A model's name -> its model.toml."""
    changes: Callable[[str], str]
    """A touched model's name -> the file that is changed."""
    everything: bool = False
    """Whether that is about every model."""


def cases() -> list[Case]:
    plain = (ROOT / "models" / "diabetes" / "model.toml").read_text()
    # After [train], to which it belongs.
    declares = plain.replace("[train]\n", '[train]\nshared = ["lib/{name}", "lib/units.py"]\n')
    declares += '\n[channels.more]\ndvc = "data/{name}/train"\n'
    return [
        Case("their folders", lambda _: plain, lambda name: f"models/{name}/train.py"),
        Case("what each declares", lambda name: declares.replace("{name}", name), lambda name: f"lib/{name}/scale.py"),
        Case("everyone's image", lambda _: plain, lambda _: "training/install.sh", everything=True),
    ]


def repository(folder: Path, case: Case, models: int, files: int, commits: int) -> tuple[str, list[str]]:
    """Makes the repository and its merge request's checkout; the merge base, and the models to be planned."""
    folder.mkdir()
    names = [f"model-{number:04}" for number in range(models)]
    touched = names[:: max(1, models // TOUCHED)][:TOUCHED]
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "fast-import", "--quiet", said="".join(stream(case, names, touched, files, commits)))
    git(folder, "checkout", "--quiet", "-f", "feature")
    return git(folder, "merge-base", "main", "feature").strip(), names if case.everything else touched


def stream(case: Case, names: list[str], touched: list[str], files: int, commits: int) -> Iterator[str]:
    """What `git fast-import` reads: a first commit with all files, and the merge request's commits on it."""
    yield commit("main", 0)
    for name in names:
        yield file(f"models/{name}/model.toml", case.settings(name))
        for path in ("requirements.txt", "train.py"):
            yield file(f"models/{name}/{path}", f"# of {name}\n")
        yield file(f"lib/{name}/scale.py", f"# of {name}\n")
        for part in range(files // len(names) - 4):
            yield file(f"models/{name}/part-{part:03}.py", f"NUMBER = {part}  # of {name}\n")
    yield file("lib/units.py", "")
    for folder in ("training", "serving"):
        for path, there in files_in(ROOT / folder):
            yield file(f"{folder}/{path}", there.read_text())
    yield file("mergemaker.toml", (ROOT / "mergemaker.toml").read_text())
    yield "\nreset refs/heads/feature\nfrom refs/heads/main\n\n"
    for number in range(commits):
        yield commit("feature", number + 1)
        yield file(case.changes(touched[number % len(touched)]), f"NUMBER = {number}\n")


def commit(branch: str, number: int) -> str:
    message = f"Change {number}"
    who = WHO.format(when=1_700_000_000 + number)
    return f"commit refs/heads/{branch}\ncommitter {who}\ndata {len(message)}\n{message}\n"


def file(path: str, text: str) -> str:
    return f"M 644 inline {path}\ndata {len(text.encode())}\n{text}\n"


def git(folder: Path, *words: str, said: str = "") -> str:
    return subprocess.run(["git", *words], cwd=folder, input=said, capture_output=True, text=True, check=True).stdout


def check(folder: Path, models: int) -> Took:
    """The whole process. Exits where it is not content with all models."""
    took, done = timed(folder, "check")
    if f" and {models} models are fine: " not in done.stdout:
        raise SystemExit(f"a fault was found:\n{done.stdout[:2000]}{done.stderr[:2000]}")
    return took


def plan(folder: Path, base: str, expected: list[str]) -> Took:
    """The whole process. Exits where it does not plan what was changed."""
    gitlab = {"CI_MERGE_REQUEST_IID": "7", "CI_MERGE_REQUEST_DIFF_BASE_SHA": base}
    took, done = timed(folder, "plan", "--child-pipeline", "child.yml", **gitlab)
    jobs = json.loads((folder / "child.yml").read_text()) if done.returncode == 0 else {}
    planned = [job["variables"][MODEL] for job in jobs.values() if "variables" in job]
    if done.stdout.split() != expected or " ".join(planned).split() != expected:
        raise SystemExit(f"planned {planned} instead of {expected}:\n{done.stdout[:2000]}{done.stderr}")
    return took


def timed(folder: Path, *words: str, **gitlab: str) -> tuple[Took, subprocess.CompletedProcess[str]]:
    plain = {key: value for key, value in os.environ.items() if not key.startswith("CI_")}
    before, start = children_cpu(), time.perf_counter()
    done = subprocess.run(
        [MERGEMAKER, *words], cwd=folder, env=plain | gitlab, capture_output=True, text=True, check=False
    )
    return Took(time.perf_counter() - start, children_cpu() - before), done


def children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.plan", description=__doc__)
    parser.add_argument("--models", type=int, nargs="+", default=MODELS, help="default: 10 100 1000")
    parser.add_argument("--files", type=int, default=FILES, help="default: %(default)s")
    parser.add_argument("--commits", type=int, default=COMMITS, help="since the merge base (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=9, help="default: %(default)s")
    asked = parser.parse_args()
    if min(asked.models) < TOUCHED or asked.rounds < 1 or asked.commits < TOUCHED:
        parser.error(f"at least {TOUCHED} --models, {TOUCHED} --commits and 1 of --rounds")
    print(f"{asked.files:,} files, {asked.commits} commits since the merge base\n")
    print("| models | a change of | planned | `mergemaker plan` | CPU | `mergemaker check` | CPU |")
    print("|--:|---|--:|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for number, (models, case) in enumerate((m, c) for m in asked.models for c in cases()):
            at = Path(folder) / str(number)
            base, expected = repository(at, case, models, asked.files, asked.commits)
            plans = [plan(at, base, expected) for _ in range(asked.rounds)]
            checks = [check(at, models) for _ in range(asked.rounds)]
            print(f"| {models:,} | {case.what} | {len(expected):,} | {cells(plans)} | {cells(checks)} |", flush=True)


def cells(took: list[Took]) -> str:
    """Of a table in Markdown."""
    walls = [one.wall for one in took]
    cpu = median(one.cpu for one in took)
    return f"{median(walls):.2f} s ({min(walls):.2f}–{max(walls):.2f}) | {cpu:.2f} s"


if __name__ == "__main__":
    main()
