"""`mergemaker submit` and others that do its work, run in turns on one stage."""

import hashlib
import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.recorder import Call, Recorder, Request
from bench.same import check_same, check_same_job
from bench.stage import MODEL, NAMES, PIPELINE, Stage
from mergemaker.domain.names import input_prefix, job_name, submission_key

MERGEMAKER = [str(Path(sys.executable).with_name("mergemaker")), "submit", MODEL]
MINIMAL = [sys.executable, str(Path(__file__).with_name("minimal_submit.py"))]


def model_trainer(python: Path) -> list[str]:
    """The command of a Python that has the SageMaker SDK."""
    return [str(python), str(Path(__file__).with_name("model_trainer_submit.py"))]


@dataclass(frozen=True)
class Took:
    """One process, from its start to its end."""

    wall: float
    """Seconds."""
    cpu: float
    """Seconds of both cores, the system's included."""


class Contest:
    """Runs the commands on one stage."""

    def __init__(self, on: Stage) -> None:
        self._stage, self._runs = on, 0
        self._said = on.project.parent / "said.json"

    def prepare(self) -> None:
        """The first submit has the image built, which the second finds; what is measured does neither, nor copies
        the data."""
        self._stage.set_seed(0)
        for _ in range(2):
            self._run(MERGEMAKER, says="run")
            self._stage.settle()

    def record(self) -> tuple[list[Call], list[Call]]:
        """The calls of a submit that starts a run, and of one that finds it; leaves them to the minimal script.

        Exits where the minimal script does not make the same.
        """
        self._stage.set_seed(1)
        ours: list[list[Call]] = []
        with Recorder(self._stage.port) as recorder:
            self._run(MERGEMAKER, says="started", url=recorder.url)
            new = recorder.take()
            ours.append([request.call for request in new])
            self._stage.settle()
            self._run(MERGEMAKER, says="found", url=recorder.url)
            found = recorder.take()
            ours.append([request.call for request in found])
            self._write_said(new, found)
            for calls, says in zip(ours, ("started", "found"), strict=True):
                self._run(MINIMAL, says=says, url=recorder.url)
                self._stage.settle()
                check_same(calls, [request.call for request in recorder.take()])
        return ours[0], ours[1]

    def record_other(self, command: Sequence[str]) -> list[Call]:
        """The calls of another command that starts the job of the minimal script, or one that differs in what
        `mergemaker submit` does not say. Exits where it starts another."""
        with Recorder(self._stage.port) as recorder:
            self._run(command, says="started", url=recorder.url)
            made = recorder.take()
        self._stage.settle()
        (theirs,) = (request.body for request in made if request.operation == "SageMaker.CreateTrainingJob")
        check_same_job(json.loads(self._said.read_text())["request"], json.loads(theirs))
        return [request.call for request in made]

    def new(self, seed: int, *, mergemaker_first: bool, other: Sequence[str] = MINIMAL) -> tuple[Took, Took]:
        """The other command's time and `mergemaker submit`'s, each for a run that is not there yet."""
        self._stage.set_seed(seed)
        self._rename_said(seed)
        return self._pair("started", mergemaker_first=mergemaker_first, other=other)

    def found(self, *, mergemaker_first: bool) -> tuple[Took, Took]:
        """The same, with the minimal script, for the run that was started last."""
        return self._pair("found", mergemaker_first=mergemaker_first, other=MINIMAL)

    def _pair(self, says: str, *, mergemaker_first: bool, other: Sequence[str]) -> tuple[Took, Took]:
        took = {}
        for command in (MERGEMAKER, other) if mergemaker_first else (other, MERGEMAKER):
            took[command[0]] = self._run(command, says=says)
            self._stage.settle()
        return took[other[0]], took[MERGEMAKER[0]]

    def _run(self, command: Sequence[str], *, says: str, url: str | None = None) -> Took:
        words = command if command is MERGEMAKER else [*command, str(self._said)]
        environment = self._stage.environment(url)
        before, start = cpu_of_children(), time.perf_counter()
        done = subprocess.run(
            words, cwd=self._stage.project, env=environment, capture_output=True, text=True, check=False
        )
        took = Took(time.perf_counter() - start, cpu_of_children() - before)
        if done.returncode or says not in done.stdout:
            raise SystemExit(f"{' '.join(words)} should have said {says!r}:\n{done.stdout}{done.stderr}")
        return took

    def _write_said(self, new: list[Request], found: list[Request]) -> None:
        """What the minimal script need not find out, taken from the requests of a submit that started a run, and of one
        that found it."""
        by_name = {request.call.operation: request for request in new}
        puts = [request for request in new if request.operation.startswith("PUT ")]
        (submission,) = (request for request in found if request.operation.startswith("PUT "))
        (head,) = (request for request in new if request.operation.startswith("HEAD "))
        images = json.loads(by_name["AmazonEC2ContainerRegistry_V20150921.DescribeImages"].body)
        said = {
            "bucket": NAMES.bucket,
            "input": input_prefix(MODEL),
            "code": self._keep(puts[0]),
            "settings": self._keep(puts[1]),
            "snapshot": _key(head),
            "submission": self._keep(submission),
            "registry": NAMES.registry,
            "repository": NAMES.repository,
            "tag": images["imageIds"][0]["imageTag"],
            "key": NAMES.key_alias,
            "request": json.loads(by_name["SageMaker.CreateTrainingJob"].body),
        }
        self._said.write_text(json.dumps(said))
        self._rename_said(1)

    def _keep(self, put: Request) -> dict[str, str]:
        file = self._said.with_name(Path(_key(put)).name)
        file.write_bytes(put.body)
        return {"key": _key(put), "file": str(file)}

    def _rename_said(self, run: int) -> None:
        """Another run of the minimal script's own: other names of the same length."""
        said = json.loads(self._said.read_text())
        digest = hashlib.sha256(f"minimal {run}".encode()).hexdigest()
        said["job"] = job_name(MODEL, digest)
        said["submission"]["key"] = submission_key(MODEL, said["job"], PIPELINE)
        said["settings"]["key"] = f"{MODEL}/code/{digest}.toml"
        self._said.write_text(json.dumps(said))


def _key(request: Request) -> str:
    """Of an object in the bucket."""
    return request.operation.partition(f"/{NAMES.bucket}/")[2]


def cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
