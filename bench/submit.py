"""``python -m bench.submit``: `mergemaker submit` against a minimal boto3 script that makes the same calls.

Exit code 1 if the two do not make the same calls; never because of a time.
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.contest import Contest, Took
from bench.recorder import Call
from bench.stage import stage


@dataclass(frozen=True)
class Pairs:
    """What was measured of one kind of submit."""

    title: str
    calls: list[Call]
    minimal: list[Took]
    mergemaker: list[Took]


def shown(measured: Sequence[Pairs]) -> str:
    """The table, in Markdown. The spread is from the fastest to the slowest."""
    lines = [
        "| | calls | minimal script | `mergemaker submit` | ratio of medians | median of ratios | CPU's ratio |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for pairs in measured:
        cells = [pairs.title, str(len(pairs.calls)), _spread(pairs.minimal), _spread(pairs.mergemaker)]
        walls = [[took.wall for took in side] for side in (pairs.mergemaker, pairs.minimal)]
        cpus = [[took.cpu for took in side] for side in (pairs.mergemaker, pairs.minimal)]
        each = median(ours / theirs for ours, theirs in zip(*walls, strict=True))
        cells += [f"{median(walls[0]) / median(walls[1]):.2f}", f"{each:.2f}"]
        cells += [f"{median(cpus[0]) / median(cpus[1]):.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _spread(side: list[Took]) -> str:
    walls = [took.wall for took in side]
    return f"{median(walls):.2f} s ({min(walls):.2f}–{max(walls):.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.submit", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="pairs of each kind (default: 9)")
    rounds = parser.parse_args().rounds
    if rounds < 1:
        parser.error("--rounds must be at least 1")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, stage(Path(folder)) as on:
        contest = Contest(on)
        contest.prepare()
        new_calls, found_calls = contest.record()
        new = [contest.new(2 + n, mergemaker_first=bool(n % 2)) for n in range(rounds)]
        found = [contest.found(mergemaker_first=bool(n % 2)) for n in range(rounds)]
    measured = [
        Pairs("a new run", new_calls, [pair[0] for pair in new], [pair[1] for pair in new]),
        Pairs("a run that is there", found_calls, [pair[0] for pair in found], [pair[1] for pair in found]),
    ]
    for pairs in measured:
        print(f"{pairs.title}: both make these {len(pairs.calls)} calls")
        print("\n".join(f"  {call}" for call in pairs.calls), end="\n\n")
    print(shown(measured))


if __name__ == "__main__":
    main()
