"""Request bodies as arrays: rows of finite numbers, or an Unreadable that says where they are not.

Stricter than AWS's own decoders, which turn an empty cell into NaN and a date into something else: here a cell that is
no number is named by row and column. A model that takes missing values or text reads them in its own input_fn.
"""

import csv
import io
import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from serving.errors import Unreadable, UnsupportedType
from serving.media import CSV, JSON, NPY

Array = NDArray[Any]

_ROWS = "rows of numbers, all of one length"
_CSV = f"{_ROWS}, with commas between them; a first line of names may lead"
_JSON = f'{_ROWS}: {{"instances": [[...], ...]}}, {{"inputs": [[...], ...]}} or the list alone'
_NPY = "a numpy array of numbers as numpy.save writes it, with one or two dimensions"


def decode(body: str | bytes, media: str) -> Array:
    """Rows by columns; one flat row becomes a table of one. Raises Unreadable, UnsupportedType."""
    reader = _READERS.get(media)
    if reader is None:
        raise UnsupportedType(
            f"cannot read {media[:100] or 'a body without a type'}", f"Content-Type: {', '.join(_READERS)}"
        )
    return reader(body)


def text_of(body: bytes) -> str:
    """Raises Unreadable for what is not UTF-8; a byte order mark is dropped, as spreadsheets write one."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"the body is not UTF-8 at byte {error.start}", "text in UTF-8") from None


# CSV ---------------------------------------------------------------------------------------


def _read_csv(body: str | bytes) -> Array:
    text = body if isinstance(body, str) else text_of(body)
    try:
        rows = list(csv.reader(io.StringIO(text.rstrip("\r\n"), newline=""), strict=True))
    except csv.Error as error:
        raise Unreadable(f"the body is not CSV: {error}", _CSV) from None
    names = rows.pop(0) if rows and _is_header(rows[0]) else []
    _check_shape(rows, _CSV)
    if names and len(names) != len(rows[0]):
        raise Unreadable(f"the first line names {_columns(len(names))}, row 1 has {len(rows[0])}", _CSV)
    try:
        table = np.array([[_number(cell) for cell in row] for row in rows])
    except ValueError:
        raise _first_fault(rows, names) from None
    return _finite(table, names)


def _is_header(cells: Sequence[str]) -> bool:
    """Names, if not one of them is a number: a row with some numbers is a row with faults."""
    return bool(cells) and not any(_is_number(cell) for cell in cells)


def _number(cell: str) -> float:
    """As float() reads it, less what only Python calls a number: 1_000, and digits of other scripts."""
    if "_" in cell or not cell.isascii():
        raise ValueError(cell)
    return float(cell)


def _is_number(cell: str) -> bool:
    try:
        _number(cell)
    except ValueError:
        return False
    return True


def _first_fault(rows: Sequence[Sequence[str]], names: Sequence[str]) -> Unreadable:
    row, column = next((r, c) for r, cells in enumerate(rows) for c, cell in enumerate(cells) if not _is_number(cell))
    return _not_a_number(row, column, value=rows[row][column], names=names)


# JSON --------------------------------------------------------------------------------------


def _read_json(body: str | bytes) -> Array:
    try:
        content = json.loads(body if isinstance(body, str) else text_of(body))
    except RecursionError:
        raise Unreadable("the JSON is nested too deeply", _JSON) from None
    except ValueError as error:
        raise Unreadable(f"the body is not JSON: {error}", _JSON) from None
    rows = _rows(content)
    _check_shape(rows, _JSON)
    for index, row in enumerate(rows):
        if not set(map(type, row)) <= {int, float}:
            column = next(c for c, value in enumerate(row) if type(value) not in (int, float))
            raise _not_a_number(index, column, value=row[column])
    try:
        return _finite(np.array(rows, dtype=np.float64))
    except OverflowError:
        raise Unreadable("a number is too large for 64 bits", _JSON) from None


def _rows(content: object) -> list[list[Any]]:
    if isinstance(content, dict):
        content = content.get("instances", content.get("inputs"))
    if not isinstance(content, list):
        raise Unreadable("the JSON holds no rows", _JSON)
    if content and not any(isinstance(row, list) for row in content):
        return [content]
    if wrong := next((number for number, row in enumerate(content, 1) if not isinstance(row, list)), 0):
        raise Unreadable(f"row {wrong} is not a list", _JSON)
    return content


# npy ---------------------------------------------------------------------------------------


def _read_npy(body: str | bytes) -> Array:
    """Reads the header alone with numpy, then maps what follows: numpy.load would first make room for whatever size
    the header claims."""
    stream = io.BytesIO(body.encode() if isinstance(body, str) else body)
    try:
        version = npy.read_magic(stream)
        header = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version](stream)
    except Exception:  # numpy evaluates the header as Python text, which fails in many ways
        raise Unreadable("the body is not an npy file", _NPY) from None
    return _finite(_mapped(header, stream.getbuffer()[stream.tell() :]))


def _mapped(header: tuple[tuple[int, ...], bool, np.dtype[Any]], data: memoryview) -> Array:
    shape, fortran, dtype = header
    if dtype.kind not in "fiu" or len(shape) not in (1, 2):
        raise Unreadable(f"the npy file holds {dtype} in {len(shape)} dimensions", _NPY)
    if min(shape) < 1:
        raise Unreadable("there are no rows", _NPY)
    if math.prod(shape) * dtype.itemsize != len(data):
        raise Unreadable("the npy file's length is not what its header says", _NPY)
    array = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
    array = array.astype(dtype.newbyteorder("="))  # a copy: hooks may write into it
    return array.reshape(1, -1) if array.ndim == 1 else array


# All ---------------------------------------------------------------------------------------


def _check_shape(rows: Sequence[Sequence[object]], expected: str) -> None:
    if not rows or rows == [[]]:
        raise Unreadable("there are no rows", expected)
    width = len(rows[0])
    for number, row in enumerate(rows, 1):
        if not row:
            raise Unreadable(f"row {number} is empty", expected)
        if len(row) != width:
            raise Unreadable(f"row {number} has {_columns(len(row))}, row 1 has {width}", expected)


def _finite(table: Array, names: Sequence[str] = ()) -> Array:
    fine = np.isfinite(table)
    if not fine.all():
        row, column = np.argwhere(~fine)[0]
        raise _not_a_number(int(row), int(column), value=float(table[row, column]), names=names)
    return table


def _not_a_number(row: int, column: int, *, value: object, names: Sequence[str] = ()) -> Unreadable:
    name = f" ({names[column][:40]})" if column < len(names) else ""
    shown = repr(value)
    fault = "is empty" if value == "" else f"is {shown[:40]}{'…' if len(shown) > 40 else ''}"
    return Unreadable(f"row {row + 1}, column {column + 1}{name} {fault}", "a finite number in every cell")


def _columns(count: int) -> str:
    return "1 column" if count == 1 else f"{count} columns"


_READERS: dict[str, Callable[[str | bytes], Array]] = {CSV: _read_csv, JSON: _read_json, NPY: _read_npy}
