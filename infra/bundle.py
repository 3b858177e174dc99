"""The Lambdas' bundle: their code, the shared package and their locked dependencies, in one folder for all of them.

Only pure Python goes in, so that the bundle runs on any processor and on the laptop cloud's Python too. It is compiled
by the runtime's Python where this machine has one, and otherwise by the one that runs this, which helps the laptop but
not AWS: python-gitlab then takes about a second longer to import at a cold start. Deploy from a machine with both.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from uv import find_uv_bin

RUNTIME = "python3.13"
ROOT = Path(__file__).parent.parent
LOCK = Path("requirements/lambdas.txt")
UNUSED = [f"aws_lambda_powertools/{name}" for name in ("event_handler", "utilities/data_classes", "utilities/parser")]
"""Three quarters of Powertools, of which the log uses nothing. One that is not there is an error: look anew."""

_KINDS = ("*.py", "*.toml")
"""Code, and the data that it reads."""

_RECIPE = "2"
"""Part of the digest: raise it when this module makes something else of the same files."""


def sources(root: Path) -> list[Path]:
    """Files of the bundle, relative to the root, in order. The command stays out: no function runs it."""
    found = [path for top in ("lambdas", "mergemaker") for kind in _KINDS for path in (root / top).rglob(kind)]
    files = [path.relative_to(root) for path in found]
    return sorted(path for path in files if path.parts[:2] not in (("mergemaker", "cli.py"), ("mergemaker", "cli")))


def digest(root: Path, *, python: Path) -> str:
    """Names the bundle's content without building it: the same files and Python version give the same digest."""
    made_of = hashlib.sha256(f"{_RECIPE} {RUNTIME} {_version(python)}".encode())
    for path in [*sources(root), LOCK]:
        content = hashlib.sha256((root / path).read_bytes()).hexdigest()
        made_of.update(f"\n{path.as_posix()} {content}".encode())
    return made_of.hexdigest()


def build(root: Path, into: Path, *, python: Path) -> None:
    """Fills the folder `into`. Raises CalledProcessError if uv cannot install what is locked."""
    _install(root / LOCK, into)
    for path in sources(root):
        target = into / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / path, target)
    _compile(into, python)


def compiler() -> Path:
    """The runtime's Python if it is installed here, else the Python that runs this."""
    wanted = RUNTIME.removeprefix("python")
    found = _uv("python", "find", "--no-project", "--no-python-downloads", "--system", wanted, check=False)
    return Path(found) if found else Path(sys.executable)


def _install(lock: Path, into: Path) -> None:
    options = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--link-mode", "copy"]
    target = ["--target", str(into), "--python-version", RUNTIME.removeprefix("python"), "--python-platform", "linux"]
    _uv("pip", "install", "--quiet", *options, *target, "--requirements", str(lock))
    shutil.rmtree(into / "bin", ignore_errors=True)  # console scripts, with this machine's paths in them
    (into / ".lock").unlink(missing_ok=True)
    for name in UNUSED:
        shutil.rmtree(into / name)
    keep_pure(into)


def keep_pure(into: Path) -> None:
    """Removes compiled modules that only speed up a Python module of the same name. Others are an error."""
    for library in sorted(into.rglob("*.so")):
        if not library.with_name(library.name.partition(".")[0] + ".py").exists():
            raise RuntimeError(f"{library.name} is no pure Python: the Lambdas' dependencies have to be")
        library.unlink()


def _compile(into: Path, python: Path) -> None:
    """Bytecode that is never checked against its source: a bundle does not change, and its files' times get lost."""
    options = ["-q", "-f", "--invalidation-mode", "unchecked-hash", "-s", str(into), "-p", "/var/task"]
    subprocess.run([python, "-I", "-m", "compileall", *options, into], check=True)


def _version(python: Path) -> str:
    if python == Path(sys.executable):
        return f"{sys.version_info.major}.{sys.version_info.minor}"
    return RUNTIME.removeprefix("python")


def _uv(*arguments: str, check: bool = True) -> str:
    """uv's output; empty if it failed and need not succeed."""
    run = subprocess.run(
        [find_uv_bin(), *arguments], check=check, stdout=subprocess.PIPE, stderr=None if check else subprocess.DEVNULL
    )
    return run.stdout.decode().strip() if run.returncode == 0 else ""
