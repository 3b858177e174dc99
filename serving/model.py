"""A loaded model, and how it answers one request."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from werkzeug import Response

from serving.decode import text_of
from serving.encode import json_bytes
from serving.errors import HookFailed, ServingError
from serving.hooks import Hook, Hooks, columns_fault, find_hooks
from serving.media import JSON, answer_type, hook_accept, is_text, media_type


@dataclass(frozen=True)
class Model:
    """What model_fn made, with the hooks that ask it."""

    hooks: Hooks
    loaded: object

    def answer(self, body: bytes, *, content_type: str, accept: str) -> Response:
        """Raises ServingError, HookFailed among them, for all that can go wrong."""
        media = media_type(content_type)
        wanted = hook_accept(accept) if self.hooks.writes_own_types else answer_type(accept)
        content = text_of(body) if is_text(media) else body
        if self.hooks.transform_fn:
            result = _run("transform_fn", self.hooks.transform_fn, self.loaded, content, content_type, wanted)
        else:
            data = _run("input_fn", self.hooks.input_fn, content, content_type)
            prediction = self._predict(data)
            result = _run("output_fn", self.hooks.output_fn, prediction, wanted)
        return _response(result, wanted)

    def _predict(self, data: Any) -> Any:
        """A predict_fn of the model's own may change the columns, so they can't be checked before it runs; but where
        scikit-learn or XGBoost refuses those that the client sent, it is the client's fault and not the hook's."""
        try:
            return _run("predict_fn", self.hooks.predict_fn, data, self.loaded)
        except HookFailed as failed:
            fault = columns_fault(data, self.loaded)
            said = str(failed.__cause__)
            if fault and (f"X has {data.shape[1]} features" in said or f"got {data.shape[1]}" in said):
                raise fault from None
            raise


def load_model(model_dir: Path) -> Model:
    """Loads what training left in `model_dir`. Raises whatever inference.py or the file's reader raises."""
    # Requests carry rows, not data frames, so a model that was fitted on a data frame would say so at every one.
    warnings.filterwarnings("ignore", message="X does not have valid feature names", category=UserWarning)
    hooks = find_hooks(model_dir / "code")
    return Model(hooks=hooks, loaded=hooks.model_fn(str(model_dir)))


def _run(name: str, hook: Hook, *arguments: object) -> Any:
    try:
        return hook(*arguments)
    except ServingError:
        raise
    except (Exception, SystemExit) as error:
        raise HookFailed(name, error) from error


def _response(result: object, accept: str) -> Response:
    """What output_fn may return: a body, (body, type), an object to be written as JSON, or a finished response."""
    if isinstance(result, Response):
        return result
    if isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], str):
        result, accept = result
    if isinstance(result, str | bytes):
        return Response(result, content_type=accept)
    return Response(_run("output_fn", json_bytes, result), content_type=JSON)
