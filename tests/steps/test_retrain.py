"""New data makes a pipeline: one for a whole upload, and only for models that ask for it."""

from datetime import datetime, timedelta

import pytest

from mergemaker.domain.errors import RefusedError, RetryableError
from mergemaker.steps.retrain import MOST, PATIENCE, retrain
from tests.fakes.world import Fakes

ASKS = 'data.retrain = "on-change"'
START = Fakes().time
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


@pytest.fixture
def fakes() -> Fakes:
    """The default branch has two models, one of which asks for runs on new data."""
    made = Fakes()
    made.default_branch.files = {"prices": ASKS, "rents": 'data.retrain = "never"'}
    return made


def comes(fakes: Fakes, at: datetime, model: str = "prices") -> None:
    """A file comes to the input, and its event at once."""
    fakes.inputs.hear(model, at=at, now=at)


def look(fakes: Fakes, at: datetime) -> list[str]:
    fakes.default_branch.time = at
    return retrain(fakes.world, now=at)


def test_an_upload_makes_one_pipeline_when_it_is_over(fakes: Fakes) -> None:
    for second in range(0, 600, 7):
        comes(fakes, START + second * SECOND)
        assert look(fakes, START + second * SECOND) == []
    assert look(fakes, START + 11 * MINUTE) == []
    assert look(fakes, START + 15 * MINUTE) == ["prices"]
    assert look(fakes, START + 20 * MINUTE) == []
    assert fakes.default_branch.pipelines == [START + 15 * MINUTE]


def test_a_model_that_does_not_ask_and_one_that_is_none_make_no_pipeline_and_are_forgotten(fakes: Fakes) -> None:
    for model in ("rents", "dvc"):
        comes(fakes, START, model)
    assert look(fakes, START + 5 * MINUTE) == []
    assert not fakes.default_branch.pipelines
    assert not fakes.inputs.heard()


def test_while_nothing_came_nothing_is_asked_of_gitlab_or_locked(fakes: Fakes) -> None:
    look(fakes, START)
    assert not fakes.default_branch.calls
    assert not fakes.runs.calls


def test_an_event_that_comes_twice_or_late_makes_no_second_pipeline(fakes: Fakes) -> None:
    comes(fakes, START)
    look(fakes, START + 5 * MINUTE)
    fakes.inputs.hear("prices", at=START, now=START + 60 * MINUTE)
    assert look(fakes, START + 65 * MINUTE) == []
    assert len(fakes.default_branch.pipelines) == 1


def test_the_next_upload_makes_the_next_pipeline(fakes: Fakes) -> None:
    for at in (START, START + 60 * MINUTE):
        comes(fakes, at)
        assert look(fakes, at + 5 * MINUTE) == ["prices"]
    assert len(fakes.default_branch.pipelines) == 2


def test_data_of_several_models_makes_one_pipeline_which_submits_them_all(fakes: Fakes) -> None:
    fakes.default_branch.files["sales"] = ASKS
    comes(fakes, START)
    comes(fakes, START + SECOND, "sales")
    assert look(fakes, START + 5 * MINUTE) == ["prices", "sales"]
    assert len(fakes.default_branch.pipelines) == 1


def test_a_model_whose_upload_goes_on_is_waited_for_because_a_pipeline_would_train_on_half_of_it(fakes: Fakes) -> None:
    fakes.default_branch.files["sales"] = ASKS
    comes(fakes, START)
    comes(fakes, START + 4 * MINUTE, "sales")
    assert look(fakes, START + 5 * MINUTE) == []
    assert look(fakes, START + 10 * MINUTE) == ["prices", "sales"]


def test_but_not_for_ever(fakes: Fakes) -> None:
    fakes.default_branch.files["sales"] = ASKS
    comes(fakes, START)
    comes(fakes, START + PATIENCE, "sales")
    assert look(fakes, START + PATIENCE) == ["prices"]


def test_the_upload_of_a_model_that_does_not_ask_is_not_waited_for(fakes: Fakes) -> None:
    comes(fakes, START)
    comes(fakes, START + 4 * MINUTE, "rents")
    assert look(fakes, START + 5 * MINUTE) == ["prices"]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("port", ["default_branch", "inputs", "runs"])
