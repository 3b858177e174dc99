"""What an image is made of: its tag changes with that, and with nothing else."""

import io
import re
import zipfile
from pathlib import Path

import pytest

from mergemaker.adapters.folder import read_folder
from mergemaker.domain.dockerfile import copied, instructions
from mergemaker.domain.errors import UsageError
from mergemaker.domain.names import IMAGE_TAG
from mergemaker.steps.submit import Folder
from tests.fakes.made import MODEL_TOML

OWN = f"image.dockerfile = 'Dockerfile'\n{MODEL_TOML}"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    for part in ("training", "serving"):
        (tmp_path / part).mkdir()
        (tmp_path / part / "requirements.txt").write_text("")
    (tmp_path / "training" / "Dockerfile").write_text("FROM python:3.11\nCOPY model/requirements.txt /\n")
    folder = tmp_path / "models" / "prices"
    (folder / "lib").mkdir(parents=True)
    for name in ("model.toml", "train.py", "lib/a.py", "lib/b.txt"):
        (folder / name).write_text(MODEL_TOML if name == "model.toml" else name)
    return folder


def own(model: Path, dockerfile: str) -> Folder:
    """The model with a Dockerfile of its own."""
    (model / "model.toml").write_text(OWN)
    (model / "Dockerfile").write_text(f"FROM python:3.11\n{dockerfile}")
    return read(model)


def read(model: Path) -> Folder:
    return read_folder(model.parents[1], "prices")


def names(folder: Folder) -> set[str]:
    with zipfile.ZipFile(io.BytesIO(folder.image_context())) as archive:
        return set(archive.namelist())


SHARED = {"Dockerfile", "training/requirements.txt", "serving/requirements.txt"}


def test_a_model_that_says_nothing_has_the_projects_dockerfile_and_its_own_requirements(model: Path) -> None:
    before = read(model)
    assert names(before) == {*SHARED, "model/requirements.txt"}
    (model / "train.py").write_text("other")
    assert read(model).image_tag == before.image_tag
    (model / "requirements.txt").write_text("six==1.17.0")
    assert read(model).image_tag != before.image_tag


@pytest.mark.parametrize(
    ("dockerfile", "taken"),
    [
        ("", set()),
        ("COPY model/lib /lib", {"lib/a.py", "lib/b.txt"}),
        ("COPY --chown=1:1 ./model/lib/*.py training /lib/", {"lib/a.py"}),
        ('ADD ["model/lib/b.txt", "/x"]', {"lib/b.txt"}),
        ("COPY model/requirements.txt \\\n  # and\n  model/train.py /", {"requirements.txt", "train.py"}),
        ("COPY --from=base model /x", set()),
        ("COPY <<END /x\nCOPY model/lib /lib\nEND\nCOPY model/train.py /", {"train.py"}),
        ("# COPY model /x", set()),
    ],
)
def test_of_the_models_folder_an_image_is_made_of_what_its_dockerfile_copies(
    model: Path, dockerfile: str, taken: set[str]
) -> None:
    assert names(own(model, dockerfile)) == SHARED | {f"model/{name}" for name in taken}


@pytest.mark.parametrize("dockerfile", ["COPY . /x", "COPY model /x", "COPY $A /x", "RUN --mount=type=bind,target=/x"])
def test_where_all_is_copied_or_it_cannot_be_told_all_counts(model: Path, dockerfile: str) -> None:
    everything = {"Dockerfile", "lib/a.py", "lib/b.txt", "model.toml", "requirements.txt", "train.py"}
    assert names(own(model, dockerfile)) == SHARED | {f"model/{name}" for name in everything}


def test_an_own_dockerfile_is_no_part_of_the_code(model: Path) -> None:
    code = own(model, "").code.digest
    assert own(model, "RUN true").code.digest == code


def test_a_file_that_is_copied_and_not_there_is_told_with_its_line(model: Path) -> None:
    with pytest.raises(UsageError, match=r"^models/prices/Dockerfile:3: there is no setup.py in prices$"):
        own(model, "COPY training /x\nCOPY model/setup.py /x")


def test_a_dockerfile_that_is_not_there_is_told(model: Path) -> None:
    (model / "model.toml").write_text(OWN)
    with pytest.raises(UsageError, match=r"^models/prices/model.toml:1: image.dockerfile: there is no Dockerfile"):
        read(model)


def test_somebody_elses_image_needs_no_dockerfile_at_all(model: Path) -> None:
    (model.parents[1] / "training/Dockerfile").unlink()
    uri = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
    (model / "model.toml").write_text(f"image.uri = '{uri}'\n{MODEL_TOML}")
    assert read(model).image_tag == uri


def test_a_tag_carries_enough_of_the_digest_that_nobody_finds_a_second_set_of_files(model: Path) -> None:
    tag = read(model).image_tag
    assert re.fullmatch(IMAGE_TAG, tag)
    assert len(tag.rpartition("-")[2]) * 4 >= 128


def test_instructions_have_the_line_that_they_begin_in() -> None:
    text = "# a\nFROM x\nRUN a \\\n\n  b\nRUN <<E\nFROM y\nE\ncmd z"
    assert [(one.line, one.word) for one in instructions(text)] == [(2, "FROM"), (3, "RUN"), (6, "RUN"), (9, "CMD")]


@pytest.mark.parametrize("text", ["COPY", "COPY --from", "COPY [1", "RUN 'a", "FROM \\", "COPY a 'b", "RUN <<X", "\0"])
def test_a_broken_dockerfile_is_read_as_far_as_it_goes(text: str) -> None:
    assert isinstance(copied(text), list)
