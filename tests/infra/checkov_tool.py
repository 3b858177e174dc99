"""checkov in an environment of its own: it pins an old boto3, among much else."""

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements" / "checkov.txt"


def checkov() -> Path:
    """The command, installed from its lock on first use and kept for as long as the lock stays as it is."""
    digest = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = ROOT / ".local" / "cache" / f"gates-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    command, done = folder / "env" / "bin" / "checkov", folder / "done"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            _uv("venv", "--clear", "--python", sys.executable, str(folder / "env"))
            python = folder / "env" / "bin" / "python"
            _uv("pip", "install", "--python", str(python), "--require-hashes", "--requirement", str(LOCK))
            done.touch()
    return command


def _uv(*arguments: str) -> None:
    env = {"UV_SYSTEM_CERTS": "1", **os.environ}
    uv = Path(sys.executable).with_name("uv")
    run = subprocess.run([uv, "--quiet", *arguments], env=env, capture_output=True, text=True, check=False, timeout=280)
    assert run.returncode == 0, f"checkov's environment could not be made: {run.stderr}"
