"""``python -m bench.synth``: `cdk synth` of a project with 2 models against one with 1,000.

Exit code 1 if the templates differ, or if a stack has more than 400 resources; never because of a time.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench.contest import Took
from local.team import PARTS
from local.tools import CDK, NODE, ROOT, tool_path

FEW, MANY = 2, 1000
MOST_RESOURCES = 400
"""Of a stack. CloudFormation takes 500."""


def project(into: Path) -> Path:
    """A team's checkout as it begins, without a model."""
    into.mkdir(parents=True)
    junk = shutil.ignore_patterns("__pycache__", ".*_cache")
    for part in sorted({*PARTS, "mergemaker.toml"} - {"models"}):
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, into / part, ignore=junk)
        else:
            shutil.copy(source, into / part)
    return into


def with_models(base: Path, into: Path, count: int) -> Path:
    """A copy of the checkout with so many model folders, all like the first example's."""
    example = min(file.parent for file in (ROOT / "models").glob("*/model.toml"))
    shutil.copytree(base, into)
    for number in range(count):
        shutil.copytree(example, into / "models" / f"model-{number:04}", ignore=shutil.ignore_patterns("__pycache__"))
    return into


def synth(checkout: Path, into: Path) -> Took:
    """The CDK's command, into a new folder, so that the bundle is built each time."""
    shutil.rmtree(into, ignore_errors=True)
    words = [str(NODE), str(CDK), "synth", "--quiet", "--app", f"{sys.executable} app.py", "--output", str(into)]
    environment = {**os.environ, "PATH": tool_path(), "PYTHONPATH": str(checkout)}
    before, start = _children_cpu(), time.perf_counter()
    done = subprocess.run(words, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    took = Took(time.perf_counter() - start, _children_cpu() - before)
    if done.returncode:
        raise SystemExit(f"cdk synth failed:\n{done.stdout}{done.stderr}")
    return took


def templates(assembly: Path) -> dict[str, bytes]:
    """The templates by their stacks' names."""
    found = {path.name.partition(".")[0]: path.read_bytes() for path in sorted(assembly.glob("*.template.json"))}
    if not found:
        raise SystemExit(f"no template in {assembly}")
    return found


def resources(template: bytes) -> int:
    return len(json.loads(template)["Resources"])


def shown(few: Sequence[Took], many: Sequence[Took], stacks: dict[str, bytes]) -> str:
    """Two tables, in Markdown. The spread is from the fastest to the slowest."""
    return "\n".join(
        [
            f"| `cdk synth` | {FEW} models | {MANY:,} models | ratio of medians | median of ratios |",
            "|---|--:|--:|--:|--:|",
            _row("from start to end", [took.wall for took in few], [took.wall for took in many]),
            _row("CPU", [took.cpu for took in few], [took.cpu for took in many]),
            "",
            f"| stack | resources, with {FEW} models as with {MANY:,} |",
            "|---|--:|",
            *(f"| {name} | {resources(template)} |" for name, template in stacks.items()),
        ]
    )


def _row(title: str, few: Sequence[float], many: Sequence[float]) -> str:
    each = median(long / short for short, long in zip(few, many, strict=True))
    cells = [title, _spread(few), _spread(many), f"{median(many) / median(few):.2f}", f"{each:.2f}"]
    return f"| {' | '.join(cells)} |"


def _spread(seconds: Sequence[float]) -> str:
    return f"{median(seconds):.1f} s ({min(seconds):.1f}–{max(seconds):.1f})"


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.synth", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="pairs (default: 5)")
    rounds = parser.parse_args().rounds
    if rounds < 1:
        parser.error("--rounds must be at least 1")
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        folder = Path(temporary)
        took: dict[int, list[Took]] = {FEW: [], MANY: []}
        base = project(folder / "base")
        checkouts = {models: with_models(base, folder / f"with-{models}", models) for models in took}
        for number in range(rounds):
            for models in sorted(took, reverse=bool(number % 2)):
                took[models].append(synth(checkouts[models], folder / f"out-{models}"))
        few, many = (templates(folder / f"out-{models}") for models in (FEW, MANY))
    print(shown(took[FEW], took[MANY], few))
    different = sorted(name for name in few | many if few.get(name) != many.get(name))
    if different:
        sys.exit(f"the templates of {', '.join(different)} differ: a stack must not know the models")
    if max(map(resources, many.values())) > MOST_RESOURCES:
        sys.exit(f"a stack has more than {MOST_RESOURCES} resources")


if __name__ == "__main__":
    main()
