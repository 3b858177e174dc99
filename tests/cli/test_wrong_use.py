"""Every bad input gets one clear line that says what to do, exit code 2 or 1, and no traceback."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import SETTINGS, Run, git

pytestmark = pytest.mark.usefixtures("project")


def only(lines: list[str]) -> str:
    (line,) = lines
    assert line.startswith("mergemaker: ")
    return line


@pytest.mark.parametrize(
    "words", [["check"], ["submit", "prices"], ["reproduce", "x"], ["release", "prices", "--to", "staging"]]
)
def test_where_there_is_no_project_it_says_where_to_run(run: Run, project: Path, ci: None, words: list[str]) -> None:
    (project / "mergemaker.toml").unlink()
    code, _, said = run(*words)
    assert code == 2
    assert only(said) == "mergemaker: no mergemaker.toml here: run this at the root of the project"


def test_all_faults_of_all_files_are_told_at_once_a_line_each(run: Run, project: Path) -> None:
    (project / "mergemaker.toml").write_text(SETTINGS.replace('"shop"', "3").replace("region", "regoin"))
    (project / "models/prices/model.toml").write_text('[train]\nscrpt = "x"\n[metrics.rmse]\ngoal = "low"\n')
    (project / "models/Rents").mkdir()
    (project / "models/Rents/model.toml").write_text("")
    code, _, said = run("check")
    assert code == 2
    assert sorted(line.split(": ")[1] for line in said) == [
        "'Rents' is not a name",
        "mergemaker.toml:11",
        "mergemaker.toml:2",
        "mergemaker.toml:9",
        "models/prices/model.toml:2",
        "models/prices/model.toml:4",
    ]


def test_a_project_without_faults_is_fine(run: Run) -> None:
    assert run("check") == (0, ["mergemaker.toml and 1 models are fine: prices"], [])


@pytest.mark.parametrize("content", [b"\xff\xfe", b"\x00", b"a = ", b"[[["])
def test_settings_that_are_no_text_are_told(run: Run, project: Path, content: bytes) -> None:
    (project / "mergemaker.toml").write_bytes(content)
    code, _, said = run("check")
    assert code == 2
    assert "mergemaker.toml" in only(said)


def test_what_can_be_no_run_is_not_reproduced(run: Run) -> None:
    code, _, said = run("reproduce", "no such run")
    assert code == 2
    assert only(said) == "mergemaker: there is no run 'no such run' of project shop in eu-west-1"


def test_an_unknown_model_is_answered_with_the_known_ones(run: Run, ci: None) -> None:
    code, _, said = run("submit", "rents")
    assert code == 2
    assert only(said).endswith("no model 'rents': there is no folder models/rents (models here: prices)")


@pytest.mark.parametrize("words", [["submit"], ["release", "--to", "staging"], ["image", "build"]])
def test_of_several_models_each_has_its_turn_and_the_worst_exit_code_counts(
    run: Run, project: Path, ci: None, words: list[str]
) -> None:
    git(project, "init", "-q")
    git(project, "add", ".")
    git(project, "commit", "-qm", "one")
    code, _, said = run(*words, "rents", "prices", "sales")
    assert code == 2  # the unknown ones' is 2, that of prices without AWS 1
    assert [line.split(": ")[1] for line in said] == ["rents", "prices", "sales"]
    assert "no AWS credentials" in said[1]


@pytest.mark.parametrize("name", ["../prices", "/etc", "Prices", "prices/", "", "a b"])
def test_what_can_be_no_models_name_never_becomes_a_path(run: Run, ci: None, name: str) -> None:
    code, _, said = run("submit", name)
    assert code == 2
    assert "is not a name" in only(said)


def test_an_unknown_environment_is_answered_with_the_known_ones(run: Run, ci: None) -> None:
    code, _, said = run("release", "prices", "--to", "prod")
    assert code == 2
    assert only(said) == "mergemaker: no environment 'prod' in mergemaker.toml: it has staging"


@pytest.mark.parametrize("words", [["submit", "prices"], ["release", "prices", "--to", "staging"]])
def test_outside_of_ci_the_missing_variables_are_named(run: Run, words: list[str]) -> None:
    code, _, said = run(*words)
    assert code == 2
    assert only(said).startswith(
        "mergemaker: not in GitLab CI: CI_PROJECT_ID, CI_COMMIT_SHA, CI_COMMIT_REF_NAME, CI_PIPELINE_ID not set."
    )


@pytest.mark.parametrize("words", [["submit", "prices"], ["release", "prices", "--to", "staging"]])
def test_a_job_of_another_gitlab_project_is_refused(
    run: Run, ci: None, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """A fork's merge request !7 is not ours."""
    monkeypatch.setenv("CI_PROJECT_ID", "6")
    code, _, said = run(*words)
    assert code == 2
    assert "this job runs in GitLab project 6, but mergemaker.toml is of project 5" in only(said)


