"""What clients get wrong: told as JSON what and where, and the next request is answered."""

import io
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.app import BODY_LIMIT, create_app


def npy(array: Any, claim: bytes = b"", instead_of: bytes = b"") -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.asarray(array), allow_pickle=True)
    return stream.getvalue().replace(instead_of, claim) if claim else stream.getvalue()


CSV, JSON, NPY = "text/csv", "application/json", "application/x-npy"

UNREADABLE: list[tuple[str, bytes, str]] = [
    # empty
    (CSV, b"", "there are no rows"),
    (CSV, b"\n\n", "there are no rows"),
    (CSV, b"a,b,c\n", "there are no rows"),
    (JSON, b"[]", "there are no rows"),
    (JSON, b"[[]]", "there are no rows"),
    (JSON, b'{"instances": []}', "there are no rows"),
    (NPY, npy(np.empty((0, 3))), "there are no rows"),
    (CSV, b"1,2,3\n\n4,5,6", "row 2 is empty"),
    # not what the type says
    (CSV, b"\xff\xfe1", "the body is not UTF-8 at byte 0"),
    (CSV, b'1,"2,3', "the body is not CSV: unexpected end of data"),
    (JSON, b"", "the body is not JSON: Expecting value: line 1 column 1 (char 0)"),
    (JSON, b"{", "the body is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
    (JSON, b"[" * 100_000, "the JSON is nested too deeply"),
    (JSON, b'{"rows": [[1, 2, 3]]}', "the JSON holds no rows"),
    (JSON, b'"1,2,3"', "the JSON holds no rows"),
    (JSON, b"null", "the JSON holds no rows"),
    (NPY, b"", "the body is not an npy file"),
    (NPY, b"1,2,3", "the body is not an npy file"),
    (NPY, npy([[1.0, 2, 3]])[:-1], "the npy file's length is not what its header says"),
    (NPY, npy([[1.0, 2, 3]], b"(9999999999999, 3)", b"(1, 3)"), "the npy file's length is not what its header says"),
    (NPY, npy([["a"]]), "the npy file holds <U1 in 2 dimensions"),
    (NPY, npy([[None]]), "the npy file holds object in 2 dimensions"),
    (NPY, npy([[[1.0]]]), "the npy file holds float64 in 3 dimensions"),
    (NPY, pickle.dumps([1, 2, 3]), "the body is not an npy file"),
    # ragged, or not the model's columns
    (CSV, b"1,2,3\n4,5\n", "row 2 has 2 columns, row 1 has 3"),
    (CSV, b"a,b\n1,2,3\n", "the first line names 2 columns, row 1 has 3"),
    (JSON, b"[[1, 2, 3], [4]]", "row 2 has 1 column, row 1 has 3"),
    (JSON, b"[[1, 2, 3], 4]", "row 2 is not a list"),
    (CSV, b"1,2", "the rows have 2 columns"),
    (JSON, b"[[1, 2, 3, 4]]", "the rows have 4 columns"),
    # no numbers
    (CSV, b"1,x,3", "row 1, column 2 is 'x'"),
    (CSV, b"a,b,c\n1,2,3\n4,,6", "row 2, column 2 (b) is empty"),
    (CSV, b"1,2,3\n4,5,2024-01-01", "row 2, column 3 is '2024-01-01'"),
    (CSV, b"1;2;3\n4;5;6", "row 1, column 1 (1;2;3) is '4;5;6'"),
    (CSV, b"1,2,1_000", "row 1, column 3 is '1_000'"),
    (CSV, "1,2,٣".encode(), "row 1, column 3 is '٣'"),
    (CSV, b"1,nan,3", "row 1, column 2 is nan"),
    (CSV, b"1,2,1e999", "row 1, column 3 is inf"),
    (CSV, b"1,2," + b"x" * 1000, f"row 1, column 3 is '{'x' * 39}…"),
    (JSON, b'[[1, 2, "3"]]', "row 1, column 3 is '3'"),
    (JSON, b"[[1, 2, 3], [1, null, 3]]", "row 2, column 2 is None"),
    (JSON, b"[[1, true, 3]]", "row 1, column 2 is True"),
    (JSON, b"[[1, NaN, 3]]", "row 1, column 2 is nan"),
    (JSON, b"[[1, [2], 3]]", "row 1, column 2 is [2]"),
    (JSON, b"[[1, 2, 1" + b"0" * 400 + b"]]", "a number is too large for 64 bits"),
    (NPY, npy([[1, np.inf, 3]]), "row 1, column 2 is inf"),
]


@pytest.mark.parametrize(("content_type", "body", "reason"), UNREADABLE)
def test_what_cannot_be_read_is_named(client: FlaskClient, content_type: str, body: bytes, reason: str) -> None:
    response = client.post("/invocations", data=body, content_type=content_type)

    assert response.status_code == 400
    assert response.json is not None
    assert response.json["error"] == reason
    assert response.json["expected"]
    assert client.post("/invocations", data=b"1,2,3", content_type=CSV).json == {"predictions": [123]}


@pytest.mark.parametrize("content_type", ["image/png", "text/plain", "csv", "text/csv; charset=latin-1", "text"])
def test_an_unknown_content_type_is_415(client: FlaskClient, content_type: str) -> None:
    response = client.post("/invocations", data=b"1,2,3", content_type=content_type)

    assert response.status_code == 415
    assert response.json is not None
    assert response.json["expected"] in ("Content-Type: text/csv, application/json, application/x-npy", "UTF-8")


@pytest.mark.parametrize("accept", ["image/png", "text/html, image/*", "application/json;q=0"])
def test_an_unknown_accept_is_406(client: FlaskClient, accept: str) -> None:
    response = client.post("/invocations", data=b"1,2,3", content_type=CSV, headers={"Accept": accept})

    assert response.status_code == 406
    assert response.json == {
        "error": f"cannot answer with {accept}",
        "expected": "Accept: one of application/json, text/csv, application/x-npy",
    }


def test_a_body_over_the_limit_is_413_and_one_at_the_limit_is_read(client: FlaskClient) -> None:
    at_limit = b"[[1,2,3]" + b" " * (BODY_LIMIT - 9) + b"]"

    assert client.post("/invocations", data=at_limit, content_type=JSON).json == {"predictions": [123]}
    for body in (b"1" * (BODY_LIMIT + 1), b"1" * (BODY_LIMIT + 2)):
        response = client.post("/invocations", data=body, content_type=CSV)
        assert response.status_code == 413
        assert response.json == {"error": "the body is too large", "expected": "at most 6291456 bytes"}


def test_a_body_over_the_limit_that_states_no_length_is_not_cut_and_read(client: FlaskClient) -> None:
    body = b"1,2,3\n" * (BODY_LIMIT // 6 + 1)
    response = client.post(
        "/invocations",
        input_stream=io.BytesIO(body),
        content_type=CSV,
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )

    assert response.status_code == 413


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/", 404), ("GET", "/invocations", 405)])
def test_other_routes_answer_in_json(client: FlaskClient, method: str, path: str, status: int) -> None:
    response = client.open(path, method=method)

    assert response.status_code == status
    assert response.json is not None
    assert response.json["expected"] == "GET /ping or POST /invocations"
    assert ("Allow" in response.headers) == (status == 405)


@pytest.fixture
def hardened(model_dir: Path) -> Callable[[bytes, str], int]:
    client = create_app(model_dir).test_client()

    def ask(body: bytes, content_type: str) -> int:
        response = client.post("/invocations", data=body, content_type=content_type)
        assert response.is_json
        json.loads(response.data)
        return response.status_code

    return ask


NPY_START = npy([[1.0, 2.0, 3.0]])[:10]


@settings(max_examples=200, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=200)
    | st.text(alphabet='0123456789.,-+eE_naif"\r\n []{}:', max_size=100).map(str.encode)
    | st.binary(max_size=200).map(NPY_START.__add__)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["instances", "inputs"]), inner),
        max_leaves=20,
    ).map(lambda value: json.dumps(value).encode()),
    content_type=st.sampled_from([CSV, JSON, NPY]),
)
def test_no_body_whatever_makes_an_error_of_the_server(
    hardened: Callable[[bytes, str], int], body: bytes, content_type: str
) -> None:
    assert hardened(body, content_type) in (200, 400)
