"""``python -m bench.lambdas``: how big the functions' bundle is, and how long their handlers take to import, cold.

A process for each import, with the bundle and boto3 alone, as Lambda's Python has it. Nothing here fails on a time.
"""

import argparse
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from infra import bundle

SIZE_BUDGET, IMPORT_BUDGET = 5_000_000, 0.400
"""Bytes, zipped; seconds on two cores."""
RUNTIME_HAS = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six.py", "urllib3")
"""boto3 and what it needs: Lambda's Python brings these."""
HANDLERS = sorted(path.parent.name for path in (bundle.ROOT / "lambdas").glob("*/handler.py"))
FIRST_CALL = "mergemaker.adapters.merge_requests, mergemaker.adapters.issues, mergemaker.adapters.watch"
"""What a handler imports when it is first called: python-gitlab, above all."""


@dataclass(frozen=True)
class Imported:
    """Seconds that one import took in each round."""

    what: str
    rounds: Sequence[float]


def runtime(folder: Path) -> Path:
    """Fills `folder` with boto3 alone."""
    installed = Path(sysconfig.get_paths()["purelib"])
    for name in RUNTIME_HAS:
        (folder / name).symlink_to(installed / name)
    return folder


def alone(code: str, *paths: Path) -> subprocess.CompletedProcess[str]:
    """Runs code with these folders and the standard library; nothing that is installed here can be seen."""
    command = [sys.executable, "-I", "-S", "-B", "-c", f"import sys; sys.path[:0] = {[*map(str, paths)]!r}\n{code}"]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={"AWS_REGION": "eu-west-1"})


def zipped(built: Path, into: Path) -> int:
    """Bytes of the bundle as it is uploaded."""
    return Path(shutil.make_archive(str(into / "bundle"), "zip", built)).stat().st_size


def imports() -> dict[str, str]:
    """What is timed."""
    handlers = {f"`{name}`": f"lambdas.{name}.handler" for name in HANDLERS}
    first = f"lambdas.{HANDLERS[0]}.handler, {FIRST_CALL}"
    return {"boto3 alone": "boto3", **handlers, "any of them, and what its first call imports": first}


def timed(modules: str, *paths: Path) -> float:
    """Seconds, without the interpreter's own start."""
    code = f"from time import perf_counter as now\nbegun = now()\nimport {modules}\nprint(now() - begun)"
    done = alone(code, *paths)
    if done.returncode:
        raise RuntimeError(f"import {modules}: {done.stderr}")
    return float(done.stdout)


def measure(wanted: Mapping[str, str], rounds: int, *paths: Path) -> list[Imported]:
    """In turns, so that what else the machine does falls on all alike; one more round first, which warms the disk."""
    took: dict[str, list[float]] = {what: [] for what in wanted}
    for _ in range(rounds + 1):
        for what, modules in wanted.items():
            took[what].append(timed(modules, *paths))
    return [Imported(what, seconds[1:]) for what, seconds in took.items()]


def shown(size: int, imported: Sequence[Imported]) -> str:
    """The table, in Markdown. The spread is from the fastest to the slowest."""
    lines = ["| | measured | budget |", "|---|--:|--:|"]
    lines.append(f"| bundle, zipped | {size / 1e6:.2f} MB | {SIZE_BUDGET / 1e6:.0f} MB |")
    for one in imported:
        low, high = min(one.rounds) * 1000, max(one.rounds) * 1000
        budget = f"{IMPORT_BUDGET * 1000:.0f} ms" if one.what.startswith("`") else ""
        lines.append(f"| import: {one.what} | {median(one.rounds) * 1000:.0f} ms ({low:.0f}–{high:.0f}) | {budget} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.lambdas", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="imports of each kind (default: 15)")
    rounds = parser.parse_args().rounds
    if rounds < 1:
        parser.error("--rounds must be at least 1")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        built, has = Path(folder, "bundle"), Path(folder, "runtime")
        has.mkdir()
        bundle.build(bundle.ROOT, built, python=Path(sys.executable))
        print(shown(zipped(built, Path(folder)), measure(imports(), rounds, built, runtime(has))))


if __name__ == "__main__":
    main()
