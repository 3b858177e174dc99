"""`mergemaker image resolve` asks the SageMaker SDK, where there is one.

The SDK is 300 MB and not among the development requirements: here a module stands in for it that takes what version
2.27 of sagemaker-core takes, and answers and refuses as it did when it was tried.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Run

SDK = """
PLACES = {"training": "pytorch-training", "inference": "pytorch-inference"}


def retrieve(
    framework,
    region,
    version=None,
    py_version=None,
    instance_type=None,
    accelerator_type=None,
    image_scope=None,
    container_version=None,
    distribution=None,
    base_framework_version=None,
):
    if framework != "pytorch":
        raise FileNotFoundError(2, "No such file or directory", f"image_uri_config/{framework}.json")
    if version != "2.3":
        raise ValueError(f"Unsupported pytorch version: {version}.\\n You may need to upgrade your SDK version")
    kind = "gpu" if instance_type.startswith("ml.g") else "cpu"
    return f"763104351884.dkr.ecr.{region}.amazonaws.com/{PLACES[image_scope]}:{version}-{kind}-py311"
"""


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing that another test imported as the SDK is there, nor is anything left."""
    before = {name for name in sys.modules if name.split(".")[0] == "sagemaker"}
    for name in before:
        monkeypatch.delitem(sys.modules, name)
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "sagemaker"]:
        del sys.modules[name]


@pytest.fixture(params=["sagemaker/core/image_uris.py", "sagemaker/image_uris.py"], ids=["version 3", "version 2"])
def sdk(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "sdk" / request.param
    file.parent.mkdir(parents=True)
    (tmp_path / "sdk/sagemaker/__init__.py").touch()
    file.write_text(SDK)
    monkeypatch.syspath_prepend(tmp_path / "sdk")


@pytest.mark.usefixtures("sdk")
@pytest.mark.parametrize(
    ("options", "name"),
    [
        ([], "pytorch-training:2.3-cpu-py311"),
        (["--instance-type", "ml.g5.xlarge"], "pytorch-training:2.3-gpu-py311"),
        (["--scope", "inference"], "pytorch-inference:2.3-cpu-py311"),
    ],
)
def test_it_writes_the_address_for_the_projects_region(run: Run, options: list[str], name: str) -> None:
    address = f"763104351884.dkr.ecr.eu-west-1.amazonaws.com/{name}"
    assert run("image", "resolve", "pytorch:2.3", *options) == (0, [address], [])


@pytest.mark.usefixtures("sdk")
@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("caffe:1", "the SageMaker SDK knows no image 'caffe': is `NAME:VERSION` right, as in xgboost:1.7-1?"),
        ("pytorch:9", "pytorch:9: Unsupported pytorch version: 9. You may need to upgrade your SDK version"),
        ("pytorch", "'pytorch': write NAME:VERSION, such as xgboost:1.7-1"),
        ("../x:1", "'../x:1': write NAME:VERSION, such as xgboost:1.7-1"),
    ],
)  # fmt: skip
def test_what_the_sdk_does_not_know_is_one_line(run: Run, asked: str, said: str) -> None:
    assert run("image", "resolve", asked) == (2, [], [f"mergemaker: {said}"])


def test_without_the_sdk_it_says_what_to_install(run: Run) -> None:
    said = "mergemaker: the SageMaker SDK is not installed here: `pip install sagemaker-core`, then ask again"
    assert run("image", "resolve", "pytorch:2.3") == (2, [], [said])
