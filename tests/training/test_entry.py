"""The entry point under AWS's own toolkit: what a script gets, what comes of it, and how its failure is told."""

import json
import os
import re
import signal

import pytest

from mergemaker.domain.installed import FILE, parse_installed
from tests.training.jobs import REQUIREMENTS, Train

(TOOLKIT,) = re.findall(r"^sagemaker-training==(\S+)", REQUIREMENTS.read_text(), re.MULTILINE)


def test_a_script_runs_in_script_mode_and_its_inference_code_goes_into_the_model(train: Train) -> None:
    job = train(
        "import argparse, os, pathlib\n"
        "parser = argparse.ArgumentParser()\n"
        "parser.add_argument('-n', type=int)\n"  # the toolkit's spelling of a name of one letter
        "parser.add_argument('--name')\n"
        "args = parser.parse_args()\n"
        "folder = pathlib.Path(os.environ['SM_CHANNEL_TRAINING'])\n"
        "pathlib.Path('rows.csv').touch()\n"
        "(pathlib.Path(os.environ['SM_MODEL_DIR']) / 'm.txt').write_text(f'{args.n} {args.name} {folder.is_dir()}')\n"
        "for epoch in range(3): print(f'rmse={epoch}.12345678901234567')\n"
    )

    assert job.code == 0, job.output
    assert (job.model / "m.txt").read_text() == "3 a b True"
    assert sorted(path.name for path in (job.model / "code").iterdir()) == ["inference.py", "train.py"]
    lines = job.output.splitlines()
    assert [line for line in lines if line.startswith("rmse=")] == [f"rmse={n}.12345678901234567" for n in range(3)]
    assert (job.base / "output" / "success").exists()
    installed = parse_installed((job.base / "output" / "data" / FILE).read_bytes())
    assert installed["sagemaker-training"] == TOOLKIT


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (
            "print('going on', flush=True)\nraise ValueError('no column named target')",
            "ValueError: no column named target",
        ),
        ("import sys\nsys.exit('put a train.csv into the channel')", "put a train.csv into the channel"),
        ("import argparse\nargparse.ArgumentParser().parse_args()", "error: unrecognized arguments: -n 3 --name a b"),
        ("import os\nos.kill(os.getpid(), 9)", "OutOfMemory: Process killed by SIGKILL"),
    ],
)
def test_a_failed_script_says_why_in_the_failure_reason(train: Train, script: str, reason: str) -> None:
    job = train(script)

    assert job.code == 1
    assert job.failure_reason.startswith("ExecuteUserScriptError:\nExitCode ")
    assert reason in job.failure_reason
    assert not (job.model / "code").exists()


def test_a_long_traceback_leaves_room_for_its_last_line(train: Train) -> None:
    job = train(f"def f(n):\n    if n: f(n - 1)\n    raise ValueError('the end')  # {'x' * 300}\nf(50)")

    assert "ValueError: the end" in job.failure_reason


def test_a_process_that_the_script_leaves_behind_does_not_hold_up_the_job(train: Train) -> None:
    job = train(
        "import os, pathlib, subprocess\n"
        "sleeper = subprocess.Popen(['sleep', '100'])\n"
        "(pathlib.Path(os.environ['SM_MODEL_DIR']) / 'pid').write_text(str(sleeper.pid))\n"
    )
    os.kill(int((job.model / "pid").read_text()), signal.SIGKILL)

    assert job.code == 0


STYLE = """
import argparse, json, os
from features.columns import COLUMNS
from helpers import square

def truth(text):
    return text.lower() in ("true", "1", "yes")

parser = argparse.ArgumentParser()
parser.add_argument("--batch-size", type=int, default=64)
parser.add_argument("--lr", type=float, default=0.01)
parser.add_argument("--objective", type=str)
parser.add_argument("--shuffle", type=truth, default=False)
parser.add_argument("--layers", type=json.loads)
parser.add_argument("--empty", type=str)
parser.add_argument("--hosts", type=list, default=json.loads(os.environ["SM_HOSTS"]))
parser.add_argument("--current-host", type=str, default=os.environ["SM_CURRENT_HOST"])
parser.add_argument("--model-dir", type=str, default=os.environ["SM_MODEL_DIR"])
parser.add_argument("--data-dir", type=str, default=os.environ["SM_CHANNEL_TRAINING"])
parser.add_argument("--output-data-dir", type=str, default=os.environ["SM_OUTPUT_DATA_DIR"])
parser.add_argument("--num-gpus", type=int, default=os.environ["SM_NUM_GPUS"])
args, unknown = parser.parse_known_args()
seen = {
    "values": [args.batch_size, args.lr, args.objective, args.shuffle, args.layers, args.empty],
    "again": json.loads(os.environ["SM_HPS"]),
    "one": os.environ["SM_HP_LR"],
    "host": [args.hosts, args.current_host, args.num_gpus],
    "folders": [os.path.isdir(args.data_dir), os.listdir(args.data_dir)],
    "code": [COLUMNS, square(3), unknown],
}
with open(os.path.join(args.output_data_dir, "seen.json"), "w") as file:
    json.dump(seen, file)
"""


def test_a_script_in_the_style_of_awss_examples_runs_from_a_folder_of_its_own(train: Train) -> None:
    values = {
        "batch-size": 32,
        "lr": 0.1,
        "objective": "reg:squarederror --lr 3 'x'",
        "shuffle": True,
        "layers": [64, 32],
        "empty": "",
    }
    files = {
        "src/train.py": STYLE,
        "src/helpers.py": "def square(x): return x * x\n",
        "features/__init__.py": "",
        "features/columns.py": "COLUMNS = ['a', 'b']\n",
    }
    job = train.run(files, "src/train.py", **values)

    assert job.code == 0, job.output
    assert json.loads((job.base / "output" / "data" / "seen.json").read_text()) == {
        "values": [32, 0.1, "reg:squarederror --lr 3 'x'", True, [64, 32], ""],
        "again": values,
        "one": "0.1",
        "host": [["localhost"], "localhost", 0],
        "folders": [True, []],
        "code": [["a", "b"], 9, []],
    }
