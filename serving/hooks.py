"""SageMaker's hooks: what a model's inference.py may define, and what stands in for each that it does not.

Signatures are those of AWS's containers (sagemaker-inference-toolkit, sagemaker-scikit-learn-container):
model_fn(model_dir), input_fn(request_body, content_type), predict_fn(data, model), output_fn(prediction, accept),
and transform_fn(model, request_body, content_type, accept) in place of the last three. Request bodies of text/csv and
application/json come as str, all others as bytes.
"""

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from serving.decode import Array, decode
from serving.encode import encode
from serving.errors import Unreadable
from serving.media import media_type

Hook = Callable[..., Any]


@dataclass(frozen=True)
class Hooks:
    """The functions that make a prediction; `own` names those that come from inference.py."""

    model_fn: Hook
    input_fn: Hook
    predict_fn: Hook
    output_fn: Hook
    transform_fn: Hook | None
    own: frozenset[str]

    @property
    def writes_own_types(self) -> bool:
        """Whether the model's own code writes the answer, in whatever type."""
        return not self.own.isdisjoint({"output_fn", "transform_fn"})


def find_hooks(code: Path) -> Hooks:
    """The hooks in `code`/inference.py, if there is such a file. Raises what importing it raises, and ValueError for a
    transform_fn beside hooks that it would replace, as AWS's containers do."""
    module = _import(code)
    own = {name: getattr(module, name) for name in (*_DEFAULTS, "transform_fn") if hasattr(module, name)}
    if "transform_fn" in own and (idle := sorted(own.keys() & {"input_fn", "predict_fn", "output_fn"})):
        raise ValueError(f"inference.py defines transform_fn, which replaces {', '.join(idle)}: keep one kind")
    chosen = {**_DEFAULTS, "transform_fn": None, **own}
    return Hooks(own=frozenset(own), **chosen)


def _import(code: Path) -> ModuleType | None:
    """As the module `inference`. Its neighbours can be imported, by it and by what reads the model: a pickle names the
    modules of its classes."""
    if code.is_dir() and str(code) not in sys.path:
        sys.path.insert(0, str(code))
    file = code / "inference.py"
    if not file.is_file():
        return None
    spec = importlib.util.spec_from_file_location("inference", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules["inference"] = module
    spec.loader.exec_module(module)
    return module


# Defaults ----------------------------------------------------------------------------------


def _model_fn(model_dir: str) -> object:
    """The one joblib file of the artifact."""
    import joblib

    files = sorted(Path(model_dir).glob("*.joblib"))
    if len(files) != 1:
        found = ", ".join(file.name for file in files) or "none"
        raise FileNotFoundError(
            f"one *.joblib file is expected in the model's folder, found {found}: "
            "save one from train.py, or define model_fn in inference.py"
        )
    return joblib.load(files[0])


def _input_fn(request_body: str | bytes, content_type: str) -> Array:
    return decode(request_body, media_type(content_type))


def _predict_fn(data: Any, model: Any) -> object:
    if fault := columns_fault(data, model):
        raise fault
    return model.predict(data)


def columns_fault(data: Any, model: Any) -> Unreadable | None:
    """What to tell a client whose rows have more or fewer columns than a scikit-learn model was fitted on."""
    wanted = getattr(model, "n_features_in_", None)
    shape: tuple[int, ...] = getattr(data, "shape", ())
    if not isinstance(wanted, int) or len(shape) != 2 or shape[1] == wanted:
        return None
    return Unreadable(f"the rows have {shape[1]} columns", f"{wanted} columns{_names(model)}")


def _names(model: Any) -> str:
    """The columns' names, if the model was fitted on a data frame."""
    names = [str(name) for name in getattr(model, "feature_names_in_", ())]
    shown = ", ".join(names[:40])
    return f": {shown}{', …' if len(names) > 40 else ''}" if names else ""


def _output_fn(prediction: object, accept: str) -> tuple[bytes, str]:
    return encode(prediction, accept), accept


_DEFAULTS: dict[str, Hook] = {
    "model_fn": _model_fn,
    "input_fn": _input_fn,
    "predict_fn": _predict_fn,
    "output_fn": _output_fn,
}
