"""The entry point under AWS's own toolkit: `train`, in an environment of training/requirements.txt."""

import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
REQUIREMENTS = REPO / "training" / "requirements.txt"


@pytest.fixture(scope="module")
def python() -> Path:
    """An interpreter with the toolkit; made once, and kept in the cache that the laptop cloud uses, too."""
    cache = Path(os.environ.get("MERGEMAKER_CACHE") or REPO / ".local" / "cache")
    digest = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = cache / "tests" / f"training-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    interpreter = folder / "venv" / "bin" / "python"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            uv = Path(sys.executable).with_name("uv")
            subprocess.run([uv, "venv", "-q", "--clear", "-p", sys.executable, folder / "venv"], check=True)
            subprocess.run([uv, "pip", "install", "-q", "--python", interpreter, "-r", REQUIREMENTS], check=True)
            (folder / "complete").touch()
    return interpreter


@dataclass(frozen=True)
class Job:
    """What a finished job left behind."""

    base: Path
    code: int
    output: str

    @property
    def model(self) -> Path:
        return self.base / "model"

    @property
    def failure_reason(self) -> str:
        """As SageMaker cuts it."""
        return (self.base / "output" / "failure").read_text()[:1024]


@pytest.fixture
def train(tmp_path: Path, python: Path) -> Callable[[str], Job]:
    """Runs a script as a job, from a code archive, with the hyperparameters n=3 and name="a b"."""

    def run(script: str) -> Job:
        source = tmp_path / "source"
        source.mkdir()
        (source / "train.py").write_text(script)
        (source / "inference.py").write_text("def predict_fn(data, model): ...\n")
        with tarfile.open(tmp_path / "code.tar.gz", "w:gz") as archive:
            archive.add(source, ".")
        base = tmp_path / "ml"
        lay_out(base, tmp_path / "code.tar.gz")
        environment = {
            "PATH": f"{python.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(REPO),
            "PYTHONUNBUFFERED": "1",
            "SAGEMAKER_BASE_DIR": str(base),
            "SAGEMAKER_TRAINING_MODULE": "training.entry:main",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        with (tmp_path / "log").open("w+") as log:
            command = [python.with_name("train")]
            result = subprocess.run(command, env=environment, stdout=log, stderr=log, timeout=120, check=False)
            log.seek(0)
            return Job(base=base, code=result.returncode, output=log.read())

    return run


def lay_out(base: Path, code: Path) -> None:
    config = base / "input" / "config"
    config.mkdir(parents=True)
    (base / "model").mkdir()
    (base / "output" / "data").mkdir(parents=True)
    (base / "input" / "data" / "training").mkdir(parents=True)
    hyperparameters = {"sagemaker_program": "train.py", "sagemaker_submit_directory": str(code), "n": 3, "name": "a b"}
    encoded = {key: json.dumps(value) for key, value in hyperparameters.items()}
    (config / "hyperparameters.json").write_text(json.dumps(encoded))
    (config / "inputdataconfig.json").write_text(json.dumps({"training": {"TrainingInputMode": "File"}}))
    # any other name would be looked up in the network for ever
    (config / "resourceconfig.json").write_text(json.dumps({"current_host": "localhost", "hosts": ["localhost"]}))


def test_a_script_runs_in_script_mode_and_its_inference_code_goes_into_the_model(train: Callable[[str], Job]) -> None:
    job = train(
        "import argparse, os, pathlib\n"
        "parser = argparse.ArgumentParser()\n"
        "parser.add_argument('-n', type=int)\n"  # the toolkit's spelling of a name of one letter
        "parser.add_argument('--name')\n"
        "args = parser.parse_args()\n"
        "folder = pathlib.Path(os.environ['SM_CHANNEL_TRAINING'])\n"
        "pathlib.Path('rows.csv').touch()\n"
        "(pathlib.Path(os.environ['SM_MODEL_DIR']) / 'm.txt').write_text(f'{args.n} {args.name} {folder.is_dir()}')\n"
        "for epoch in range(3): print(f'rmse={epoch}.12345678901234567')\n"
    )

    assert job.code == 0, job.output
    assert (job.model / "m.txt").read_text() == "3 a b True"
    assert sorted(path.name for path in (job.model / "code").iterdir()) == ["inference.py", "train.py"]
    lines = job.output.splitlines()
    assert [line for line in lines if line.startswith("rmse=")] == [f"rmse={n}.12345678901234567" for n in range(3)]
    assert (job.base / "output" / "success").exists()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (
            "print('going on', flush=True)\nraise ValueError('no column named target')",
            "ValueError: no column named target",
        ),
        ("import sys\nsys.exit('put a train.csv into the channel')", "put a train.csv into the channel"),
        ("import argparse\nargparse.ArgumentParser().parse_args()", "error: unrecognized arguments: -n 3 --name a b"),
        ("import os\nos.kill(os.getpid(), 9)", "OutOfMemory: Process killed by SIGKILL"),
    ],
)
def test_a_failed_script_says_why_in_the_failure_reason(train: Callable[[str], Job], script: str, reason: str) -> None:
    job = train(script)

    assert job.code == 1
    assert job.failure_reason.startswith("ExecuteUserScriptError:\nExitCode ")
    assert reason in job.failure_reason
    assert not (job.model / "code").exists()


def test_a_long_traceback_leaves_room_for_its_last_line(train: Callable[[str], Job]) -> None:
    job = train(f"def f(n):\n    if n: f(n - 1)\n    raise ValueError('the end')  # {'x' * 300}\nf(50)")

    assert "ValueError: the end" in job.failure_reason


def test_a_process_that_the_script_leaves_behind_does_not_hold_up_the_job(train: Callable[[str], Job]) -> None:
    job = train(
        "import os, pathlib, subprocess\n"
        "sleeper = subprocess.Popen(['sleep', '100'])\n"
        "(pathlib.Path(os.environ['SM_MODEL_DIR']) / 'pid').write_text(str(sleeper.pid))\n"
    )
    os.kill(int((job.model / "pid").read_text()), signal.SIGKILL)

    assert job.code == 0
