"""The example models train from prepared data, the same way twice, and serve what they learned."""

import io
import json
import re
import runpy
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest

from mergemaker.domain.model import ModelSpec
from mergemaker.domain.model_toml import parse_model
from serving.app import create_app
from training.inference_code import copy_code

MODELS = Path(__file__).parents[2] / "models"
EXAMPLES = ("diabetes", "breast-cancer")
TARGETS = {"diabetes": "progression", "breast-cancer": "malignant"}

BOUNDS = {
    "diabetes": {"rmse": (48, 60), "mae": (38, 50), "r2": (0.35, 0.6)},
    "breast-cancer": {"roc_auc": (0.98, 1), "accuracy": (0.95, 1), "f1": (0.94, 1), "log_loss": (0.01, 0.15)},
}
"""What a working model reaches; the mean alone has an rmse of 77, and 63 in 100 tumours are benign."""


@dataclass(frozen=True)
class Trained:
    """A model's spec, its data, and what training left."""

    name: str
    spec: ModelSpec
    data: pd.DataFrame
    model_dir: Path
    output_dir: Path
    printed: str

    @property
    def features(self) -> pd.DataFrame:
        return self.data.drop(columns=TARGETS[self.name])

    @property
    def metrics(self) -> dict[str, float]:
        content: dict[str, float] = json.loads((self.output_dir / "metrics.json").read_text())
        return content


def spec_of(name: str) -> ModelSpec:
    return parse_model(name, (MODELS / name / "model.toml").read_text())


def run_script(path: Path, *arguments: str) -> str:
    """As a program; returns what it prints."""
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as printed:
        patch.setattr(sys, "argv", [str(path), *arguments])
        runpy.run_path(str(path), run_name="__main__")
    return printed.getvalue()


def train(name: str, folder: Path, channel: Path) -> Trained:
    """With model.toml's hyperparameters, spelled as sagemaker-training spells them."""
    spec = spec_of(name)
    model_dir, output_dir = folder / "model", folder / "output"
    model_dir.mkdir(parents=True)
    output_dir.mkdir()
    arguments = [text for key, value in spec.hyperparameters.items() for text in (f"--{key}", str(value))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SM_CHANNEL_TRAINING", str(channel))
        patch.setenv("SM_MODEL_DIR", str(model_dir))
        patch.setenv("SM_OUTPUT_DATA_DIR", str(output_dir))
        printed = run_script(MODELS / name / (spec.script or ""), *arguments)
    copy_code(MODELS / name, model_dir / "code")
    data = pd.read_csv(channel / "train.csv")
    return Trained(name=name, spec=spec, data=data, model_dir=model_dir, output_dir=output_dir, printed=printed)


@pytest.fixture(scope="module", params=EXAMPLES)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    name: str = request.param
    folder = tmp_path_factory.mktemp(name)
    run_script(MODELS / name / "prepare_data.py", str(folder / "data"))
    return train(name, folder, folder / "data")


def test_metrics_are_those_of_model_toml_and_within_bounds(trained: Trained) -> None:
    assert list(trained.metrics) == [metric.name for metric in trained.spec.metrics]
    for name, (low, high) in BOUNDS[trained.name].items():
        assert low <= trained.metrics[name] <= high


def test_each_regex_finds_its_metric_in_the_log(trained: Trained) -> None:
    for metric in trained.spec.metrics:
        assert metric.regex is not None
        (found,) = re.findall(metric.regex, trained.printed)
        assert float(found) == pytest.approx(trained.metrics[metric.name], abs=1e-4)


def test_a_second_run_gives_the_same_numbers_to_the_last_digit(trained: Trained, tmp_path: Path) -> None:
    again = train(trained.name, tmp_path, trained.output_dir.parent / "data")

    assert again.metrics == trained.metrics


def test_training_reads_the_channel_and_nothing_else(trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    trained.data.head(200).to_csv(tmp_path / "data" / "train.csv", index=False)

    assert train(trained.name, tmp_path, tmp_path / "data").metrics != trained.metrics


def predict(trained: Trained) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    model = joblib.load(trained.model_dir / "model.joblib")
    answer: np.ndarray[tuple[int], np.dtype[np.float64]] = (
        model.predict_proba(trained.features)[:, 1]
        if trained.name == "breast-cancer"
        else model.predict(trained.features)
    )
    return answer


@pytest.mark.parametrize(
    "written",
    [
        lambda rows: ("text/csv", rows.to_csv(index=False)),
        lambda rows: ("text/csv", rows.to_csv(index=False, header=False)),
        lambda rows: ("application/json", json.dumps({"instances": rows.to_numpy().tolist()})),
    ],
    ids=["csv", "csv without header", "json"],
)
def test_the_artifact_serves_what_the_model_predicts(
    trained: Trained, written: Callable[[pd.DataFrame], tuple[str, str]]
) -> None:
    content_type, body = written(trained.features)

    response = create_app(trained.model_dir).test_client().post("/invocations", data=body, content_type=content_type)

    assert response.json is not None
    np.testing.assert_allclose(response.json["predictions"], predict(trained), rtol=1e-9)


def test_a_wrong_number_of_columns_is_told_with_their_names(trained: Trained) -> None:
    response = create_app(trained.model_dir).test_client().post("/invocations", json=[[1, 2]])

    assert response.status_code == 400
    assert response.json == {
        "error": "the rows have 2 columns",
        "expected": f"{trained.features.shape[1]} columns: {', '.join(trained.features.columns)}",
    }


def test_requirements_are_pinned_to_the_versions_tested_here(trained: Trained) -> None:
    from importlib.metadata import version

    for line in (MODELS / trained.name / "requirements.txt").read_text().split():
        package, _, pinned = line.partition("==")
        assert pinned == version(package)
