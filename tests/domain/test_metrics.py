"""``metrics.json`` comes from a script: whatever it holds, the numbers in it count and the rest is remarked upon."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergemaker.domain.metrics import better, merged, number, parse_metrics
from mergemaker.domain.model import Goal


def test_doubles_keep_their_digits() -> None:
    assert parse_metrics(b'{"rmse": 0.1000000000000000055}').values == {"rmse": 0.1}
    assert parse_metrics(b'{"rmse": 54.123456789012345}').values == {"rmse": 54.123456789012345}


@pytest.mark.parametrize(
    ("content", "remark"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"\xff\xfe\x00", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "not valid JSON"),
        (b"[1, 2]", "one object"),
        (b"3", "one object"),
        (b"null", "one object"),
    ],
)
def test_what_is_no_object_gives_a_remark_and_no_metrics(content: bytes, remark: str) -> None:
    found = parse_metrics(content)
    assert found.values == {}
    assert remark in found.remarks[0]


def test_what_is_no_number_is_left_out_and_counted() -> None:
    found = parse_metrics(b'{"a": 1, "b": "2", "c": true, "d": null, "e": [1], "f": {"g": 1}}')
    assert found.values == {"a": 1.0}
    assert found.remarks == ("5 of 6 values in metrics.json are not numbers",)


def test_nan_and_infinity_are_numbers() -> None:
    values = parse_metrics(b'{"a": NaN, "b": -Infinity, "c": 1e999, "d": ' + b"9" * 400 + b"}").values
    assert math.isnan(values["a"])
    assert (values["b"], values["c"], values["d"]) == (-math.inf, math.inf, math.inf)


def test_more_metrics_than_anyone_reads_are_cut_with_a_remark() -> None:
    found = parse_metrics(json.dumps({f"m{n}": n for n in range(201)}).encode())
    assert len(found.values) == 200
    assert found.remarks == ("only the first 200 of 201 metrics are kept",)


def test_names_that_are_the_same_after_the_cut_are_not_called_no_numbers() -> None:
    found = parse_metrics(json.dumps({"a" * 100 + "1": 1, "a" * 100 + "2": 2}).encode())
    assert found.remarks == ()


@given(st.binary(max_size=200))
def test_whatever_the_bytes_they_are_read(content: bytes) -> None:
    assert isinstance(parse_metrics(content).values, dict)


def test_the_file_wins_over_the_log() -> None:
    assert merged({"rmse": 0.10000000149011612, "loss": 2.0}, {"rmse": 0.1}) == {"rmse": 0.1, "loss": 2.0}


@pytest.mark.parametrize(
    ("value", "than", "goal", "verdict"),
    [
        (1.0, 2.0, Goal.MINIMIZE, True),
        (2.0, 1.0, Goal.MINIMIZE, False),
        (2.0, 1.0, Goal.MAXIMIZE, True),
        (1.0, 2.0, Goal.MAXIMIZE, False),
        (1.0, 1.0, Goal.MAXIMIZE, None),
        (math.nan, 1.0, Goal.MAXIMIZE, None),
        (1.0, math.nan, Goal.MINIMIZE, None),
    ],
)
def test_better_knows_the_goal(value: float, than: float, goal: Goal, verdict: bool | None) -> None:
    assert better(value, than, goal) is verdict


@pytest.mark.parametrize(
    ("value", "shown"), [(0.1 + 0.2, "0.3"), (1234567.0, "1.23457e+06"), (math.nan, "nan"), (-0.5, "-0.5")]
)
def test_people_see_six_digits(value: float, shown: str) -> None:
    assert number(value) == shown
