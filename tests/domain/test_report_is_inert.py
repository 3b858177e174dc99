"""No text from a job, a branch or AWS makes a note do anything."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergemaker.domain.report import render, summary
from mergemaker.domain.run import Release, ReleaseStatus, Status
from tests.domain.test_report import live, report
from tests.domain.test_text import HOSTILE
from tests.fakes.made import lineage, origin
from tests.fakes.markdown import links, skeleton

AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def note(field: str, text: str) -> str:
    return render(report(**_changed(field, text)))


def _changed(field: str, text: str) -> dict[str, Any]:
    release = Release("staging", 4, ReleaseStatus.ROLLED_BACK, AT, text)
    changes: dict[str, dict[str, Any]] = {
        "metric": {"metrics": {"rmse": 1.0, text: 2.0}},
        "metric beside a baseline": {"baseline": live(), "metrics": {"rmse": 1.0, text: 2.0}},
        "hyperparameter": {"hyperparameters": {text: "1"}},
        "hyperparameter's value": {"hyperparameters": {"depth": text}},
        "hyperparameter's value before": {"baseline": live(hyperparameters={"depth": text})},
        "hyperparameter before": {"baseline": live(hyperparameters={text: "1"})},
        "branch": {"lineage": lineage(origin=origin(branch=text))},
        "failure": {"status": Status.FAILED, "reason": text},
        "stop": {"status": Status.STOPPED, "reason": text},
        "phase": {"status": Status.IN_PROGRESS, "phase": text},
        "remark": {"remarks": (text, "and another")},
        "release": {"releases": {"staging": release}},
        "artifact": {"artifact": text},
        "instance": {"instance": text},
    }
    return changes[field]


FIELDS = [
    "metric",
    "metric beside a baseline",
    "hyperparameter",
    "hyperparameter's value",
    "hyperparameter's value before",
    "hyperparameter before",
    "branch",
    "failure",
    "stop",
    "phase",
    "remark",
    "release",
    "artifact",
    "instance",
]


def check(field: str, text: str) -> None:
    made = note(field, f"x{text}")
    assert skeleton(made) == skeleton(note(field, "x")), "foreign text has become part of the note"
    assert all(link.startswith("https://eu-west-1.console.aws.amazon.com/") for link in links(made))
    assert not any(line.startswith("/") for line in made.splitlines())
    made.encode()


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_inert_in_every_field(field: str, text: str) -> None:
    check(field, text)


@given(st.sampled_from(FIELDS), st.text(alphabet=st.characters(exclude_categories=()), max_size=60))
def test_any_text_is_inert_in_every_field(field: str, text: str) -> None:
    check(field, text)


@given(st.sampled_from(FIELDS), st.text(alphabet=st.sampled_from("`|\\/\n\r <>[]()!#*_~-=$@&:\u2028"), max_size=30))
def test_no_mixture_of_markdowns_own_characters_gets_out_of_any_field(field: str, text: str) -> None:
    check(field, text)


@pytest.mark.parametrize("text", HOSTILE)
def test_the_commit_status_is_one_line_of_what_can_be_seen(text: str) -> None:
    said = summary(report(status=Status.FAILED, reason=f"x{text}"))
    assert len(said) <= 255
    assert said.isprintable()


def test_a_note_of_the_most_that_sagemaker_takes_is_well_below_gitlabs_million() -> None:
    hyperparameters = {f"{n}" * 100: "|" * 2_500 for n in range(100)}
    metrics = {f"{n:>0100}": 1.0 for n in range(240)}
    made = render(
        report(
            live(hyperparameters=dict.fromkeys(hyperparameters, "`" * 2500)),
            None,
            metrics=metrics,
            hyperparameters=hyperparameters,
            remarks=("|" * 10_000,) * 4,
        )
    )
    assert len(made) < 300_000
