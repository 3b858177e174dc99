"""The variables by which AWS's images find the functions that serve."""

import pytest

from mergemaker.domain.serving import program, variables

REGISTRY = "763104351884.dkr.ecr.eu-west-1.amazonaws.com"
PYTORCH = f"{REGISTRY}/pytorch-inference:2.3.0-cpu-py311"
XGBOOST = f"{REGISTRY}/sagemaker-xgboost@sha256:{'1' * 64}"
CODE = "/opt/ml/additional-model-data-sources/code"


def test_functions_come_from_inference_py_and_else_from_the_training_script() -> None:
    assert program("src/train.py", ["src/train.py", "inference.py"]) == "inference.py"
    assert program("src/train.py", ["src/train.py", "src/inference.py"]) == "src/train.py"


@pytest.mark.parametrize(("file", "folder"), [("train.py", CODE), ("src/train.py", f"{CODE}/src")])
def test_a_program_is_named_as_a_module_in_the_folder_that_has_it(file: str, folder: str) -> None:
    assert variables(XGBOOST, file, region="eu-west-1") == {
        "SAGEMAKER_PROGRAM": "train.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": folder,
        "SAGEMAKER_REGION": "eu-west-1",
        "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
    }


@pytest.mark.parametrize("repository", ["pytorch-inference", "huggingface-pytorch-inference", "mxnet-inference"])
def test_images_that_take_no_folder_find_it_on_the_path(repository: str) -> None:
    image = PYTORCH.replace("pytorch-inference", repository)
    assert variables(image, "inference.py", region="eu-west-1")["PYTHONPATH"] == CODE
    assert variables(image, "src/train.py", region="eu-west-1")["PYTHONPATH"] == f"{CODE}/src:{CODE}"


@pytest.mark.parametrize("image", [XGBOOST, f"{REGISTRY}/sagemaker-scikit-learn:1.2-1", f"{REGISTRY}/shop:base-1"])
def test_a_path_that_an_image_may_have_of_its_own_stays(image: str) -> None:
    assert "PYTHONPATH" not in variables(image, "inference.py", region="eu-west-1")