def test_a_model_without_its_script_is_told(run: Run, project: Path) -> None:
    (project / "models/prices/train.py").unlink()
    code, _, said = run("check")
    assert code == 2
    assert only(said).endswith("models/prices/model.toml:1: train.script: there is no train.py in the model's folder")


@pytest.mark.parametrize("target", ["/etc/hostname", "nowhere", "loop.py"])
def test_a_link_that_leads_nowhere_good_is_told_by_name(run: Run, project: Path, target: str) -> None:
    (project / "models/prices/loop.py").symlink_to(target)
    code, _, said = run("check")
    assert code == 2
    assert "loop.py" in only(said)


def test_a_file_whose_name_is_no_utf8_is_told(run: Run, project: Path) -> None:
    os.close(os.open(os.fsencode(project / "models/prices") + b"/caf\xe9.py", os.O_CREAT | os.O_WRONLY))
    code, _, said = run("check")
    assert code == 2
    assert "caf" in only(said)


def test_a_plan_outside_of_git_is_told(run: Run) -> None:
    code, _, said = run("plan")
    assert code == 2
    assert "git" in only(said)


def test_a_plan_against_a_commit_that_a_shallow_clone_lacks_is_told(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(project, "init", "-q")
    git(project, "add", ".")
    git(project, "commit", "-qm", "one")
    monkeypatch.setenv("CI_MERGE_REQUEST_DIFF_BASE_SHA", "f" * 40)
    code, _, said = run("plan")
    assert code == 2
    assert "is this a full clone (GIT_DEPTH: 0)?" in only(said)


@pytest.mark.parametrize(
    "words", [[], ["train"], ["submit"], ["release", "prices"], ["submit", "prices", "--to", "x"], ["check", "--jsn"]]
)
def test_wrong_words_are_answered_with_the_usage(run: Run, words: list[str]) -> None:
    code, _, said = run(*words)
    assert code == 2
    assert said[0].startswith("usage: mergemaker")


# AWS ----------------------------------------------------------------------------------------


def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.mark.parametrize("words", [["submit", "prices"]])
def test_without_aws_credentials_it_says_how_to_get_them(run: Run, ci: None, words: list[str]) -> None:
    code, _, said = run(*words)
    assert code == 1
    assert "no AWS credentials: a CI job assumes a role; elsewhere run `aws sso login` or set AWS_PROFILE" in only(said)


@pytest.mark.parametrize(
    ("name", "value"), [("AWS_PROFILE", "nobody"), ("AWS_ENDPOINT_URL", "no address"), ("AWS_RETRY_MODE", "whatever")]
)
def test_an_aws_configuration_that_is_broken_is_told(
    run: Run, ci: None, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    keys(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv(name, value)
    code, _, said = run("submit", "prices")
    assert code == 1
    only(said)


def test_an_aws_that_can_not_be_reached_is_told_in_bounded_time(
    run: Run, ci: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys(monkeypatch)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    begin = time.monotonic()
    code, _, said = run("submit", "prices")
    assert code == 1
    assert "AWS can't be reached" in only(said)
    assert time.monotonic() - begin < 30


# How fast -----------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["--help"], ["submit", "--help"], ["submit"], ["check"]])
def test_what_needs_no_aws_does_not_import_its_library(project: Path, words: list[str]) -> None:
    """It takes longer to import than all else together."""
    script = (
        "import sys\nfrom mergemaker.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print(sorted({'boto3', 'botocore', 'gitlab', 'requests'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *words], cwd=project, capture_output=True, text=True, check=True
    )
    assert done.stderr.splitlines()[-1] == "[]"


def test_the_laptop_cloud_is_not_looked_for_in_a_teams_own_checkout(run: Run, project: Path) -> None:
    code, _, said = run("local", "env")

    assert code == 2
    assert said == ["mergemaker: there is no local/ here: run this at the root of Mergemaker's own checkout"]
    assert project.is_dir()
