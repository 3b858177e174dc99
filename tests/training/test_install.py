"""training/install.sh: what is locked comes as it is locked, what a model adds comes beside it, or nothing comes."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
LOCKED = """\
six==1.16.0 \\
    --hash=sha256:1e61c37477a1626458e36f7b1d82aa5c9b094fa4802892072e49de9c60c4c926 \\
    --hash=sha256:8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254
"""
WRONG = f"--hash=sha256:{'0' * 64}"


class Image:
    """A folder with the script, a lock of one small package, and an environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._uv("venv", "-q", "-p", sys.executable, str(folder / "env"))
        for part in ("training", "serving", "model"):
            (folder / part).mkdir()
        shutil.copy(REPO / "training/install.sh", folder / "training")
        self.write(
            training__requirements="six\n", serving__requirements="", model__requirements="", training__lock=LOCKED
        )

    def write(self, **files: str) -> None:
        for name, text in files.items():
            (self.folder / f"{name.replace('__', '/')}.txt").write_text(text)

    def install(self) -> subprocess.CompletedProcess[str]:
        command = ["sh", "training/install.sh", "model/requirements.txt"]
        return subprocess.run(
            command, cwd=self.folder, env=self._env, capture_output=True, text=True, timeout=120, check=False
        )

    @property
    def installed(self) -> list[str]:
        return self._uv("pip", "freeze").stdout.split()

    @property
    def _env(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {"UV_SYSTEM_CERTS": "1", **os.environ, "PATH": path, "VIRTUAL_ENV": str(self.folder / "env")}

    def _uv(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).with_name("uv")), *arguments]
        return subprocess.run(command, env=self._env, capture_output=True, text=True, timeout=120, check=True)


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return Image(tmp_path)


def test_what_is_locked_comes_in_its_version_although_there_are_newer_ones(image: Image) -> None:
    run = image.install()
    assert run.returncode == 0, run.stderr
    assert image.installed == ["six==1.16.0"]


def test_a_model_may_want_another_version_and_more(image: Image) -> None:
    image.write(model__requirements="six==1.17.0\niniconfig==2.0.0\n")
    run = image.install()
    assert run.returncode == 0, run.stderr
    assert image.installed == ["iniconfig==2.0.0", "six==1.17.0"]


@pytest.mark.parametrize(
    "files",
    [
        {"training__lock": re.sub(r"--hash=\S+", WRONG, LOCKED)},
        {"model__requirements": f"iniconfig==2.0.0 {WRONG}\n"},
        {"model__requirements": "six<1.16\n", "serving__requirements": "six>=1.16\n"},
    ],
    ids=["the lock's hash", "the model's own hash", "versions that exclude each other"],
)
def test_what_does_not_fit_is_refused_as_a_whole(image: Image, files: dict[str, str]) -> None:
    image.write(**files)
    run = image.install()
    assert run.returncode != 0
    assert run.stderr
    assert image.installed == []


def test_the_lock_is_of_the_requirements_as_they_are_now() -> None:
    """`make lock` after a change of them."""
    lock = dict(re.findall(r"^([\w.-]+)==([\w.]+)", (REPO / "training/lock.txt").read_text(), re.MULTILINE))
    for part in ("training", "serving"):
        for line in (REPO / part / "requirements.txt").read_text().splitlines():
            if line and not line.startswith("#"):
                name, _, pinned = line.partition("==")
                assert re.split("[>=<]", name)[0] in lock, line
                assert not pinned or lock[name] == pinned, line


def test_each_locked_package_has_hashes() -> None:
    text = (REPO / "training/lock.txt").read_text().replace("\\\n", "")
    assert text
    assert all("--hash=sha256:" in line for line in text.splitlines())
