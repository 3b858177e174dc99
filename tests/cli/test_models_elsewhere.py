"""A repository that keeps its models elsewhere than in models/: every command finds them there, and only there."""

from pathlib import Path

import pytest

from tests.cli.conftest import Run, git
from tests.cli.test_plan import commit
from tests.fakes.made import MODEL_TOML


@pytest.fixture
def elsewhere(project: Path) -> Path:
    """Its folder of models, with one that is called prices. In models/ is something else."""
    settings = project / "mergemaker.toml"
    settings.write_text(settings.read_text().replace("[project]", '[project]\nmodels = "ml/models"'))
    (project / "ml").mkdir()
    (project / "models").rename(project / "ml/models")
    (project / "models/old").mkdir(parents=True)
    (project / "models/old/model.toml").write_text(MODEL_TOML)
    return project / "ml/models"


def test_check_reads_those_and_names_their_files(run: Run, elsewhere: Path) -> None:
    assert run("check") == (0, ["mergemaker.toml and 1 models are fine: prices"], [])
    (elsewhere / "prices/model.toml").write_text("[train]\nspot = 1\n")
    assert run("check")[2] == [
        "mergemaker: ml/models/prices/model.toml:2: train.spot: must be true or false, not 1",
    ]


def test_plan_is_about_changes_there(run: Run, project: Path, elsewhere: Path) -> None:
    git(project, "init", "-q")
    commit(project)
    for changed in (project / "models/old/train.py", project / "models/prices", elsewhere / "prices/train.py"):
        changed.write_text("changed")
    commit(project)
    assert run("plan") == (0, ["prices"], [])


@pytest.mark.usefixtures("ci", "elsewhere")
@pytest.mark.parametrize(
    "words",
    [
        ("submit", "old"),
        ("release", "old", "--to", "staging"),
        ("image", "build", "old"),
        ("data", "push", "old", "."),
        ("data", "ls", "old"),
        ("data", "diff", "old"),
    ],
    ids=" ".join,
)
def test_what_is_not_there_is_no_model(run: Run, words: tuple[str, ...]) -> None:
    said = "mergemaker: no model 'old': there is no folder ml/models/old (models here: prices)"
    assert run(*words) == (2, [], [said])
