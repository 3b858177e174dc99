"""Jobs under AWS's own toolkit: `train`, in an environment of training/requirements.txt."""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPO = Path(__file__).parents[2]
REQUIREMENTS = REPO / "training" / "requirements.txt"
LIMIT = 120
"""Seconds for a job."""


def environment(*more: str) -> Path:
    """An interpreter with the toolkit, and `more` packages; made once, and kept in the cache that the laptop cloud
    uses, too."""
    cache = Path(os.environ.get("MERGEMAKER_CACHE") or REPO / ".local" / "cache")
    made_of = REQUIREMENTS.read_bytes() + sys.version.encode() + " ".join(more).encode()
    folder = cache / "tests" / f"training-{hashlib.sha256(made_of).hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    interpreter = folder / "venv" / "bin" / "python"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            uv = Path(sys.executable).with_name("uv")
            install: list[str | Path] = [uv, "pip", "install", "-q", "--python", interpreter, "-r", REQUIREMENTS, *more]
            subprocess.run([uv, "venv", "-q", "--clear", "-p", sys.executable, folder / "venv"], check=True)
            subprocess.run(install, check=True)
            (folder / "complete").touch()
    return interpreter


@dataclass(frozen=True)
class Job:
    """What a container of a finished job left behind."""

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


@dataclass(frozen=True)
class Train:
    """Runs code as jobs below a folder: from a code archive, with the hyperparameters n=3 and name="a b" if there are
    no others."""

    folder: Path
    python: Path
    path: Sequence[Path] = ()
    """Folders before the others of PATH."""
    usual: Mapping[str, Any] = field(default_factory=lambda: {"n": 3, "name": "a b"})

    def __call__(self, script: str) -> Job:
        return self.run({"train.py": script, "inference.py": "def predict_fn(data, model): ...\n"})

    def run(self, files: Mapping[str, str], script: str = "train.py", **hyperparameters: Any) -> Job:
        (job,) = self.on(["localhost"], files, script, **hyperparameters)
        return job

    def on(
        self, hosts: Sequence[str], files: Mapping[str, str], script: str = "train.py", **hyperparameters: Any
    ) -> list[Job]:
        """A job of several containers at the same time."""
        code = self._packed(files)
        given = {
            "sagemaker_program": script,
            "sagemaker_submit_directory": str(code),
            **(hyperparameters or self.usual),
        }
        bases = [self.folder / f"ml{number}" for number in range(len(hosts))]
        for base, host in zip(bases, hosts, strict=True):
            _lay_out(base, given, {"current_host": host, "hosts": list(hosts)})
        started = [self._start(base) for base in bases]
        codes = [process.wait(LIMIT) for process in started]
        return [
            Job(base=base, code=code, output=(base / "log").read_text())
            for base, code in zip(bases, codes, strict=True)
        ]

    def _packed(self, files: Mapping[str, str]) -> Path:
        source = self.folder / "source"
        for name, text in files.items():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_text(text)
        with tarfile.open(self.folder / "code.tar.gz", "w:gz") as archive:
            archive.add(source, ".")
        return self.folder / "code.tar.gz"

    def _start(self, base: Path) -> "subprocess.Popen[bytes]":
        folders = [*map(str, self.path), str(self.python.parent), os.environ["PATH"]]
        environment = {
            "PATH": os.pathsep.join(folders),
            "PYTHONPATH": str(REPO),
            "PYTHONUNBUFFERED": "1",
            "SAGEMAKER_BASE_DIR": str(base),
            "SAGEMAKER_TRAINING_MODULE": "training.entry:main",
            "AWS_DEFAULT_REGION": "us-east-1",
            "GLOO_SOCKET_IFNAME": "lo",
        }
        with (base / "log").open("w") as log:
            return subprocess.Popen([self.python.with_name("train")], env=environment, stdout=log, stderr=log)


def _lay_out(base: Path, hyperparameters: Mapping[str, Any], hosts: dict[str, Any]) -> None:
    config = base / "input" / "config"
    config.mkdir(parents=True)
    (base / "model").mkdir()
    (base / "output" / "data").mkdir(parents=True)
    (base / "input" / "data" / "training").mkdir(parents=True)
    encoded = {key: json.dumps(value) for key, value in hyperparameters.items()}
    group = {"instance_group_name": "homogeneousCluster", "instance_type": "ml.m5.large", "hosts": hosts["hosts"]}
    resources = {
        **hosts,
        "current_instance_type": "ml.m5.large",
        "current_group_name": "homogeneousCluster",
        "instance_groups": [group],
        "network_interface_name": "lo",
    }
    (config / "hyperparameters.json").write_text(json.dumps(encoded))
    (config / "inputdataconfig.json").write_text(json.dumps({"training": {"TrainingInputMode": "File"}}))
    (config / "resourceconfig.json").write_text(json.dumps(resources))
