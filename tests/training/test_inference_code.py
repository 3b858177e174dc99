"""Which files of the code folder go into the model."""

from pathlib import Path

import pytest

from training.inference_code import copy_code


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A model's folder as it lies in the container after training."""
    files = {
        "inference.py": "from features import ratio\n",
        "features.py": "ratio = 2\n",
        "train.py": "",
        "text/__init__.py": "",
        "text/words/__init__.py": "",
        "text/words/list.txt": "belongs to the package",
        "text/__pycache__/x.pyc": "",
        "text/tests/__init__.py": "",
        "text/test_words.py": "",
        "tests/__init__.py": "",
        "test_features.py": "",
        "features_test.py": "",
        "conftest.py": "",
        "setup.py": "",
        ".hidden.py": "",
        "model.toml": "",
        "requirements.txt": "",
        "README.md": "",
        "rows.csv": "written by train.py",
        "data/part.csv": "",
        "notebooks/draft.py": "in no package",
        "__pycache__/features.pyc": "",
    }
    for name, text in files.items():
        path = tmp_path / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "source"


def contents(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()}


def test_modules_and_packages_are_copied_and_nothing_else(code: Path, tmp_path: Path) -> None:
    copied = copy_code(code, tmp_path / "model" / "code")

    assert copied == ["features.py", "inference.py", "text", "train.py"]
    assert contents(tmp_path / "model" / "code") == {
        "inference.py",
        "features.py",
        "train.py",
        "text/__init__.py",
        "text/words/__init__.py",
        "text/words/list.txt",
    }
    assert (tmp_path / "model" / "code" / "inference.py").read_text() == "from features import ratio\n"


def test_code_that_the_script_saved_itself_is_left_alone(code: Path, tmp_path: Path) -> None:
    target = tmp_path / "model" / "code"
    target.mkdir(parents=True)
    (target / "inference.py").write_text("its own\n")

    assert copy_code(code, target) == []
    assert contents(target) == {"inference.py"}
    assert (target / "inference.py").read_text() == "its own\n"


def test_links_are_not_followed(code: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.py").write_text("secret")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").touch()
    (code / "linked.py").symlink_to(tmp_path / "secret.py")
    (code / "linked").symlink_to(tmp_path / "package")
    (code / "text" / "linked.txt").symlink_to(tmp_path / "secret.py")

    copy_code(code, tmp_path / "model" / "code")

    assert not {name for name in contents(tmp_path / "model" / "code") if "linked" in name}


def test_a_folder_without_code_adds_nothing(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "train.sh").touch()

    assert copy_code(tmp_path / "source", tmp_path / "code") == []
    assert not (tmp_path / "code").exists()
