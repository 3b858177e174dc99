"""Tools that pin what we don't, such as an old boto3: each in an environment of its own."""

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def tool(name: str) -> Path:
    """The command of a package of that name, installed from ``requirements/<name>.txt`` on first use, and kept as long
    as that stays as it is."""
    lock = ROOT / "requirements" / f"{name}.txt"
    digest = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = ROOT / ".local" / "cache" / f"{name}-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    python, done = folder / "env" / "bin" / "python", folder / "done"
    with (folder / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not done.exists():
            _uv("venv", "--clear", "--python", sys.executable, str(folder / "env"))
            _uv("pip", "install", "--python", str(python), "--require-hashes", "--requirement", str(lock))
            done.touch()
    return python.with_name(name)


def _uv(*arguments: str) -> None:
    env = {"UV_SYSTEM_CERTS": "1", **os.environ}
    uv = Path(sys.executable).with_name("uv")
    run = subprocess.run([uv, "--quiet", *arguments], env=env, capture_output=True, text=True, check=False, timeout=280)
    assert run.returncode == 0, f"its environment could not be made: {run.stderr}"
