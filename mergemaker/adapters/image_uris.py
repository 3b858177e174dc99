"""Addresses of AWS's own images, as the SageMaker SDK knows them. It is large, so it is asked only here, where it is
installed."""

import logging
from collections.abc import Callable
from importlib import import_module

from mergemaker.domain.errors import UsageError

_PLACES = ("sagemaker.core.image_uris", "sagemaker.image_uris")
"""In version 3 of the SDK, and before."""
_HINT = "is `NAME:VERSION` right, as in xgboost:1.7-1?"


def address(asked: str, *, region: str, instance_type: str, scope: str) -> str:
    """The image `NAME:VERSION` for the region. `scope` is ``training`` or ``inference``.

    Raises UsageError, in one line: without the SDK, and for what it does not know.
    """
    name, _, version = asked.partition(":")
    if not name or not version or "/" in name:
        raise UsageError(f"{asked!r}: write NAME:VERSION, such as xgboost:1.7-1")
    retrieve = _retrieve()
    try:
        return str(
            retrieve(framework=name, version=version, region=region, instance_type=instance_type, image_scope=scope)
        )
    except FileNotFoundError:
        raise UsageError(f"the SageMaker SDK knows no image {name!r}: {_HINT}") from None
    except (ValueError, KeyError) as error:
        raise UsageError(f"{asked}: {' '.join(str(error).split())}") from None


def _retrieve() -> Callable[..., object]:
    # The SDK says on standard output what it assumes.
    logging.getLogger("sagemaker").setLevel(logging.ERROR)
    for place in _PLACES:
        try:
            found: Callable[..., object] = import_module(place).retrieve
        except ModuleNotFoundError as error:
            if not (error.name or "").startswith("sagemaker"):
                raise UsageError(f"the SageMaker SDK here is broken: {error}") from None
            continue
        return found
    raise UsageError("the SageMaker SDK is not installed here: `pip install sagemaker-core`, then ask again")
