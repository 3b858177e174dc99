"""A model small enough to know its answers: 100 a + 10 b + c."""

from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np
import pytest
from flask.testing import FlaskClient
from sklearn.linear_model import LinearRegression

from serving.app import create_app


@pytest.fixture
def model_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    model = LinearRegression().fit(np.eye(3), np.zeros(3))
    model.coef_, model.intercept_ = np.array([100.0, 10.0, 1.0]), 0.0
    joblib.dump(model, folder / "model.joblib")
    return folder


@pytest.fixture
def serve(model_dir: Path) -> Callable[..., FlaskClient]:
    """serve() for the model alone, serve("def predict_fn...") for one with an inference.py."""

    def start(inference: str | None = None) -> FlaskClient:
        if inference is not None:
            (model_dir / "code").mkdir()
            (model_dir / "code" / "inference.py").write_text(inference)
        return create_app(model_dir).test_client()

    return start


@pytest.fixture
def client(serve: Callable[..., FlaskClient]) -> FlaskClient:
    return serve()
