"""How somebody else's image serves what a run of it made.

Endpoints have no network, so a container can't fetch code: SageMaker puts the run's code bundle beside the model, as an
additional data source, and variables say where. What AWS's images do with them, as their sources have it:

- scikit-learn's and XGBoost's copy the folder that SAGEMAKER_SUBMIT_DIRECTORY names, and import SAGEMAKER_PROGRAM;
- PyTorch's, Hugging Face's and MXNet's import it from /opt/ml/model/code, and after that from PYTHONPATH;
- TensorFlow's takes nothing but /opt/ml/model/code/inference.py, which only the training script can put there.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

SERVE_IMAGE = "MERGEMAKER_SERVE_IMAGE"
"""Variable of a run's container that says which image serves, where it isn't the run's own: so it is part of what
decides the run, and is read of the job itself and not of its tags."""

CODE_CHANNEL = "code"
MOUNT = PurePosixPath("/opt/ml/additional-model-data-sources") / CODE_CHANNEL
"""Where SageMaker unpacks the additional data source of that name."""

HOOKS = "inference.py"
_IMPORTS_FROM_PATH = re.compile(r"/(huggingface-[a-z]+|pytorch|mxnet)-inference\b")
"""Repositories of images that do. Others may have a PYTHONPATH of their own, as XGBoost's, which must stay."""


@dataclass(frozen=True)
class Serving:
    """What an endpoint is made of besides the model."""

    image: str
    """By digest, where its registry said."""
    environment: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    """``s3://…`` address of the code bundle that is put beside the model; empty where none is."""


def program(script: str, files: Collection[str]) -> str:
    """Which of a bundle's files has the functions that serve: AWS's images take them from the training script, too."""
    return HOOKS if HOOKS in files else script


def variables(image: str, file: str, *, region: str) -> dict[str, str]:
    """For a container of `image` whose functions are in the bundle's `file`."""
    found = PurePosixPath(file)
    folder = MOUNT / found.parent
    places = [folder] if folder == MOUNT else [folder, MOUNT]
    said = {
        "SAGEMAKER_PROGRAM": found.name,
        "SAGEMAKER_SUBMIT_DIRECTORY": str(folder),
        "SAGEMAKER_REGION": region,
        "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
    }
    if _IMPORTS_FROM_PATH.search(image):
        said["PYTHONPATH"] = ":".join(map(str, places))
    return said
