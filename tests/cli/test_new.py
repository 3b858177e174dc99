"""`mergemaker new`: a folder that every other command accepts, and never a file over another."""

import json
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from mergemaker import steps
from mergemaker.adapters.folder import read_folder
from mergemaker.cli import TEMPLATES
from tests.cli.conftest import Run

PACKAGE = Path(str(steps.__path__[0])).parent


def test_each_template_has_a_folder_and_each_folder_is_offered() -> None:
    assert {folder.name for folder in (PACKAGE / "templates").iterdir()} == {"common", *TEMPLATES}


def test_a_wheel_has_every_file_of_the_package_that_is_no_python() -> None:
    data = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    named = {file for pattern in data["mergemaker"] for file in PACKAGE.glob(pattern)}
    files = {file for file in PACKAGE.rglob("*") if file.is_file() and "__pycache__" not in file.parts}

    assert {file for file in files if file.suffix != ".py"} == named


@pytest.mark.parametrize("template", TEMPLATES)
def test_what_it_makes_is_a_model_without_faults(run: Run, project: Path, template: str) -> None:
    code, said, _ = run("new", "rents", "--template", template)

    assert code == 0
    folder = project / "models/rents"
    assert said[0] == f"models/rents is made: {', '.join(sorted(file.name for file in folder.iterdir()))}"
    assert run("check") == (0, ["mergemaker.toml and 2 models are fine: prices, rents"], [])


@pytest.mark.parametrize("template", TEMPLATES)
def test_its_settings_are_fine_by_the_schema_that_their_first_line_names(
    run: Run, project: Path, template: str
) -> None:
    run("new", "rents", "--template", template)

    first, _, rest = (project / "models/rents/model.toml").read_text().partition("\n")
    assert first == "#:schema ../../mergemaker/model.schema.json"
    schema = json.loads((PACKAGE / "model.schema.json").read_text())
    assert list(Draft202012Validator(schema).iter_errors(tomllib.loads(rest))) == []


@pytest.mark.parametrize("template", TEMPLATES)
def test_its_name_and_files_stand_where_they_belong(run: Run, project: Path, template: str) -> None:
    run("new", "rents", "--template", template)

    texts = {file.name: file.read_text() for file in (project / "models/rents").iterdir()}
    assert not [name for name, text in texts.items() if "{{" in text or "}}" in text]
    assert "rents/input/" in texts["model.toml"]
    assert f"`mergemaker new rents --template {template}`" in texts["README.md"]
    for name in texts.keys() - {"README.md"}:
        assert name in texts["README.md"]


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_arguments_of_its_script_are_those_of_model_toml(run: Run, project: Path, template: str) -> None:
    run("new", "rents", "--template", template)

    script = (project / "models/rents/train.py").read_text()
    for name, value in read_folder(project, "rents").spec.hyperparameters.items():
        assert f'add_argument("--{name}", type={type(value).__name__}, default={value})' in script


def test_only_the_custom_one_has_an_image_of_its_own(run: Run, project: Path) -> None:
    for template in TEMPLATES:
        run("new", f"of-{template}", "--template", template)

    own = {name: read_folder(project, f"of-{name}").spec.image.dockerfile for name in TEMPLATES}
    assert own == {"sklearn": None, "xgboost": None, "pytorch": None, "custom": "Dockerfile"}


@pytest.mark.parametrize("there", ["folder", "file", "link"])
def test_what_is_there_already_stays_as_it_is(run: Run, project: Path, there: str) -> None:
    folder = project / "models/rents"
    if there == "folder":
        folder.mkdir()
    elif there == "file":
        folder.write_text("mine")
    else:
        folder.symlink_to("nowhere")
    before = sorted(project.rglob("*"))

    code, _, said = run("new", "rents")

    assert code == 2
    assert said == ["mergemaker: models/rents is there already: choose another name, or move it away"]
    assert sorted(project.rglob("*")) == before


@pytest.mark.parametrize("name", ["../rents", "/etc", "Rents", "rents/", "", "a b", "a" * 29])
def test_what_can_be_no_models_name_makes_nothing(run: Run, project: Path, name: str) -> None:
    before = sorted(project.rglob("*"))

    code, _, said = run("new", name)

    assert code == 2
    assert len(said) == 1
    assert sorted(project.rglob("*")) == before


def test_a_first_model_brings_the_folder_of_models(run: Run, project: Path) -> None:
    (project / "models").rename(project / "elsewhere")

    assert run("new", "rents")[0] == 0
    assert (project / "models/rents/train.py").is_file()


def test_where_models_are_elsewhere_it_is_made_there_with_its_own_path_in_it(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = project / "mergemaker.toml"
    settings.write_text(settings.read_text().replace("[project]", '[project]\nmodels = "ml/all/models"'))

    code, said, _ = run("new", "rents")

    assert code == 0
    assert said[1].startswith("next: ml/all/models/rents/README.md says")
    folder = project / "ml/all/models/rents"
    schema = (folder / "model.toml").read_text().splitlines()[0].removeprefix("#:schema ")
    assert (folder / schema).resolve() == project / "mergemaker/model.schema.json"
    assert "python ml/all/models/rents/train.py" in (folder / "README.md").read_text()


def test_where_no_folder_can_be_made_it_says_why(run: Run, project: Path) -> None:
    (project / "models").rename(project / "elsewhere")
    (project / "models").write_text("a file")

    code, _, said = run("new", "rents")

    assert code == 2
    assert said == ["mergemaker: models/rents can't be made: Not a directory"]


def test_outside_of_a_project_nothing_is_made(run: Run, project: Path) -> None:
    (project / "mergemaker.toml").unlink()

    code, _, said = run("new", "rents")

    assert code == 2
    assert said == ["mergemaker: no mergemaker.toml here: run this at the root of the project"]
    assert not (project / "models/rents").exists()


def test_an_unknown_template_is_answered_with_the_known_ones(run: Run) -> None:
    code, _, said = run("new", "rents", "--template", "tensorflow")

    assert code == 2
    assert "sklearn" in said[-1]
    assert "custom" in said[-1]
