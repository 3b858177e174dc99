"""A request's parameters, from the address, a form or JSON, in Grape's way: one bag, coerced, refused by name."""

from datetime import UTC, datetime
from typing import Any

from flask import Request
from werkzeug.exceptions import BadRequest

from local.gitlab.api.answers import bad_parameter

_TRUE, _FALSE = ("true", "t", "1", "on", "yes"), ("false", "f", "0", "off", "no")


class Params:
    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    @classmethod
    def of(cls, request: Request) -> "Params":
        """Raises ApiError for JSON that is none."""
        values: dict[str, Any] = {}
        for source in (request.args, request.form):
            for name in source:
                plain = name.removesuffix("[]")
                values[plain] = source.getlist(name) if name.endswith("[]") else source[name]
        if request.is_json and request.get_data():
            try:
                body = request.get_json()
            except (BadRequest, RecursionError):
                raise bad_parameter("The provided content-type 'application/json' is not valid JSON.") from None
            if not isinstance(body, dict):
                raise bad_parameter("The provided parameters are invalid.")
            values |= body
        return cls(values)

    def has(self, name: str) -> bool:
        return name in self.values

    def require(self, *names: str) -> None:
        for name in names:
            if self.values.get(name) is None:
                raise bad_parameter(f"{name} is missing")

    def text(self, name: str) -> str | None:
        value = self.values.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise bad_parameter(f"{name} is invalid")
        text = str(value)
        if "\0" in text:
            raise bad_parameter(f"{name} is invalid")
        # A half of a surrogate pair can come in as JSON, and can't be kept as UTF-8.
        return text.encode("utf-8", "replace").decode()

    def need(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise bad_parameter(f"{name} is missing")
        return value

    def time(self, name: str) -> str | None:
        """In the form that records have."""
        value = self.text(name)
        if not value:
            return None
        try:
            given = datetime.fromisoformat(value)
            moment = given.replace(tzinfo=given.tzinfo or UTC).astimezone(UTC)
        except (ValueError, OverflowError):
            raise bad_parameter(f"{name} is invalid") from None
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def integer(self, name: str) -> int | None:
        value = self.values.get(name)
        if value is None or value == "":
            return None
        try:
            number = int(str(value)) if isinstance(value, bool) else int(value)
        except (TypeError, ValueError, OverflowError):
            raise bad_parameter(f"{name} is invalid") from None
        if abs(number) >= 2**63:
            raise bad_parameter(f"{name} is invalid")
        return number

    def number(self, name: str) -> float | None:
        value = self.values.get(name)
        if value is None or value == "":
            return None
        try:
            return float(value)
        except (TypeError, ValueError):
            raise bad_parameter(f"{name} is invalid") from None

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.values.get(name)
        if value is None or value == "":
            return default
        word = str(value).lower()
        if word not in _TRUE + _FALSE:
            raise bad_parameter(f"{name} is invalid")
        return word in _TRUE

    def one_of(self, name: str, allowed: tuple[str, ...], default: str | None = None) -> str | None:
        value = self.text(name)
        if value is None:
            return default
        if value not in allowed:
            raise bad_parameter(f"{name} does not have a valid value")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A list, or one string with commas."""
        value = self.values.get(name)
        if value is None:
            return ()
        if isinstance(value, str):
            value = value.split(",")
        if not isinstance(value, list) or not all(isinstance(one, str | int) for one in value):
            raise bad_parameter(f"{name} is invalid")
        return tuple(str(one).strip() for one in value if str(one).strip())

    def integers(self, name: str) -> tuple[int, ...]:
        try:
            return tuple(int(one) for one in self.texts(name))
        except ValueError:
            raise bad_parameter(f"{name} is invalid") from None
