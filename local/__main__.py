"""``mergemaker local up|down|env|reset``: the laptop cloud, for as long as somebody wants it."""

import argparse
import shlex
import sys
from pathlib import Path

from local.laptop import Laptop, LaptopError, reset, running, start
from local.tools import ROOT

STATE = ROOT / ".local" / "cloud"


def main() -> int:
    parser = argparse.ArgumentParser(prog="mergemaker local", description="AWS and GitLab on 127.0.0.1.")
    parser.add_argument("verb", choices=("up", "down", "env", "reset"))
    parser.add_argument("--state", type=Path, default=STATE, help="folder that it lives in")
    asked = parser.parse_args()
    try:
        return VERBS[asked.verb](asked.state)
    except LaptopError as error:
        print(f"mergemaker local: {error}", file=sys.stderr)
        return 1


def _up(state: Path) -> int:
    laptop = running(state) or start(state)
    print(f'AWS     {laptop.aws}\nGitLab  {laptop.gitlab}\n\nPoint a shell at it:  eval "$(mergemaker local env)"')
    return 0


def _down(state: Path) -> int:
    laptop = running(state)
    if laptop:
        laptop.stop()
    print("stopped" if laptop else "nothing runs")
    return 0


def _env(state: Path) -> int:
    for name, value in _needed(state).environment().items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def _reset(state: Path) -> int:
    reset(state)
    print("stopped and forgotten")
    return 0


def _needed(state: Path) -> Laptop:
    laptop = running(state)
    if laptop is None:
        raise LaptopError("nothing runs: `mergemaker local up` starts it")
    return laptop


VERBS = {"up": _up, "down": _down, "env": _env, "reset": _reset}

if __name__ == "__main__":
    sys.exit(main())
