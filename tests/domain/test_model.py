"""``model.toml``: what SageMaker would refuse later is refused here, with its place."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergemaker.domain.errors import UsageError
from mergemaker.domain.model import Goal, model_name, parse_model


def faults(text: str, name: str = "prices") -> str:
    with pytest.raises(UsageError) as caught:
        parse_model(name, text)
    return str(caught.value)


def test_an_empty_file_is_a_model_with_defaults() -> None:
    spec = parse_model("prices", "")
    assert (spec.script, spec.channels, spec.metrics, spec.content_type) == (
        "train.py",
        {"training": ""},
        (),
        "text/csv",
    )
    assert spec.resources.max_runtime_seconds == 3600


def test_metrics_keep_the_order_of_the_file_and_their_goals() -> None:
    text = '[metrics.b]\ngoal = "maximize"\n[metrics.a]\ngoal = "minimize"\nregex = "a=(.*)"\n'
    spec = parse_model("prices", text)
    assert [(m.name, m.goal, m.regex) for m in spec.metrics] == [
        ("b", Goal.MAXIMIZE, None),
        ("a", Goal.MINIMIZE, "a=(.*)"),
    ]


def test_a_metric_may_have_a_dot_in_its_name() -> None:
    spec = parse_model("prices", '[metrics."validation.rmse"]\ngoal = "minimize"\nregex = "x=(.*)"\n')
    assert [m.name for m in spec.metrics] == ["validation.rmse"]


def test_a_prefix_gets_the_slash_that_keeps_its_neighbours_out() -> None:
    spec = parse_model("prices", '[channels.train]\nprefix = "train"\n[channels.all]\n')
    assert spec.channels == {"train": "train/", "all": ""}


@pytest.mark.parametrize("table", ["train", "serve", "hyperparameters"])
def test_an_empty_table_is_fine(table: str) -> None:
    assert parse_model("prices", f"[{table}]\n").script == "train.py"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[metrics.rmse]\n", "metrics.rmse.goal: is missing"),
        ('[metrics.rmse]\ngoal = "low"\n', "model.toml:2: metrics.rmse.goal: must be minimize or maximize"),
        ('[metrics.rmse]\ngoal="minimize"\nregex="rmse"\n', "model.toml:3: metrics.rmse.regex: needs a group"),
        ('[metrics.rmse]\ngoal="minimize"\nregex="("\n', "metrics.rmse.regex: not a regular expression"),
        (f'[metrics.rmse]\ngoal="minimize"\nregex="({"a" * 500})"\n', "SageMaker takes 500 characters, not 502"),
        ('[metrics."<b>"]\ngoal="minimize"\n', "use letters, digits and"),
        ('[metrics]\nrmse = "minimize"\n', "metrics: must hold tables, such as [metrics.name]"),
        ('[train]\nscript = "../train.py"\n', "train.script: must be a Python file in the model's folder"),
        ('[train]\nscript = ""\n', "train.script: must be a string"),
        ('[train]\ninstance_type = "m5.large"\n', "train.instance_type: not an instance type"),
        ("[train]\ninstance_count = 0\n", "train.instance_count: must be at least 1, not 0"),
        ("[train]\nvolume_gb = 10.5\n", "train.volume_gb: must be a whole number, not 10.5"),
        ("[train]\nmax_runtime = 5\n", "model.toml:2: train.max_runtime: no such setting"),
        ("[hyperparameters]\nsagemaker_program = 'x'\n", "the prefix sagemaker_ for itself"),
        ("[hyperparameters]\nsince = 2026-01-01\n", "hyperparameters.since: must be a string, a number"),
        ("[hyperparameters]\nsince = [2026-01-01]\n", "hyperparameters.since: must be a string, a number"),
        ("[hyperparameters.tree]\ndepth = 3\n", "hyperparameters.tree: must be a string, a number"),
        (f"[hyperparameters]\nlong = '{'a' * 2501}'\n", "is longer than SageMaker takes (2,500 characters)"),
        (f"[hyperparameters]\nlong = '{'é' * 420}'\n", "is longer than SageMaker takes (2,500 characters)"),
        ("[channels.'a b']\n", "use letters, digits, dashes and underscores, at most 64"),
        ('[channels.train]\nprefix = "../other"\n', "must be a path under the model's input"),
        ('[channels.train]\nprefix = "/other"\n', "must be a path under the model's input"),
        ("[channels.train]\nprefix = 3\n", "must be a path under the model's input"),
        ('[channels.train]\nprefx = "a"\n', "model.toml:2: channels.train.prefx: no such setting"),
        ('channels = "train"\n', "channels: must hold tables"),
        ("[sevre]\ncontent_type = 'text/csv'\n", "sevre.content_type: no such setting"),
    ],
)
def test_a_fault_is_told_with_what_would_be_right(text: str, fault: str) -> None:
    assert fault in faults(text)


def test_sagemakers_limits_hold_at_the_edge() -> None:
    metrics = "".join(f'[metrics.m{n}]\ngoal="minimize"\n' for n in range(40))
    channels = "".join(f"[channels.c{n}]\n" for n in range(20))
    hyperparameters = "[hyperparameters]\n" + "".join(f"h{n} = {n}\n" for n in range(97))
    spec = parse_model("prices", metrics + channels + hyperparameters)
    assert (len(spec.metrics), len(spec.channels), len(spec.hyperparameters)) == (40, 20, 97)


def test_one_more_than_sagemaker_takes_is_refused() -> None:
    metrics = "".join(f'[metrics.m{n}]\ngoal="minimize"\n' for n in range(41))
    channels = "".join(f"[channels.c{n}]\n" for n in range(21))
    hyperparameters = "[hyperparameters]\n" + "".join(f"h{n} = {n}\n" for n in range(98))
    said = faults(metrics + channels + hyperparameters)
    assert "takes 40, not 41" in said
    assert "takes 20, not 21" in said
    assert "takes 97 besides script mode's own, not 98" in said


@pytest.mark.parametrize(
    "name", ["Prices", "2prices", "pri_ces", "prices-", "a--b", "", "../x", "a" * 29, "prîces", "a\n"]
)
def test_a_name_that_does_not_fit_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        model_name(name)
    assert "the folder's name" in faults("", name)


@given(st.text(alphabet="[]=\"'.#\n ametricsgol{}0123\\", max_size=80))
def test_whatever_the_file_holds_it_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert parse_model("prices", text).name == "prices"
