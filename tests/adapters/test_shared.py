"""What a model's code takes along by train.shared: at its own path, with all that Python needs to import it."""

import io
import tarfile
from pathlib import Path

import pytest

from mergemaker.adapters.folder import read_folder
from mergemaker.domain.errors import UsageError
from mergemaker.steps.submit import Packed

OWN = {"train.py"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with a model and more code."""
    files = {
        "training/Dockerfile": "FROM scratch",
        "serving/app.py": "",
        "models/prices/train.py": "import lib.features",
        "models/rents/train.py": "",
        "lib/features/scale.py": "FACTOR = 2",
        "lib/features/table.csv": "1,2",
        "lib/features/__pycache__/scale.pyc": "",
        "lib/features/.hidden": "",
        "lib/io.py": "",
        "units.py": "",
        "requirements.txt": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def code(root: Path, *shared: str, more: str = "") -> Packed:
    (root / "models/prices/model.toml").write_text(f"# A model\n[train]\nshared = {list(shared)}\n{more}")
    return read_folder(root, "prices").code


def names(packed: Packed | None) -> set[str]:
    assert packed
    with tarfile.open(fileobj=io.BytesIO(packed.archive())) as archive:
        return set(archive.getnames())


def fault(root: Path, *shared: str) -> str:
    with pytest.raises(UsageError) as caught:
        code(root, *shared)
    return str(caught.value)


def test_a_folder_comes_at_its_own_path_without_what_is_hidden_and_its_top_is_a_package(root: Path) -> None:
    for path in ("lib/features", "lib/features/"):
        assert names(code(root, path)) == {
            *OWN,
            "lib/__init__.py",
            "lib/features/scale.py",
            "lib/features/table.csv",
        }


def test_files_come_alone(root: Path) -> None:
    assert names(code(root, "lib/io.py", "units.py")) == {*OWN, "lib/__init__.py", "lib/io.py", "units.py"}


def test_the_packages_above_it_come_with_it_as_they_are(root: Path) -> None:
    (root / "lib/__init__.py").write_text("VERSION = 1")
    before = code(root, "lib/io.py")
    with tarfile.open(fileobj=io.BytesIO(before.archive())) as archive:
        member = archive.extractfile("lib/__init__.py")
        assert member
        assert member.read() == b"VERSION = 1"
    (root / "lib/__init__.py").write_text("VERSION = 2")
    assert code(root, "lib/io.py").digest != before.digest


def test_other_content_of_it_is_other_code_and_what_is_beside_it_is_not(root: Path) -> None:
    before = code(root, "lib/features")
    (root / "lib/io.py").write_text("changed")
    assert code(root, "lib/features").digest == before.digest
    (root / "lib/features/scale.py").write_text("FACTOR = 3")
    assert code(root, "lib/features").digest != before.digest


def test_a_preparation_may_name_a_part_of_it(root: Path) -> None:
    (root / "models/prices/prepare.py").write_text("")
    code(root, "lib", more="[prepare]\nfiles = ['lib/io.py']\n")
    assert names(read_folder(root, "prices").prepare_code) == {"prepare.py", "lib/io.py"}
    with pytest.raises(
        UsageError, match=r"prepare.files: there is no units.py in the model's folder, or in train.shared"
    ):
        code(root, "lib", more="[prepare]\nfiles = ['units.py']\n")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("lib/missing", "there is no lib/missing in the repository, or nothing in it"),
        ("empty", "there is no empty in the repository, or nothing in it"),
        ("models", "models leads into models/, to models' own code: move what they share out of it"),
        ("models/rents/", "models/rents leads into models/, to models' own code: move what they share out of it"),
        ("training/Dockerfile", "training/Dockerfile is in every image already"),
        ("serving", "serving is in every image already"),
        ("lib/features/.hidden", "lib/features/.hidden can be no part of a model's code"),
        ("requirements.txt", "requirements.txt can be no part of a model's code"),
        ("train", "the model's folder has a train of its own: rename one of the two"),
        ("linked", "linked is a link, or lies behind one: name the place itself"),
        ("linked/scale.py", "linked/scale.py is a link, or lies behind one"),
        ("outside", "outside is a link, or lies behind one"),
        ("dangling", "dangling is a link, or lies behind one"),
        ("leaky", "leaky/passwd: leads out of its folder"),
    ],
)
def test_what_cannot_be_taken_is_told_with_its_line(root: Path, path: str, said: str) -> None:
    for folder in ("empty", "train", "leaky"):
        (root / folder).mkdir()
    (root / "train/x.py").touch()
    links = {"linked": "lib/features", "outside": "/etc", "dangling": "nowhere", "leaky/passwd": "/etc/passwd"}
    for link, target in links.items():
        (root / link).symlink_to(target)
    found = fault(root, path)
    assert found.startswith("models/prices/model.toml:3: train.shared: ")
    assert said in found


def test_faults_are_told_together(root: Path) -> None:
    assert len(fault(root, "missing", "../out", "serving").splitlines()) == 3


def test_a_folder_above_all_models_is_told_where_models_are_elsewhere(root: Path) -> None:
    (root / "ml").mkdir()
    (root / "models").rename(root / "ml/models")
    (root / "ml/models/prices/model.toml").write_text("[train]\nshared = ['ml']\n")
    with pytest.raises(UsageError, match=r"ml leads into ml/models/, to models' own code"):
        read_folder(root, "prices", "ml/models")


def test_a_package_above_that_is_a_link_is_told(root: Path) -> None:
    (root / "lib/__init__.py").symlink_to("io.py")
    assert "lib/__init__.py is a link" in fault(root, "lib/features")


def test_sizes_are_for_all_of_the_code_together(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mergemaker.adapters.folder.MOST_FILES", 3)
    code(root, "units.py")
    assert fault(root, "lib/features").endswith(
        "train.shared: with lib/features there are 4 files, at most 3: data belongs into the bucket"
    )
    monkeypatch.setattr("mergemaker.adapters.folder.MOST_FILES", 100)
    monkeypatch.setattr("mergemaker.adapters.folder.LARGEST_BUNDLE", 20)
    assert "there are 32 bytes of code, at most 20" in fault(root, "lib/features")
