"""``model.toml``: what SageMaker would refuse later is refused here, with its place."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergemaker.domain.errors import UsageError
from mergemaker.domain.model import (
    Channel,
    Distribution,
    Goal,
    InputMode,
    Launcher,
    Manner,
    Prepare,
    Resources,
    Smoke,
    Spot,
    model_name,
)
from mergemaker.domain.model_toml import parse_model

URI = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
ALL = f"""
[image]
uri = "{URI}"

[train]
shared = ["lib/features/", "lib/io.py"]
distribution = "torchrun"
processes_per_host = 2
instance_count = 2
spot = true
max_wait_minutes = 90
budget = 2.5

[environment]
OMP_NUM_THREADS = "1"

[channels.train]
dvc = "data/train.csv"
input_mode = "FastFile"
content_type = "text/csv"
"""

PREPARED = """
[prepare]
script = "data/prepare.py"
files = ["features.py", "data/tables/"]
instance_type = "ml.m5.xlarge"
volume_gb = 50
max_runtime_minutes = 20

[prepare.inputs.sales]
prefix = "sales"

[prepare.inputs.shops]
dvc = "data/shops.csv"

[channels.train]
input_mode = "FastFile"

[channels.validation]
content_type = "text/csv"
"""
"""A model whose channels are made."""


def faults(text: str, name: str = "prices") -> str:
    with pytest.raises(UsageError) as caught:
        parse_model(name, text)
    return str(caught.value)


def test_an_empty_file_is_a_model_with_defaults() -> None:
    spec = parse_model("prices", "")
    assert (spec.script, spec.channels, spec.metrics, spec.content_type) == (
        "train.py",
        {"training": Channel()},
        (),
        "text/csv",
    )
    assert spec.resources.max_runtime_seconds == 3600


def test_everything_that_a_team_brings_is_read() -> None:
    spec = parse_model("prices", ALL)
    assert spec.image.uri == URI
    assert (spec.script, spec.shared) == ("train.py", ("lib/features/", "lib/io.py"))
    assert spec.distribution == Distribution(Launcher.TORCHRUN, per_host=2)
    assert spec.spot == Spot(max_wait_seconds=5400)
    assert spec.checkpoints
    assert spec.budget == 2.5
    assert spec.environment == {"OMP_NUM_THREADS": "1"}
    assert spec.image.serve_uri is None
    assert spec.channels == {
        "train": Channel(dvc="data/train.csv", input_mode=InputMode.FAST_FILE, content_type="text/csv")
    }


def test_new_data_retrains_a_model_only_where_that_is_said() -> None:
    assert not parse_model("prices", "").retrains
    assert not parse_model("prices", "data.retrain = 'never'").retrains
    assert parse_model("prices", "data.retrain = 'on-change'").retrains


def test_a_preparation_is_read_and_its_inputs_are_what_the_data_comes_from() -> None:
    spec = parse_model("prices", PREPARED)
    assert spec.prepare == Prepare(
        script="data/prepare.py",
        files=("features.py", "data/tables/"),
        inputs={"sales": Channel("sales/"), "shops": Channel(dvc="data/shops.csv")},
        resources=Resources("ml.m5.xlarge", 1, volume_gb=50, max_runtime_seconds=1200),
    )
    assert spec.sources == spec.prepare.inputs
    assert spec.channels == {
        "train": Channel(input_mode=InputMode.FAST_FILE),
        "validation": Channel(content_type="text/csv"),
    }


def test_an_empty_preparation_makes_the_usual_channel_out_of_the_whole_input() -> None:
    spec = parse_model("prices", "[prepare]\n")
    assert spec.prepare == Prepare("prepare.py", (), {"data": Channel()}, Resources("ml.m5.large", 1, 30, 3600))
    assert spec.channels == {"training": Channel()}


def test_without_a_preparation_the_data_comes_from_the_channels() -> None:
    spec = parse_model("prices", ALL)
    assert spec.prepare is None
    assert spec.sources == spec.channels


def test_a_smoke_run_is_read_and_is_by_default_on_the_runs_own_kind_of_instance() -> None:
    text = "[train]\ninstance_type = 'ml.p3.2xlarge'\ninstance_count = 4\nvolume_gb = 70\n[smoke]\n"
    assert parse_model("prices", text).smoke == Smoke(0.05, Resources("ml.p3.2xlarge", 1, 70, 600))
    text += "fraction = 1\ninstance_type = 'ml.m5.large'\nmax_runtime_minutes = 3\n"
    assert parse_model("prices", text).smoke == Smoke(1.0, Resources("ml.m5.large", 1, 70, 180))
    assert parse_model("prices", ALL).smoke is None


def test_how_a_run_is_carried_out_is_told_apart_from_what_it_is_made_of() -> None:
    spec = parse_model(
        "prices", ALL + "[metrics.a]\ngoal = 'minimize'\nregex = '(.)'\n[metrics.b]\ngoal = 'maximize'\n"
    )
    assert spec.metric_regexes == {"a": "(.)"}
    assert spec.manner == Manner({"train": InputMode.FAST_FILE}, Spot(5400), checkpoints=True)


@pytest.mark.parametrize("script", ["src/train.py", "a/b.c/d-e_f.py", "train2.py", "_train.py"])
def test_a_script_may_be_in_a_folder_of_the_models(script: str) -> None:
    assert parse_model("prices", f'[train]\nscript = "{script}"\n').script == script


def test_an_algorithm_is_an_image_without_a_script() -> None:
    spec = parse_model("prices", f'image.uri = "{URI}"\n[train]\nalgorithm = true\n')
    assert spec.script is None


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
    assert spec.channels == {"train": Channel("train/"), "all": Channel()}


@pytest.mark.parametrize(
    "table", ["train", "serve", "hyperparameters", "channels", "prepare", "prepare.inputs", "smoke"]
)
def test_an_empty_table_is_fine(table: str) -> None:
    assert parse_model("prices", f"[{table}]\n").script == "train.py"


FAULTS = [
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
    ('[train]\nscript = "/train.py"\n', "train.script: must be a Python file in the model's folder"),
    ('[train]\nscript = "./train.py"\n', "train.script: must be a Python file in the model's folder"),
    ('[train]\nscript = "a/../train.py"\n', "train.script: must be a Python file in the model's folder"),
    ('[train]\nscript = "-m.py"\n', "train.script: must be a Python file in the model's folder"),
    ('[train]\nscript = "src//train.py"\n', "train.script: must be a Python file in the model's folder"),
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
    ("[image]\nuri = 'xgboost'\n", "image.uri: not an image's address with a tag or a digest"),
    (f"[image]\ndockerfile = 'D'\nuri = '{URI}'\n", "there is image.dockerfile, too: keep one of them"),
    ("[image]\ndockerfile = '../D'\n", "image.dockerfile: must be a file in the model's folder"),
    ("[train]\nalgorithm = true\n", "train.algorithm: an algorithm is an image: name it by image.uri"),
    (f"image.uri='{URI}'\n[train]\nalgorithm = true\nscript = 'a.py'\n", "an algorithm has no script"),
    ("[train]\ndistribution = 'horovod'\n", "train.distribution: must be none, mpi or torchrun"),
    ("[train]\nprocesses_per_host = -1\n", "train.processes_per_host: must be at least 0, not -1"),
    (f"image.uri='{URI}'\n[train]\nalgorithm = true\ndistribution='mpi'\n", "an algorithm spreads itself"),
    ("[train]\nprocesses_per_host = 2\n", "train.processes_per_host: needs train.distribution"),
    ("[train]\nmax_wait_minutes = 5\n", "model.toml:2: train.max_wait_minutes: is for spot instances"),
    ("[train]\nspot = true\nmax_wait_minutes = 59\n", "must not be less than train.max_runtime_minutes"),
    ("[train]\nbudget = 0\n", "train.budget: must be above 0 and at most 1,000,000, not 0"),
    ("[data]\nretrain = 'daily'\n", "data.retrain: must be never or on-change"),
    ("[data]\nretrain = true\n", "data.retrain: must be a string"),
    ("[train]\nbudget = true\n", "train.budget: must be a number"),
    ("[environment]\nSM_X = 'a'\n", "environment.SM_X: SageMaker sets what begins so"),
    (f"image.serve_uri='{URI}'\n", "image.serve_uri: goes with image.uri"),
    (f"[image]\nuri='{URI}'\nserve_uri = 'xgboost'\n", "image.serve_uri: not an image's address with a tag"),
    ("[environment]\nMERGEMAKER_SERVE_IMAGE = 'a'\n", "MERGEMAKER_SERVE_IMAGE: is set by image.serve_uri"),
    ("[environment]\nMERGEMAKER_SMOKE = '1'\n", "MERGEMAKER_SMOKE: is what tells a smoke run from others"),
    ("[smoke]\nfraction = 0\n", "model.toml:2: smoke.fraction: must be above 0 and at most 1, not 0"),
    ("[smoke]\nfraction = 1.5\n", "smoke.fraction: must be above 0 and at most 1, not 1.5"),
    ("[smoke]\nfraction = '5%'\n", "smoke.fraction: must be a number"),
    ("[smoke]\ninstance_type = 'm5.large'\n", "smoke.instance_type: not an instance type"),
    ("[smoke]\nmax_runtime_minutes = 0\n", "smoke.max_runtime_minutes: must be at least 1, not 0"),
    ("[smoke]\ninstance_count = 2\n", "model.toml:2: smoke.instance_count: no such setting"),
    ("smoke = true\n", "model.toml:1: smoke: must be a table, such as [smoke]"),
    ("[environment]\nA = 1\n", "environment.A: must be a string of at most 512 characters"),
    ("[environment]\n'a-b' = 'x'\n", "environment.a-b: use letters, digits and underscores"),
    ("[channels.train]\ninput_mode = 'Pipe'\n", "channels.train.input_mode: must be File or FastFile"),
    ("[channels.train]\ncontent_type = ' csv'\n", "channels.train.content_type: must be a type such as text/csv"),
    ("[channels.train]\ndvc = 'a'\nprefix = 'b'\n", "channels.train.dvc: there is a prefix, too"),
    ("[channels.train]\ndvc = '/a'\n", "channels.train.dvc: must be a path under the repository"),
    ("prepare = 'prepare.py'\n", "model.toml:1: prepare: must be a table, such as [prepare]"),
    ("[[prepare]]\nscript = 'a.py'\n", "model.toml:1: prepare: must be a table, such as [prepare]"),
    ("[prepair]\nscript = 'a.py'\n", "model.toml:1: prepair: no such setting; did you mean prepare?"),
    ("[prepare]\nscript = '../a.py'\n", "model.toml:2: prepare.script: must be a Python file in the model's folder"),
    ("[prepare]\nscript = ''\n", "model.toml:2: prepare.script: must be a string"),
    ("[train]\nshared = 'lib'\n", "model.toml:2: train.shared: must be a list of strings, not 'lib'"),
    ("[train]\nshared = ['a', '../b']\n", "model.toml:2: train.shared: '../b' is no file or folder of the repository"),
    ("[train]\nshared = ['/lib']\n", "train.shared: '/lib' is no file or folder of the repository"),
    ("[train]\nshared = ['lib/..']\n", "train.shared: 'lib/..' is no file or folder of the repository"),
    ("[train]\nshared = ['.']\n", "train.shared: '.' is no file or folder of the repository"),
    ("[train]\nshared = ['']\n", "train.shared: '' is no file or folder of the repository"),
    ("[prepare]\nfile = ['a.py']\n", "model.toml:2: prepare.file: no such setting; did you mean prepare.files?"),
    ("[prepare]\nfiles = 'a.py'\n", "model.toml:2: prepare.files: must be a list of strings, not 'a.py'"),
    ("[prepare]\nfiles = ['a.py', 3]\n", "model.toml:2: prepare.files: must be a list of strings"),
    ("[prepare]\nfiles = ['a', '../b']\n", "model.toml:2: prepare.files: '../b' is no file or folder in the model's"),
    ("[prepare]\nfiles = ['/a.py']\n", "prepare.files: '/a.py' is no file or folder"),
    ("[prepare]\nfiles = ['.']\n", "prepare.files: '.' is no file or folder"),
    ("[prepare]\nfiles = ['']\n", "prepare.files: '' is no file or folder"),
    ("[prepare]\nfiles = ['a//b']\n", "prepare.files: 'a//b' is no file or folder"),
    ("[prepare]\ninstance_type = 'm5.large'\n", "model.toml:2: prepare.instance_type: not an instance type"),
    ("[prepare]\ninstance_count = 2\n", "model.toml:2: prepare.instance_count: no such setting"),
    ("[prepare]\nvolume_gb = 0\n", "model.toml:2: prepare.volume_gb: must be at least 1, not 0"),
    ("[prepare]\nvolume_gb = 16_385\n", "prepare.volume_gb: must be at most 16384, not 16385"),
    ("[prepare]\nmax_runtime_minutes = 0\n", "prepare.max_runtime_minutes: must be at least 1, not 0"),
    ("[prepare]\nmax_runtime_minutes = 12_961\n", "prepare.max_runtime_minutes: must be at most 12960, not 12961"),
    (f"[prepare]\nscript = '{'a' * 248}.py'\n", "prepare.script: must have at most 250 characters"),
    ("[prepare]\ninput = 'raw/'\n", "model.toml:2: prepare.input: no such setting; did you mean prepare.inputs?"),
    ("[prepare]\ninputs = 'raw/'\n", "model.toml:2: prepare.inputs: must hold tables, such as [prepare.inputs.name]"),
    ("[prepare.inputs.code]\n", "model.toml:1: prepare.inputs.code: the script itself comes as this"),
    ("[prepare.inputs.'a b']\n", "use letters, digits, dashes and underscores, at most 64"),
    ("[prepare.inputs.raw]\ninput_mode = 'File'\n", "model.toml:2: prepare.inputs.raw.input_mode: no such setting"),
    ("[prepare.inputs.raw]\nprefix = '../b'\n", "model.toml:2: prepare.inputs.raw.prefix: must be a path under the"),
    ("[prepare.inputs.raw]\ndvc = '/b'\n", "model.toml:2: prepare.inputs.raw.dvc: must be a path under the repository"),
    ("[prepare.inputs.raw]\ndvc = 'a'\nprefix = 'b'\n", "prepare.inputs.raw.dvc: there is a prefix, too"),
    ("".join(f"[prepare.inputs.i{n}]\n" for n in range(10)), "prepare.inputs: SageMaker takes 9, not 10"),
    ("[prepare]\n[channels.a]\nprefix = 'a'\n", "model.toml:3: channels.a.prefix: [prepare] makes what is in here"),
    ("[prepare]\n[channels.a]\ndvc = 'a'\n", "model.toml:3: channels.a.dvc: [prepare] makes what is in here"),
    ("[prepare]\n" + "".join(f"[channels.c{n}]\n" for n in range(11)), "channels: SageMaker takes 10, not 11"),
    ("train = 'train.py'\n", "model.toml:1: train: must be a table, such as [train]"),
    ("[sevre]\ncontent_type = 'text/csv'\n", "model.toml:1: sevre: no such setting; did you mean serve?"),
]


@pytest.mark.parametrize(("text", "fault"), FAULTS)
def test_a_fault_is_told_with_what_would_be_right(text: str, fault: str) -> None:
    assert fault in faults(text)


def test_sagemakers_limits_hold_at_the_edge() -> None:
    metrics = "".join(f'[metrics.m{n}]\ngoal="minimize"\n' for n in range(40))
    channels = "".join(f"[channels.c{n}]\n" for n in range(20))
    hyperparameters = "[hyperparameters]\n" + "".join(f"h{n} = {n}\n" for n in range(94))
    spec = parse_model("prices", metrics + channels + hyperparameters)
    assert (len(spec.metrics), len(spec.channels), len(spec.hyperparameters)) == (40, 20, 94)
    inputs = "".join(f"[prepare.inputs.i{n}]\n" for n in range(9))
    most = f"[prepare]\nscript = '{'a' * 247}.py'\nvolume_gb = 16_384\nmax_runtime_minutes = 12_960\n"
    prepared = parse_model("prices", most + inputs + "".join(f"[channels.c{n}]\n" for n in range(10)))
    assert (len(prepared.sources), len(prepared.channels)) == (9, 10)


def test_one_more_than_sagemaker_takes_is_refused() -> None:
    metrics = "".join(f'[metrics.m{n}]\ngoal="minimize"\n' for n in range(41))
    channels = "".join(f"[channels.c{n}]\n" for n in range(21))
    hyperparameters = "[hyperparameters]\n" + "".join(f"h{n} = {n}\n" for n in range(95))
    said = faults(metrics + channels + hyperparameters)
    assert "takes 40, not 41" in said
    assert "takes 20, not 21" in said
    assert "takes 94 besides script mode's own, not 95" in said


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
