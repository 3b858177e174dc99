"""docs/adopting.md, done: its files and commands, in its order, on a repository of somebody who has not heard of us.

AWS is the laptop cloud. What needs a real account, its second step alone, is left out; what stands in for that are the
resources that tests of adapters make.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.team import PARTS
from local.tools import tool_path
from mergemaker.cli import _parser
from mergemaker.domain.settings import parse_settings
from tests.adapters.conftest import NAMES
from tests.ci.rules import load
from tests.cli.conftest import CI, git
from tests.models.shop import Shop, beside

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "adopting.md").read_text(encoding="utf-8")
STEPS, _, LATER = TEXT.partition("## Models elsewhere")
WITH_ACCOUNTS = STEPS.partition("## 2.")[2].partition("## 3.")[0]
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", STEPS.replace(WITH_ACCOUNTS, ""), re.DOTALL)
BEFORE, *FILES = [text for kind, text in BLOCKS if kind != "sh"]
PATHS = (
    "mergemaker.toml",
    "models/rents/train.py",
    "models/rents/model.toml",
    "models/rents/requirements.txt",
    "models/rents/inference.py",
)
"""Of what is shown after the script as it was, in order."""
FEATURES = "def add_features(table):\n    return table.assign(per_room=table['area'] / table['rooms'])\n"
DATA = "area,rooms,age,distance,rent\n" + "".join(
    f"{20 + 3 * n % 97},{1 + n % 4},{n % 60},{n % 13},{300 + 11 * (3 * n % 97) - n % 60}\n" for n in range(200)
)


def shell(root: Path, script: str, **variables: str) -> str:
    """What a terminal shows. Raises AssertionError with that where a command fails."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "CI_", "GIT_"))}
    who = {f"GIT_{role}_{what}": "ann@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=root,
        env={**plain, **who, "PATH": tool_path(), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def adopted(paths: Iterator[str]) -> Iterator[str]:
    """The steps as one script: commands as they are shown, and files written where they are shown."""
    for kind, text in [block for block in BLOCKS if block[1] != BEFORE]:
        if kind == "sh":
            yield text
        else:
            yield f"cat > {next(paths)} <<'END'\n{text}END\n"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository as it was, beside a checkout of Mergemaker."""
    folder = tmp_path_factory.mktemp("adopting")
    mergemaker, root = folder / "mergemaker", folder / "shop"
    mergemaker.mkdir()
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, mergemaker / part)
    git(mergemaker, "init", "--quiet")
    git(mergemaker, "add", "--all")
    git(mergemaker, "commit", "--quiet", "-m", "Mergemaker")

    (root / "data").mkdir(parents=True)
    for path, text in {"train.py": BEFORE, "features.py": FEATURES, "data/train.csv": DATA}.items():
        (root / path).write_text(text)
    git(folder, "init", "--quiet", "--bare", "origin.git")
    git(root, "init", "--quiet")
    git(root, "remote", "add", "origin", str(folder / "origin.git"))
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "A notebook that grew")
    return root


@pytest.fixture(scope="module")
def shop(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with beside(root, tmp_path_factory.mktemp("aws")) as one:
        yield one


@pytest.fixture(scope="module")
def said(root: Path, shop: Shop) -> str:
    """What the terminal shows of all steps: account and region are the cloud's."""
    by_hand = shell(root, "python train.py")
    (root / "model.pkl").unlink()
    script = "\n".join(adopted(iter(PATHS))).replace("111122223333", NAMES.account).replace("eu-west-1", NAMES.region)
    return by_hand + shell(root, script, **shop.aws)


def mergemaker(shop: Shop, *words: str) -> Any:
    """What the adopted command answers in the merge request's pipeline."""
    number = str(parse_settings(FILES[0]).gitlab.project_id)
    base = shell(shop.root, "git rev-parse main").strip()
    variables = {**CI, "CI_PROJECT_ID": number, "CI_MERGE_REQUEST_DIFF_BASE_SHA": base, **shop.aws}
    return json.loads(shell(shop.root, f".venv/bin/python -m mergemaker.cli {shlex.join(words)} --json", **variables))


@pytest.fixture(scope="module")
def job(shop: Shop, said: str) -> Any:
    """The training job of the merge request."""
    assert said
    assert mergemaker(shop, "plan") == ["rents"]
    assert mergemaker(shop, "submit", "rents")["status"] == "Waiting"
    shop.builds_ended()
    return shop.finished(mergemaker(shop, "submit", "rents")["job"])


@pytest.mark.cloud
def test_by_hand_the_script_says_the_same_before_and_after(said: str) -> None:
    (before,) = re.findall(r"RMSE on the test set: (\S+)", said)
    (after,) = re.findall(r"\{'rmse': (\S+)\}", said)
    assert before == after


@pytest.mark.cloud
def test_check_is_content_at_each_step_and_the_data_is_in_the_bucket(said: str) -> None:
    assert "mergemaker.toml and 0 models are fine" in said
    assert "mergemaker.toml and 1 models are fine: rents" in said
    assert "rents: 1 files uploaded" in said
    assert "training/train.csv" in said


@pytest.mark.cloud
def test_what_is_pushed_has_no_data_and_none_of_the_tools(root: Path, said: str) -> None:
    assert said
    pushed = shell(root, "git ls-tree -r --name-only origin/rents").splitlines()
    assert {"features.py", "models/rents/train.py", ".gitlab-ci.yml", "app.py"} <= set(pushed)
    assert not [path for path in pushed if path.startswith(("data/", ".venv/", ".local/")) or "__pycache__" in path]
    assert set(load(root, root / ".gitlab-ci.yml")) == set(load(ROOT, ROOT / ".gitlab-ci.yml"))


@pytest.mark.cloud
def test_the_merge_requests_run_trains_and_has_its_metric(job: Any, said: str) -> None:
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert re.findall(r"\{'rmse': (\S+)\}", said)


@pytest.mark.cloud
def test_what_it_trained_answers_rows_of_the_data(shop: Shop, job: Any) -> None:
    endpoint = shop.endpoint("rents", job)
    answer = shop.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint, ContentType="text/csv", Body=b"62,2,40,3"
    )
    (rent,) = json.loads(answer["Body"].read())["predictions"]
    assert 300 < rent < 1500


@pytest.mark.cloud
def test_the_node_that_came_along_runs_npm(root: Path, said: str) -> None:
    assert said
    node, _, npm = WITH_ACCOUNTS.partition("```sh\n")[2].splitlines()[:3]
    assert npm.endswith(" ci --omit dev")
    assert shell(root, f"{node}\n{npm.removesuffix(' ci --omit dev')} --version")


def test_what_is_copied_is_what_the_storys_team_deploys_from() -> None:
    """tests/story runs `cdk deploy` in a checkout of these, with the team's own."""
    copied = shlex.split(BLOCKS[1][1].partition(" HEAD ")[2].partition("|")[0].replace("\\\n", ""))
    own = {".gitlab-ci.yml", ".gitignore", "LICENSE", "README.md", "models", "pyproject.toml"}
    assert set(copied) == set(PARTS) - own


def test_the_commands_that_need_accounts_are_ones() -> None:
    lines = [line for block in re.findall(r"```sh\n(.*?)```", WITH_ACCOUNTS, re.DOTALL) for line in block.splitlines()]
    named = [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("mergemaker ")]
    assert [_parser().parse_args(words).run.__name__ for words in named] == ["_setup", "_doctor"]


def test_the_steps_show_the_files_that_are_made_here() -> None:
    assert len(FILES) == len(PATHS)
    assert all(f"`{path}`" in STEPS for path in PATHS)


def test_models_elsewhere_is_a_setting() -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", LATER, re.DOTALL)
    assert parse_settings(shown + FILES[0].partition('name = "shop"')[2].partition("\n")[2]).models == "ml/models"


# A runner without internet ---------------------------------------------------------------


def test_the_images_are_taken_from_elsewhere_by_the_line_that_is_shown(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "ci", tmp_path / "ci")
    shutil.copy(ROOT / ".gitlab-ci.yml", tmp_path)
    (line,) = [line for line in LATER.splitlines() if line.startswith("sed ")]
    shell(tmp_path, line)
    jobs = load(tmp_path, tmp_path / ".gitlab-ci.yml").values()
    images = {job["image"] for job in jobs if isinstance(job, dict) and "image" in job}
    assert len(images) == 3
    assert all(image.startswith("images.example.com/") for image in images)
