"""``python -m bench.submit``: `mergemaker submit` against a minimal boto3 script that makes the same calls, and against
the SageMaker SDK's ModelTrainer, where that is installed.

Exit code 1 if the script does not make the same calls, or ModelTrainer does not start the same job; never because of a
time.
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.contest import Contest, Took, model_trainer
from bench.recorder import Call
from bench.stage import stage
from local.tools import ROOT

SDK = ROOT / ".local" / "sagemaker" / "bin" / "python"
"""Where `make bench` installs it."""


@dataclass(frozen=True)
class Pairs:
    """What was measured of one kind of submit."""

    title: str
    calls: list[Call]
    other: list[Took]
    mergemaker: list[Took]

    @property
    def ratio(self) -> float:
        """Of the medians."""
        return median(took.wall for took in self.mergemaker) / median(took.wall for took in self.other)


def shown(measured: Sequence[Pairs], other: str = "minimal script") -> str:
    """The table, in Markdown. The spread is from the fastest to the slowest."""
    lines = [
        f"| | calls | {other} | `mergemaker submit` | ratio of medians | median of ratios | CPU's ratio |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for pairs in measured:
        cells = [pairs.title, str(len(pairs.calls)), _spread(pairs.other), _spread(pairs.mergemaker)]
        walls = [[took.wall for took in side] for side in (pairs.mergemaker, pairs.other)]
        cpus = [[took.cpu for took in side] for side in (pairs.mergemaker, pairs.other)]
        each = median(ours / theirs for ours, theirs in zip(*walls, strict=True))
        cells += [f"{pairs.ratio:.2f}", f"{each:.2f}"]
        cells += [f"{median(cpus[0]) / median(cpus[1]):.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _spread(side: list[Took]) -> str:
    walls = [took.wall for took in side]
    return f"{median(walls):.2f} s ({min(walls):.2f}–{max(walls):.2f})"


def against_minimal(contest: Contest, rounds: int) -> None:
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


def against_sdk(contest: Contest, rounds: int, python: Path) -> None:
    """For a new run: ModelTrainer finds none. To be called after the minimal script's, whose job it starts."""
    command = model_trainer(python)
    calls = contest.record_other(command)
    new = [contest.new(2 + rounds + n, mergemaker_first=bool(n % 2), other=command) for n in range(rounds)]
    measured = Pairs("a new run", calls, [pair[0] for pair in new], [pair[1] for pair in new])
    print(f"\na new run: ModelTrainer starts the same job with these {len(calls)} calls")
    print("\n".join(f"  {call}" for call in calls), end="\n\n")
    print(shown([measured], "ModelTrainer"))
    print(f"\n`mergemaker submit` is {1 / measured.ratio:.1f} times as fast as ModelTrainer.")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.submit", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="pairs of each kind (default: 9)")
    parser.add_argument("--model-trainer", type=Path, metavar="PYTHON", help="of an environment with the SageMaker SDK")
    asked = parser.parse_args()
    if asked.rounds < 1:
        parser.error("--rounds must be at least 1")
    sdk: Path | None = asked.model_trainer or (SDK if SDK.exists() else None)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, stage(Path(folder)) as on:
        contest = Contest(on)
        contest.prepare()
        against_minimal(contest, asked.rounds)
        if sdk:
            against_sdk(contest, asked.rounds, sdk.absolute())
        else:
            print("\nModelTrainer is not compared: the SageMaker SDK is not installed, `make bench` does it")


if __name__ == "__main__":
    main()
