"""AWS's JSON 1.1 protocol after botocore's service model: what a client sends is checked, what goes back is shaped.

botocore's own ParamValidator checks types, required members and minima; patterns, enums and maxima stand in the
model too, and `_constraints` checks those with AWS's own words.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.validate import ParamValidator

from local.aws.errors import AwsError, invalid

# Java's spellings, as near as Python's `re` comes to them.
_JAVA = {
    r"\p{L}": r"\w",
    r"\p{N}": r"\d",
    r"\p{Z}": r"\s",
    r"\p{M}": r"\x80-\U0010ffff",
    r"\p{S}": r"$+<=>^`|~\x80-\U0010ffff",
    r"\p{P}": r"!-/:-@\[-_{}",
    r"\p{Alnum}": "a-zA-Z0-9",
    r"\uD800\uDC00-\uDBFF\uDFFF": r"\U00010000-\U0010ffff",
    "${1,": "(?:$){1,",
}


@cache
def service_model(service: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


def parse(operation: OperationModel, body: bytes) -> dict[str, Any]:
    """The request's parameters. Raises AwsError."""
    try:
        sent = json.loads(body or b"{}")
    except ValueError:
        raise AwsError("SerializationException", "the body is not JSON") from None
    shape = operation.input_shape
    if not isinstance(sent, dict) or not isinstance(shape, StructureShape):
        raise AwsError("SerializationException", "the body must be a JSON object")
    params: dict[str, Any] = _from_wire(shape, sent)
    report = ParamValidator().validate(params, shape)
    if report.has_errors():
        raise invalid(report.generate_report().replace("\n", "; "))
    faults = list(_constraints(shape, params, ""))
    if faults:
        plural = "s" if len(faults) > 1 else ""
        raise invalid(f"{len(faults)} validation error{plural} detected: {'; '.join(faults)}")
    return params


def render(operation: OperationModel, value: Mapping[str, Any]) -> bytes:
    """The answer's body: members that the model does not know are left out."""
    shape = operation.output_shape
    return b"" if shape is None else json.dumps(_to_wire(shape, value)).encode()


def _from_wire(shape: Shape, value: Any) -> Any:
    """Times become datetimes, which ParamValidator wants; all else stays as it came, null members left out."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        members = shape.members
        return {k: _from_wire(members[k], v) if k in members else v for k, v in value.items() if v is not None}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_from_wire(shape.member, v) for v in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {k: _from_wire(shape.value, v) for k, v in value.items()}
    if shape.type_name == "timestamp" and isinstance(value, int | float):
        try:
            return datetime.fromtimestamp(value, UTC)
        except (OverflowError, OSError, ValueError):
            raise AwsError("SerializationException", f"{value} is no time") from None
    return value


def _to_wire(shape: Shape, value: Any) -> Any:
    if isinstance(shape, StructureShape):
        return {k: _to_wire(m, value[k]) for k, m in shape.members.items() if value.get(k) is not None}
    if isinstance(shape, ListShape):
        return [_to_wire(shape.member, v) for v in value]
    if isinstance(shape, MapShape):
        return {k: _to_wire(shape.value, v) for k, v in value.items()}
    return value.timestamp() if isinstance(value, datetime) else value


def _constraints(shape: Shape, value: Any, at: str) -> Iterator[str]:
    if isinstance(shape, StructureShape):
        for name, member in value.items():
            yield from _constraints(shape.members[name], member, f"{at}.{name[0].lower()}{name[1:]}".lstrip("."))
        return
    yield from _faults(shape, value, at)
    if isinstance(shape, ListShape):
        for number, member in enumerate(value, 1):
            yield from _constraints(shape.member, member, f"{at}.{number}.member")
    if isinstance(shape, MapShape):
        for key, member in value.items():
            yield from _constraints(shape.key, key, f"{at}.key")
            yield from _constraints(shape.value, member, f"{at}.{key}.member")


def _faults(shape: Shape, value: Any, at: str) -> Iterator[str]:
    bounds: Mapping[str, Any] = shape.metadata
    start = f"Value '{_shown(value)}' at '{at}' failed to satisfy constraint: "
    most = bounds.get("max")
    if most is not None and isinstance(value, str | list | dict) and len(value) > most:
        yield f"{start}Member must have length less than or equal to {most}"
    if most is not None and isinstance(value, int | float) and value > most:
        yield f"{start}Member must have value less than or equal to {most}"
    if (allowed := bounds.get("enum")) and value not in allowed:
        yield f"{start}Member must satisfy enum value set: [{', '.join(allowed)}]"
    if (wanted := bounds.get("pattern")) and isinstance(value, str) and not pattern(wanted).fullmatch(value):
        yield f"{start}Member must satisfy regular expression pattern: {wanted}"


@cache
def pattern(text: str) -> re.Pattern[str]:
    """A pattern of the model, which is Java's. Raises re.error where Python has nothing like it."""
    for java, python in _JAVA.items():
        text = text.replace(java, python)
    return re.compile(text)


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 300 else f"{text[:300]}..."