def test_a_look_that_breaks_off_anywhere_is_made_good_by_the_next_with_one_pipeline_in_all(
    fakes: Fakes, port: str, after: bool
) -> None:
    number = 1
    while True:
        one = Fakes()
        one.default_branch.files = dict(fakes.default_branch.files)
        comes(one, START)
        fake = getattr(one, port)
        fake.fails_at = (len(fake.calls) + number, after)
        try:
            look(one, START + 5 * MINUTE)
            broke = False
        except RetryableError:
            broke = True
        fake.fails_at = None
        look(one, START + 10 * MINUTE)
        assert len(one.default_branch.pipelines) == 1, number
        assert not one.inputs.heard()
        if not broke:
            break
        number += 1
    assert number > 1


def test_what_comes_while_the_pipeline_is_made_is_not_lost(fakes: Fakes) -> None:
    comes(fakes, START)
    later = START + 5 * MINUTE
    fakes.default_branch.after("make_pipeline", lambda: comes(fakes, later))
    look(fakes, later)
    assert look(fakes, later + 5 * MINUTE) == ["prices"]
    assert len(fakes.default_branch.pipelines) == 2


def test_a_pipeline_that_somebody_made_since_by_api_will_do(fakes: Fakes) -> None:
    comes(fakes, START)
    fakes.default_branch.pipelines = [START + MINUTE]
    look(fakes, START + 5 * MINUTE)
    assert fakes.default_branch.pipelines == [START + MINUTE]


def test_one_that_began_before_the_upload_was_over_will_not(fakes: Fakes) -> None:
    comes(fakes, START)
    fakes.default_branch.pipelines = [START]
    look(fakes, START + 5 * MINUTE)
    assert len(fakes.default_branch.pipelines) == 2


def test_what_gitlab_refuses_is_told_once_in_an_issue(fakes: Fakes) -> None:
    for at in (START, START + 60 * MINUTE):
        comes(fakes, at)
        fakes.default_branch.fail("make_pipeline", RefusedError("GitLab says 403: Insufficient permissions"))
        look(fakes, at + 5 * MINUTE)
        assert not fakes.inputs.heard()
    (issue,) = fakes.issues.issues.values()
    assert "GitLab says 403: Insufficient permissions" in issue.description
    assert "When the cause is mended, run a schedule of the default branch" in issue.description


def test_of_very_many_models_each_look_takes_some_and_the_last_is_not_forgotten(fakes: Fakes) -> None:
    for number in range(MOST + 1):
        comes(fakes, START + number * SECOND, f"m{number}")
    fakes.default_branch.files[f"m{MOST}"] = ASKS
    assert look(fakes, START + 10 * MINUTE) == []
    assert fakes.default_branch.calls.count("settings") == MOST
    assert look(fakes, START + 15 * MINUTE) == [f"m{MOST}"]


def test_of_very_many_models_whose_uploads_are_over_none_is_waited_for(fakes: Fakes) -> None:
    for number in range(3 * MOST):
        comes(fakes, START, f"m{number}")
        fakes.default_branch.files[f"m{number}"] = ASKS
    assert len(look(fakes, START + 5 * MINUTE)) == 3 * MOST
    assert fakes.default_branch.pipelines == [START + 5 * MINUTE]
    assert not fakes.inputs.heard()


def test_gitlab_is_asked_until_one_model_says_that_it_asks_for_runs(fakes: Fakes) -> None:
    for number, model in enumerate(["rents", "prices", *(f"m{n}" for n in range(10))]):
        comes(fakes, START + number * SECOND, model)
        fakes.default_branch.files.setdefault(model, ASKS)
    look(fakes, START + 5 * MINUTE)
    assert fakes.default_branch.calls.count("settings") == 2
    assert len(fakes.default_branch.pipelines) == 1


def test_a_look_asks_gitlab_only_so_often_whatever_is_uploaded(fakes: Fakes) -> None:
    comes(fakes, START)
    for number in range(3 * MOST):
        comes(fakes, START + 4 * MINUTE, f"m{number}")
    assert look(fakes, START + 5 * MINUTE) == ["prices"]
    assert fakes.default_branch.calls.count("settings") == 1 + MOST
