"""Reading TOML that people wrote: every fault at once, each with its file, line and key."""

import re
import tomllib
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from mergemaker.domain.errors import UsageError

Check = Callable[[str], str | None]


class Table:
    """A TOML file under reading. Readers note faults and go on; `done` raises them all.

    A reader that finds a fault returns an empty value of its type, which is never seen: `done` raises first.
    """

    def __init__(self, content: dict[str, Any], text: str, file: str) -> None:
        self._content, self._text, self._file = content, text, file
        self._faults: list[str] = []
        self._faulty: set[str] = set()
        self._known: set[str] = set()

    @classmethod
    def parse(cls, text: str, file: str) -> "Table":
        """Raises UsageError where the text is no TOML."""
        try:
            return cls(tomllib.loads(text), text, file)
        except tomllib.TOMLDecodeError as error:
            raise UsageError(f"{file}: not valid TOML: {error}") from None
        except RecursionError:
            raise UsageError(f"{file}: not valid TOML: nested too deeply") from None

    def string(self, key: str, *, default: str | None = None, check: Check | None = None) -> str:
        value = self._get(key, default)
        if value is None:
            return ""
        if not isinstance(value, str) or not (value or value == default):
            self.fault(key, f"must be a string, not {_shown(value)}")
            return ""
        if check and value != default and (fault := check(value)):
            self.fault(key, fault)
        return value

    def strings(self, key: str, *, check: Check) -> tuple[str, ...]:
        """A list of texts, each checked; none if the key isn't there."""
        value = self._get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            self.fault(key, f"must be a list of strings, not {_shown(value)}")
            return ()
        for one in value:
            if fault := check(one):
                self.fault(key, fault)
        return tuple(value)

    def boolean(self, key: str, *, default: bool) -> bool:
        value = self._get(key, default)
        if not isinstance(value, bool):
            self.fault(key, f"must be true or false, not {_shown(value)}")
            return default
        return value

    def integer(self, key: str, *, default: int | None = None, least: int = 0, most: int | None = None) -> int:
        value = self._get(key, default)
        if value is None:
            return least
        if isinstance(value, bool) or not isinstance(value, int):
            self.fault(key, f"must be a whole number, not {_shown(value)}")
            return least
        if value < least:
            self.fault(key, f"must be at least {least}, not {value}")
        if most is not None and value > most:
            self.fault(key, f"must be at most {most}, not {value}")
        return value

    def number(self, key: str, *, most: float) -> float | None:
        """Above 0; None if the key isn't there."""
        self._known.add(key)
        value = self._find(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            self.fault(key, f"must be a number, not {_shown(value)}")
            return None
        if value is not None and not 0 < value <= most:
            self.fault(key, f"must be above 0 and at most {most:,}, not {value}")
        return None if value is None else float(value)

    def has(self, key: str) -> bool:
        return self._find(key) is not None

    def values(self, key: str) -> dict[str, Any]:
        """A table of free keys; their values are the caller's to check."""
        self._known.add(key)
        value = self._find(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.fault(key, f"must be a table, not {_shown(value)}")
            return {}
        self._known.update(f"{key}.{name}" for name in value)
        return value

    def tables(self, key: str) -> list[str]:
        """Names of the tables under `key`, in the file's order."""
        self._known.add(key)
        value = self._find(key)
        if value is None:
            return []
        if not isinstance(value, dict) or not all(isinstance(v, dict) for v in value.values()):
            self.fault(key, f"must hold tables, such as [{key}.name]")
            self._known.update(_paths(value, key) if isinstance(value, dict) else [])
            return []
        return list(value)

    def fault(self, key: str, reason: str) -> None:
        self._faulty.add(key)
        self._faults.append(f"{self._file}:{self._line(key)}: {key}: {reason}")

    def faulty(self, table: str) -> bool:
        """Whether a key of the table is wrong already, so that what they say together can't be judged."""
        return any(key.startswith(f"{table}.") for key in self._faulty)

    @property
    def known(self) -> frozenset[str]:
        """Keys that were asked for, whether they are there or not."""
        return frozenset(self._known)

    def done(self) -> None:
        """Raises UsageError if anything was wrong, keys that nothing reads included."""
        others = [key for key in _paths(self._content) if key not in self._known]
        unknown = [key for key in others if not any(self._covers(known, key) for known in self._known)]
        for key in dict.fromkeys(self._unknown_part(key) for key in unknown):
            if any(known.startswith(f"{key}.") for known in self._known):
                self.fault(key, f"must be a table, such as [{key}]")
                continue
            close = get_close_matches(key, self._tables() if isinstance(self._find(key), dict) else self._known, n=1)
            self.fault(key, f"no such setting; did you mean {close[0]}?" if close else "no such setting")
        if self._faults:
            raise UsageError("\n".join(self._faults))

    def _tables(self) -> set[str]:
        return {key.rpartition(".")[0] for key in self._known if "." in key}

    def _unknown_part(self, key: str) -> str:
        """The whole table, where nothing in it is known."""
        first = key.partition(".")[0]
        known = any(one == first or one.startswith(f"{first}.") for one in self._known)
        return key if known else first

    def _get(self, key: str, default: object) -> Any:
        self._known.add(key)
        value = self._find(key)
        if value is None and default is None:
            self.fault(key, "is missing")
        return default if value is None else value

    def _find(self, key: str) -> Any:
        return _descend(self._content, key)

    def _covers(self, known: str, key: str) -> bool:
        """Whether reading `known` has read `key` too, or reads from it, where it is a table that is empty."""
        inside = key.startswith(f"{known}.") and not isinstance(self._find(known), dict)
        return key == known or inside or (known.startswith(f"{key}.") and self._find(key) == {})

    def _line(self, key: str) -> int:
        """The line where the key stands, or its table, or 1: tomllib keeps no positions."""
        lines = self._text.splitlines()
        table, _, last = key.rpartition(".")
        inside = not table
        best = 1
        for number, line in enumerate(lines, 1):
            if header := re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line):
                inside = header[1].replace('"', "") == table
                if header[1].replace('"', "") in (key, table):
                    best = number
            elif inside and re.match(rf"""\s*["']?{re.escape(last)}["']?\s*[=.]""", line):
                return number
        return best


def _descend(content: object, key: str) -> Any:
    """The value at a dotted path. The names on it may hold dots themselves: ``[metrics."validation.rmse"]``."""
    if not isinstance(content, Mapping):
        return None
    if key in content:
        return content[key]
    inner = (_descend(value, key[len(name) + 1 :]) for name, value in content.items() if key.startswith(f"{name}."))
    return next((found for found in inner if found is not None), None)


def _paths(content: Mapping[str, Any], under: str = "") -> list[str]:
    """Dotted paths of all leaves."""
    found: list[str] = []
    for name, value in content.items():
        path = f"{under}.{name}" if under else name
        found += _paths(value, path) if isinstance(value, dict) and value else [path]
    return found


def _shown(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
