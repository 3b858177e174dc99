"""Every content type in, every content type out."""

import io
import json
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient


def npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.asarray(array))
    return stream.getvalue()


TWO_ROWS = [[1, 2, 3], [4, 5, 6.5]]

BODIES = {
    "csv": ("text/csv", b"1,2,3\n4,5,6.5\n"),
    "csv without a last line break": ("text/csv", b"1,2,3\n4,5,6.5"),
    "csv with a header": ("text/csv", b"a,b,c\n1,2,3\n4,5,6.5\n"),
    "csv with a quoted header": ("text/csv", b'"a, of 9","b","c"\n1,2,3\n4,5,6.5\n'),
    "csv of a spreadsheet": ("text/csv; charset=utf-8", b"\xef\xbb\xbfa,b,c\r\n1,2,3\r\n4,5,6.5\r\n\r\n"),
    "csv with spaces and exponents": ("Text/CSV", b" 1, 2e0 ,+3\n4,5,65E-1\n"),
    "json instances": ("application/json", json.dumps({"instances": TWO_ROWS}).encode()),
    "json inputs": ("application/json; charset=UTF-8", json.dumps({"inputs": TWO_ROWS}).encode()),
    "json list": ("application/json", json.dumps(TWO_ROWS).encode()),
    "json without a type": ("", json.dumps(TWO_ROWS).encode()),
    "npy": ("application/x-npy", npy(TWO_ROWS)),
    "npy in Fortran's order": ("application/x-npy", npy(np.asfortranarray(TWO_ROWS))),
    "npy big-endian": ("application/x-npy", npy(np.array(TWO_ROWS, dtype=">f8"))),
}


@pytest.mark.parametrize(("content_type", "body"), BODIES.values(), ids=BODIES.keys())
def test_every_way_to_write_rows_gives_the_same_predictions(
    client: FlaskClient, content_type: str, body: bytes
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    response = client.post("/invocations", data=body, headers=headers)

    assert response.status_code == 200, response.text
    assert response.json == {"predictions": [123, 456.5]}


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/csv", b"1,2,3"),
        ("application/json", b"[1, 2, 3]"),
        ("application/json", b'{"instances": [1, 2, 3]}'),
        ("application/x-npy", npy([1, 2, 3])),
    ],
)
def test_a_flat_row_is_one_row(client: FlaskClient, content_type: str, body: bytes) -> None:
    assert client.post("/invocations", data=body, content_type=content_type).json == {"predictions": [123]}


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("application/json; charset=utf-8", "application/json"),
        ("text/csv", "text/csv"),
        ("text/*", "text/csv"),
        ("application/x-npy", "application/x-npy"),
        ("image/png, text/csv", "text/csv"),
        ("application/json;q=0.2, text/csv;q=0.9", "text/csv"),
    ],
)
def test_the_client_chooses_the_answers_type(client: FlaskClient, accept: str | None, answered: str) -> None:
    headers = {} if accept is None else {"Accept": accept}
    response = client.post("/invocations", data=b"1,2,3", content_type="text/csv", headers=headers)

    assert (response.status_code, response.mimetype) == (200, answered)


def test_csv_answers_are_a_line_a_row(client: FlaskClient) -> None:
    response = client.post(
        "/invocations", data=b"1,2,3\n4,5,6.5", content_type="text/csv", headers={"Accept": "text/csv"}
    )

    assert response.text == "123.0\n456.5\n"


def test_npy_answers_load_with_numpy(client: FlaskClient) -> None:
    response = client.post("/invocations", json=TWO_ROWS, headers={"Accept": "application/x-npy"})

    assert np.load(io.BytesIO(response.data), allow_pickle=False).tolist() == [123, 456.5]


def test_doubles_keep_their_digits_on_the_way(client: FlaskClient) -> None:
    response = client.post("/invocations", data=b"0,0,0.12345678901234568", content_type="text/csv")

    assert response.json == {"predictions": [0.12345678901234568]}
