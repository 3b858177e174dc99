"""Records in SQLite: a dataclass is a table, a field a column.

One connection and one lock: the stand-in serves a laptop, and what changes together must be seen together.
"""

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar, get_origin, get_type_hints

from local.gitlab.records import KINDS


class Record(Protocol):
    """A dataclass with an id."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def id(self) -> int: ...


T = TypeVar("T", bound=Record)
Where = dict[str, Any]
"""Fields that must equal these values."""


class Store:
    def __init__(self, file: Path) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._db = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        for kind in KINDS:
            self._db.execute(_create(kind))
            for column in {"project", "merge_request", "pipeline"} & {f.name for f in fields(kind)}:
                name = f"{kind.__name__}_{column}"
                self._db.execute(f'CREATE INDEX IF NOT EXISTS "{name}" ON "{kind.__name__}" ("{column}")')

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and nobody in between. May be nested: the outermost decides."""
        with self._lock:
            if self._depth == 0:
                self._db.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._end("ROLLBACK")
                raise
            self._end("COMMIT")

    def _end(self, how: str) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._db.execute(how)

    def add(self, row: T) -> T:
        """Keeps `row` under a new id, whatever id it has."""
        values = {name: value for name, value in _encode(row).items() if name != "id"}
        columns, marks = ", ".join(f'"{name}"' for name in values), ", ".join("?" * len(values))
        sql = f'INSERT INTO "{type(row).__name__}" ({columns}) VALUES ({marks})'  # noqa: S608 - names of our fields
        with self._lock:
            done = self._db.execute(sql, tuple(values.values()))
            return replace(row, id=done.lastrowid)

    def change(self, row: T, **changes: object) -> T:
        """`row` with `changes`, kept."""
        changed = replace(row, **changes)
        encoded = _encode(changed)
        sets = ", ".join(f'"{name}" = ?' for name in changes)
        sql = f'UPDATE "{type(row).__name__}" SET {sets} WHERE id = ?'  # noqa: S608 - names of our fields
        with self._lock:
            self._db.execute(sql, (*(encoded[name] for name in changes), row.id))
        return changed

    def remove(self, row: Record) -> None:
        with self._lock:
            self._db.execute(f'DELETE FROM "{type(row).__name__}" WHERE id = ?', (row.id,))  # noqa: S608

    def get(self, kind: type[T], id_: int) -> T:
        """Raises LookupError where there is none."""
        found = self.first(kind, id=id_)
        if found is None:
            raise LookupError(f"no {kind.__name__} {id_}")
        return found

    def first(self, kind: type[T], /, *, newest: bool = False, **where: Any) -> T | None:
        rows = self._select(kind, where, f"ORDER BY id {'DESC' if newest else 'ASC'} LIMIT 1")
        return rows[0] if rows else None

    def all(self, kind: type[T], /, *, newest: bool = False, **where: Any) -> list[T]:
        """Those whose fields equal `where`, in the order of their ids."""
        return self._select(kind, where, f"ORDER BY id {'DESC' if newest else 'ASC'}")

    def next_iid(self, kind: type[Record], project: int) -> int:
        """The next number within the project."""
        sql = f'SELECT COALESCE(MAX(iid), 0) + 1 FROM "{kind.__name__}" WHERE project = ?'  # noqa: S608
        with self._lock:
            return int(self._db.execute(sql, (project,)).fetchone()[0])

    def _select(self, kind: type[T], where: Where, tail: str) -> list[T]:
        unknown = where.keys() - _hints(kind).keys()
        if unknown:
            raise TypeError(f"{kind.__name__} has no {', '.join(sorted(unknown))}")
        condition = " AND ".join(f'"{name}" IS ?' for name in where) or "TRUE"
        sql = f'SELECT * FROM "{kind.__name__}" WHERE {condition} {tail}'  # noqa: S608 - names of our fields
        with self._lock:
            rows = self._db.execute(sql, tuple(where.values())).fetchall()
        return [_decode(kind, row) for row in rows]


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _create(kind: type) -> str:
    columns = ", ".join(
        '"id" INTEGER PRIMARY KEY AUTOINCREMENT' if f.name == "id" else f'"{f.name}" {_affinity(_hints(kind)[f.name])}'
        for f in fields(kind)
    )
    return f'CREATE TABLE IF NOT EXISTS "{kind.__name__}" ({columns})'


def _affinity(hint: Any) -> str:
    if hint in (int, bool, int | None):
        return "INTEGER"
    return "REAL" if hint == float | None else "TEXT"


def _encode(row: Record) -> dict[str, Any]:
    values = {f.name: getattr(row, f.name) for f in fields(row)}
    return {name: json.dumps(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _decode(kind: type[T], row: Sequence[Any]) -> T:
    hints = _hints(kind)
    return kind(**{f.name: _value(hints[f.name], value) for f, value in zip(fields(kind), row, strict=True)})


def _value(hint: Any, value: Any) -> Any:
    if hint is bool:
        return bool(value)
    return tuple(json.loads(value)) if get_origin(hint) is tuple else value
