"""A bundle that submit packs has the digest that it is named after, whatever is in the folder."""

import io
import tarfile
from pathlib import Path

import pytest

from mergemaker.adapters.folder import read_folder
from mergemaker.domain.errors import UsageError
from mergemaker.domain.names import code_key
from mergemaker.steps.bundle import holds_what_it_is_named_after
from mergemaker.steps.submit import Packed
from tests.fakes.files import FakeFiles
from tests.fakes.made import MODEL_TOML

ROOT = Path(__file__).parents[2]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    for part in ("training", "serving"):
        (tmp_path / part).mkdir()
        (tmp_path / part / "requirements.txt").write_text("")
    (tmp_path / "training" / "Dockerfile").write_text("FROM scratch")
    folder = tmp_path / "models" / "prices"
    folder.mkdir(parents=True)
    (folder / "model.toml").write_text(MODEL_TOML)
    (folder / "train.py").write_text("print(1)")
    return folder


def kept(root: Path, name: str) -> bool:
    """Whether what submit stores of this model is taken for what it is."""
    code, files = read_folder(root, name).code, FakeFiles()
    files.put(code_key(name, code.digest), code.archive())
    return holds_what_it_is_named_after(name, code.digest, files)


@pytest.mark.parametrize("name", ["breast-cancer", "diabetes"])
def test_the_bundles_of_the_examples_are_what_they_say(name: str) -> None:
    assert kept(ROOT, name)


def test_a_bundle_with_odd_files_is_what_it_says(tmp_path: Path, model: Path) -> None:
    deep = model / "a" / ("b" * 120) / ("ü日本🎈 " * 8)
    deep.mkdir(parents=True)
    for number, name in enumerate(["empty", "x" * 200, "-rf", "new\nline", "back\\slash", "ends in dot."]):
        (deep / name).write_bytes(b"\0\xff" * number * 700_000)
    (model / "run.sh").write_text("#!/bin/sh")
    (model / "run.sh").chmod(0o755)
    assert kept(tmp_path, "prices")


def test_a_folder_with_more_files_than_are_looked_through_later_is_refused(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mergemaker.adapters.folder.MOST_FILES", 2)
    (model / "second.py").touch()
    read_folder(tmp_path, "prices")
    (model / "third.py").touch()
    with pytest.raises(UsageError, match=r"has 3 files, at most 2: data belongs into the bucket"):
        read_folder(tmp_path, "prices")


# What prepares the data ---------------------------------------------------------------------


def preparing(folder: Path, said: str = "") -> None:
    (folder / "model.toml").write_text(f"[prepare]\n{said}\n[metrics.rmse]\ngoal = 'minimize'\n")
    (folder / "prepare.py").write_text("import features")
    (folder / "features").mkdir()
    (folder / "features" / "__init__.py").write_text("")


def prepare_code(root: Path) -> Packed:
    packed = read_folder(root, "prices").prepare_code
    assert packed is not None
    return packed


def test_a_preparations_bundle_holds_its_script_and_the_files_that_it_names(tmp_path: Path, model: Path) -> None:
    preparing(model, "files = ['features/']")
    with tarfile.open(fileobj=io.BytesIO(prepare_code(tmp_path).archive())) as archive:
        assert archive.getnames() == ["features/__init__.py", "prepare.py"]


def test_only_what_prepares_the_data_makes_it_another_preparation(tmp_path: Path, model: Path) -> None:
    preparing(model, "files = ['features']")
    before, whole = prepare_code(tmp_path).digest, read_folder(tmp_path, "prices").code.digest
    (model / "train.py").write_text("print(2)")
    assert prepare_code(tmp_path).digest == before
    assert read_folder(tmp_path, "prices").code.digest != whole
    (model / "features" / "__init__.py").write_text("x = 1")
    assert prepare_code(tmp_path).digest != before


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        (
            "script = 'other.py'",
            "models/prices/model.toml:2: prepare.script: there is no other.py in the model's folder",
        ),
        ("files = ['missing.py']", "models/prices/model.toml:2: prepare.files: there is no missing.py in the model's"),
        ("files = ['feat', 'features/']", "prepare.files: there is no feat in the model's folder"),
    ],
)
def test_a_preparation_without_its_files_is_told(tmp_path: Path, model: Path, said: str, fault: str) -> None:
    preparing(model, said)
    with pytest.raises(UsageError, match=fault):
        read_folder(tmp_path, "prices")
