"""Predictions as response bodies."""

import csv
import io
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from serving.errors import NotAcceptable
from serving.media import CSV, JSON, NPY


def encode(prediction: object, media: str) -> bytes:
    """`prediction` may be an array, a list, a number or, for JSON only, an object that is sent as it is.

    JSON: {"predictions": [...]}, with null where a float is not finite, which JSON cannot say. CSV: a line a row.
    npy: as numpy.save writes it. Raises NotAcceptable where the type cannot hold such a prediction.
    """
    return _WRITERS[media](prediction)


def json_bytes(content: object) -> bytes:
    """Compact JSON; numpy's and pandas' values are written as Python's."""
    try:
        return _dumps(content)
    except ValueError:
        return _dumps(_without_nan(content))


def _write_json(prediction: object) -> bytes:
    if isinstance(prediction, dict):
        return json_bytes(prediction)
    return json_bytes({"predictions": prediction if isinstance(prediction, list | tuple) else _listed(prediction)})


def _listed(prediction: object) -> object:
    return np.atleast_1d(np.asarray(prediction)).tolist()


def _write_csv(prediction: object) -> bytes:
    table = _array(prediction, CSV)
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(table.reshape(len(table), -1).tolist())
    return stream.getvalue().encode()


def _write_npy(prediction: object) -> bytes:
    stream = io.BytesIO()
    np.save(stream, _array(prediction, NPY), allow_pickle=False)
    return stream.getvalue()


def _array(prediction: object, media: str) -> np.ndarray[Any, Any]:
    try:
        array = np.atleast_1d(np.asarray(prediction))
        if array.dtype == object:  # labels of pandas and of scikit-learn are str in an array of objects
            array = np.array(array.tolist())
    except ValueError:  # rows of different lengths
        array = np.array(None)
    if array.dtype == object or (array.ndim > 2 and media == CSV):
        raise NotAcceptable(f"the prediction has no form in {media}", f"Accept: {JSON}")
    return array


def _dumps(content: object) -> bytes:
    return json.dumps(content, default=_plain, allow_nan=False, separators=(",", ":"), ensure_ascii=False).encode()


def _plain(value: Any) -> object:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _without_nan(content: object) -> object:
    if isinstance(content, dict):
        return {key: _without_nan(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_without_nan(value) for value in content]
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    return _without_nan(content.tolist()) if hasattr(content, "tolist") else content


_WRITERS: dict[str, Callable[[object], bytes]] = {JSON: _write_json, CSV: _write_csv, NPY: _write_npy}
