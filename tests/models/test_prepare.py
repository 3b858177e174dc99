"""prepare.py makes channels that training can rely on, out of data as it comes."""

import os
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from local.aws.sagemaker.opt_ml import as_opt_ml, has_own_mounts, in_folder
from mergemaker.adapters.folder import read_folder
from mergemaker.cli import _parser
from mergemaker.domain.model import ModelSpec
from mergemaker.domain.model_toml import parse_model
from mergemaker.domain.preparation import CODE, INPUT, work_of
from mergemaker.steps.push import push
from mergemaker.steps.snapshot import find_data
from tests.fakes.files import FakeFiles
from tests.fakes.made import digest
from tests.fakes.tracking import FakeTracking
from tests.fakes.world import NAMES
from tests.models.conftest import ROOT, Worker

MODELS = ROOT / "models"
EXAMPLES = ("abalone", "churn")


@pytest.fixture(scope="module", params=EXAMPLES)
def folder(request: pytest.FixtureRequest, at_work: Worker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Named after the model: its raw data, and the channels beside it."""
    model = MODELS / str(request.param)
    folder: Path = tmp_path_factory.mktemp("prepared") / model.name
    at_work.run(model / "prepare_data.py", folder)
    at_work.run(model / "prepare.py", "--input", folder, "--output", folder)
    return folder


@pytest.fixture(scope="module")
def at_work(worker: Callable[[Path], Worker]) -> Worker:
    """Preparing needs pandas and scikit-learn, which are in any environment of an example."""
    return worker(MODELS / "diabetes" / "requirements.txt")


def channel(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / name / f"{name}.csv")


def spec_of(name: str) -> ModelSpec:
    return parse_model(name, (MODELS / name / "model.toml").read_text())


def raw(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / f"{folder.name}.csv")


def test_it_makes_the_channels_of_model_toml(folder: Path) -> None:
    spec = spec_of(folder.name)

    assert spec.prepare is not None
    assert spec.prepare.script == "prepare.py"
    assert {path.parent.name for path in folder.glob("*/*.csv")} == set(spec.channels)


def test_every_cell_is_a_number(folder: Path) -> None:
    for name in ("train", "validation"):
        rows = channel(folder, name)
        assert all(kind.kind in "if" for kind in rows.dtypes)
        assert not rows.isna().any(axis=None)


def test_no_row_is_in_both_channels_and_none_gets_lost(folder: Path) -> None:
    train, validation = channel(folder, "train"), channel(folder, "validation")

    assert train.merge(validation, how="inner").empty
    sound = len(raw(folder)) - (10 if folder.name == "abalone" else 0)
    assert len(train) + len(validation) == sound


def test_the_validation_share_and_the_seed_are_arguments(folder: Path, at_work: Worker, tmp_path: Path) -> None:
    script = MODELS / folder.name / "prepare.py"
    words = ["--input", folder, "--output", tmp_path, "--validation_share", "0.1", "--seed", "8"]

    at_work.run(script, *words)

    whole = len(channel(tmp_path, "train")) + len(channel(tmp_path, "validation"))
    assert len(channel(tmp_path, "validation")) == pytest.approx(0.1 * whole, abs=1)


def test_what_nobody_measured_is_left_out(at_work: Worker, tmp_path: Path) -> None:
    at_work.run(MODELS / "abalone" / "prepare_data.py", tmp_path, "--rows", "60")
    rows = raw_with_holes(tmp_path / "abalone.csv")

    at_work.run(MODELS / "abalone" / "prepare.py", "--input", tmp_path, "--output", tmp_path)

    kept = pd.concat([channel(tmp_path, "train"), channel(tmp_path, "validation")])
    assert len(kept) == len(rows) - 3
    assert (kept["height"] > 0).all()


def raw_with_holes(file: Path) -> pd.DataFrame:
    """One row without a height, one with an unknown sex, one with an empty cell."""
    rows = pd.read_csv(file)
    rows = rows[rows["height"] > 0].reset_index(drop=True)
    rows.loc[0, "height"] = 0
    rows.loc[1, "sex"] = "X"
    rows.loc[2, "length"] = None
    rows.to_csv(file, index=False)
    return rows


def test_what_names_a_customer_or_says_a_thing_twice_is_left_out(at_work: Worker, tmp_path: Path) -> None:
    at_work.run(MODELS / "churn" / "prepare_data.py", tmp_path, "--rows", "200")
    at_work.run(MODELS / "churn" / "prepare.py", "--input", tmp_path, "--output", tmp_path)

    left_out = set(pd.read_csv(tmp_path / "churn.csv")) - set(channel(tmp_path, "train"))
    assert left_out == {"state", "area_code", "phone", "day_charge", "eve_charge", "night_charge", "intl_charge"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_readmes_commands_fill_the_input_and_train(
    name: str, worker: Callable[[Path], Worker], tmp_path: Path
) -> None:
    model, files = MODELS / name, FakeFiles()
    for block in re.findall(r"```sh\n(.*?)```", (model / "README.md").read_text(), re.DOTALL):
        for line in block.splitlines():
            command, *words = shlex.split(line)
            if command == "python":
                worker(model / "requirements.txt").run(ROOT / words[0], *words[1:], folder=tmp_path)
            elif command == "mkdir":
                (tmp_path / words[-1]).mkdir(parents=True)
            else:
                asked = _parser().parse_args(words)
                push(asked.model, tmp_path / asked.path, files=files, told=lambda _: None)

    data = find_data(spec_of(name), files=files, names=NAMES, tracking=FakeTracking())
    assert [one.path for one in data] == [f"data/{name}.csv"]
    assert (tmp_path / ".local" / "models" / name / "metrics.json").exists()


@pytest.mark.parametrize("name", EXAMPLES)
def test_without_its_file_it_says_which_one(at_work: Worker, tmp_path: Path, name: str) -> None:
    answer = at_work.tried(MODELS / name / "prepare.py", "--input", tmp_path)

    assert answer["failed"] == (
        f"there is no {tmp_path / name}.csv: put {'an' if name == 'abalone' else 'a'} {name}.csv into the model's input"
    )


@pytest.mark.parametrize("name", EXAMPLES)
def test_its_defaults_are_the_folders_of_a_processing_job(at_work: Worker, name: str) -> None:
    answer = at_work.tried(MODELS / name / "prepare.py")

    assert str(answer["failed"]).startswith(f"there is no {INPUT / 'data' / name}.csv")


@pytest.mark.skipif(not has_own_mounts(), reason="needs mounts of its own: the job's folders are below /opt/ml")
@pytest.mark.parametrize("name", EXAMPLES)
def test_what_the_processing_job_runs_makes_the_channels(name: str, at_work: Worker, tmp_path: Path) -> None:
    """The very command and bundle that submit gives it, in the job's own folders, with nothing else of the model."""
    folder = read_folder(ROOT, name)
    made_of = folder.preparation(data=digest("data"))
    assert made_of is not None
    assert folder.prepare_code is not None
    work = work_of(f"{name}-prepare", made_of, image="", names=NAMES)
    places = {one: in_folder(tmp_path, place) for one, (_, place) in {**work.inputs, **work.outputs}.items()}
    for place in places.values():
        place.mkdir(parents=True)
    (places[CODE] / f"{made_of.code}.tar.gz").write_bytes(folder.prepare_code.archive())
    at_work.run(MODELS / name / "prepare_data.py", places["data"], "--rows", "200")

    path = f"{at_work.python.parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        as_opt_ml(tmp_path, work.command), check=True, env={"PATH": path, "TMPDIR": str(tmp_path)}, timeout=60
    )

    assert {one: [file.name for file in places[one].iterdir()] for one in work.outputs} == {
        "train": ["train.csv"],
        "validation": ["validation.csv"],
    }
