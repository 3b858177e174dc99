"""A runner that reaches nothing but a mirror: CI's variables name it, and before_script takes all from there."""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.ci.rules import load

ROOT = Path(__file__).parents[2]
BEFORE = load(ROOT, ROOT / ".gitlab-ci.yml")[".mergemaker"]["before_script"]
UV = Path(sys.executable).with_name("uv")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """A package index with two packages: `kit`, which a lock file names, and `uv`, which is the real one's front."""
    folder = tmp_path / "index" / "simple"
    make_wheel(folder, "kit", {"kit.py": "NAME = 'kit of the mirror'\n"}, tmp_path / "kit.txt")
    front = {"uv-1.0.data/scripts/uv": f'#!/bin/sh\nexec {UV} "$@"\n'}
    make_wheel(folder, "uv", front, tmp_path / "job" / "requirements" / "uv.txt")
    handler = partial(Quiet, directory=str(tmp_path / "index"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()


def make_wheel(index: Path, name: str, files: dict[str, str], lock: Path) -> None:
    """A package with these files, and a lock file with its hash."""
    wheel = index / name / f"{name}-1.0-py3-none-any.whl"
    wheel.parent.mkdir(parents=True)
    about = {
        f"{name}-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{name}-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in {**files, **about}.items():
            entry = zipfile.ZipInfo(path)
            entry.external_attr = (0o100755 if "/scripts/" in path else 0o100644) << 16
            archive.writestr(entry, text)
        listed = "".join(f"{path},,\n" for path in (*files, *about, f"{name}-1.0.dist-info/RECORD"))
        archive.writestr(f"{name}-1.0.dist-info/RECORD", listed)
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text(f"{name}==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")


def run(tmp_path: Path, path: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The job's first lines, in a folder of its own; a proxy that is not there stands for the internet."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "UV_"))}
    cut = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
    own = {"UV_CACHE_DIR": str(tmp_path / "cache"), "UV_HTTP_RETRIES": "0", "PIP_RETRIES": "0", "PIP_NO_CACHE_DIR": "1"}
    own |= {"PIP_CONFIG_FILE": os.devnull, "MERGEMAKER_LOCK": str(tmp_path / "kit.txt"), "PATH": path}
    local = {"no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1"}
    (tmp_path / "job").mkdir(exist_ok=True)
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join([*BEFORE, 'python -c "import kit; print(kit.NAME)"'])],
        cwd=tmp_path / "job",
        env={**plain, **cut, **local, **own, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_an_image_with_uv_takes_packages_from_the_index_that_a_variable_names(tmp_path: Path, index: str) -> None:
    path = os.pathsep.join([str(UV.parent), os.defpath])
    assert run(tmp_path, path).returncode != 0, "the internet can be reached from here"
    done = run(tmp_path, path, UV_DEFAULT_INDEX=index)
    assert (done.returncode, done.stdout) == (0, "kit of the mirror\n"), done.stderr


def test_an_image_without_uv_takes_that_from_pips_index(tmp_path: Path, index: str) -> None:
    venv.create(tmp_path / "image", with_pip=True, symlinks=True)
    folders = [str(tmp_path / "image" / "bin"), os.defpath]
    assert shutil.which("uv", path=os.pathsep.join(folders)) is None
    done = run(tmp_path, os.pathsep.join(folders), UV_DEFAULT_INDEX=index, PIP_INDEX_URL=index)
    assert (done.returncode, done.stdout) == (0, "kit of the mirror\n"), done.stderr
    assert (tmp_path / "image" / "bin" / "uv").is_file()
