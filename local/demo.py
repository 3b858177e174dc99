"""``make demo``: from nothing to a prediction, on this machine, the way it goes on AWS and GitLab."""

import argparse
import re
import shlex
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.markdown import Markdown
from rich.panel import Panel

from local.laptop import Laptop, LaptopError, running, start
from local.team import Team, set_hyperparameter
from local.tools import ROOT, missing

MODEL = "diabetes"
STATE = ROOT / ".local" / "demo"
ROW = "59,2,32.1,101,157,93.2,38,4,4.8598,87\n"
"""The first patient of the data: age, sex, body-mass index, blood pressure, six serum measurements."""


class Progress:
    """A line a step: what is going on, then how long it took."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        _stop_if_interrupted()
        try:
            with self._console.status(what):
                yield
        except BaseException:
            self._end("[red]✗[/]", began, what)
            raise
        self._end("[green]✓[/]", began, what)

    def _end(self, mark: str, began: float, what: str) -> None:
        self._console.print(f"{mark} {time.monotonic() - began:5.1f} s  {what}", highlight=False)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo", description=(__doc__ or "").strip())
    parser.add_argument("--keep", action="store_true", help="leave the laptop cloud running")
    parser.add_argument("--state", type=Path, default=STATE, help="folder that it lives in")
    asked = parser.parse_args()
    keep, state = asked.keep, asked.state.resolve()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    if tools := missing():
        print(f"demo: {' and '.join(tools)} not installed: run `make setup`", file=sys.stderr)
        return 1
    before = running(state)
    if before:
        before.stop()
    shutil.rmtree(state, ignore_errors=True)
    console = Console()
    laptop = None
    kept = False
    try:
        with Progress(console).step("start AWS and GitLab on 127.0.0.1"):
            laptop = start(state)
        kept = keep
        try:
            play(laptop, console)
        except LaptopError:
            # Ctrl-C reaches a tool, such as the CDK CLI, too: that it failed is no news then.
            _stop_if_interrupted()
            raise
    except KeyboardInterrupt:
        kept = False
        print("\ndemo: interrupted", file=sys.stderr)
        return 130
    except LaptopError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    finally:
        if laptop is not None and not kept:
            laptop.stop()
            print("\nThe laptop cloud is stopped. `make demo KEEP=1` leaves it running, to look around.")
    if kept:
        _say_where(laptop)
    return 0


def _say_where(laptop: Laptop) -> None:
    command = f".venv/bin/mergemaker local {{}} --state {shlex.quote(str(laptop.state))}"
    print("\nStill running:")
    print(f"  GitLab    {laptop.gitlab}\n  AWS       {laptop.aws}")
    print(f'  point a shell at them   eval "$({command.format("env")})"')
    print(f"  the team's checkout     cd {shlex.quote(str(checkout_of(laptop)))}")
    print(f"  stop                    {command.format('down')}")


def checkout_of(laptop: Laptop) -> Path:
    """It stays with the cloud, for whoever wants to push more."""
    return laptop.state / "team" / "checkout"


def play(laptop: Laptop, console: Console) -> None:
    """The whole loop; raises LaptopError where something does not come about."""
    step = Progress(console).step
    team = Team(laptop, checkout_of(laptop))
    with step("push the project to GitLab"):
        team.push_first()
    with step("cdk deploy: bucket, registry, roles, rules, queues, Lambdas"):
        team.deploy()
        team.connect()
    with step(f"upload the data of {MODEL}"):
        team.upload_data(MODEL)
    with step("push a branch that changes a hyperparameter, open a merge request"):
        sha = team.branch("more-trees", "Grow 300 trees", set_hyperparameter(MODEL, "n_estimators", 300))
        request = team.open_merge_request("more-trees", "Grow 300 trees")
    with step("GitLab CI submits the changed model and ends"):
        team.pipeline(sha, "merge_request_event")
    with step("the image is built, once"):
        team.note(request.iid, MODEL, saying="CloudWatch", seconds=300)
    with step("SageMaker trains, the events report"):
        team.note(request.iid, MODEL, saying="Merging creates", seconds=180)
        reviewed = team.note(request.iid, MODEL, saying="with version 1", seconds=60)
    with step("merge; GitLab CI approves the reviewed package"):
        team.pipeline(team.merge(request.iid), "push")
    with step("the approval's event creates the endpoint"):
        endpoint = team.serving(MODEL, version=1)
        team.note(request.iid, MODEL, saying="serving version 1")
    with step("ask the endpoint"):
        prediction = team.predict(endpoint, ROW)
    console.print()
    console.print(Panel(as_text(reviewed), title="the note, when the run was done", padding=(1, 2)))
    job = str(team.client("sagemaker").list_training_jobs()["TrainingJobSummaries"][0]["TrainingJobName"])
    artifact = team.job(job)["ModelArtifacts"]["S3ModelArtifacts"]
    for name, value in (
        ("Merge request", request.web_url),
        ("Artifact", artifact),
        ("Endpoint", endpoint),
        ("Row", ROW.strip()),
        ("Prediction", prediction.strip()),
    ):
        print(f"{name:13} {value}")


def as_text(note: str) -> Markdown:
    """A note for a terminal, which knows neither hidden comments nor folded parts."""
    shown = re.sub(r"<!--.*?-->", "", note, flags=re.DOTALL)
    return Markdown(re.sub(r"<details><summary>(.*?)</summary>|</details>", r"**\1**", shown).replace("****", ""))


_interrupted = threading.Event()
"""Python drops a KeyboardInterrupt that is raised while an object is finalised; this remembers it."""


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    _interrupted.set()
    raise KeyboardInterrupt


def _stop_if_interrupted() -> None:
    if _interrupted.is_set():
        raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
