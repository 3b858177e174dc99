"""Which models a pipeline is about, asked of a real git."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Run, git
from tests.fakes.made import MODEL_TOML


@pytest.fixture
def repo(project: Path) -> Path:
    """One commit with the models prices and rents."""
    (project / "models/rents").mkdir()
    (project / "models/rents/model.toml").write_text(MODEL_TOML)
    (project / "models/rents/train.py").write_text("")
    git(project, "init", "-q")
    commit(project)
    return project


def commit(repo: Path) -> str:
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "a change")
    return head(repo)


def head(repo: Path) -> str:
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=repo, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_a_merge_request_is_about_all_that_it_changes_not_only_its_last_commit(
    run: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI_MERGE_REQUEST_DIFF_BASE_SHA", head(repo))
    (repo / "models/prices/train.py").write_text("changed")
    commit(repo)
    (repo / "README.md").write_text("changed")
    commit(repo)
    assert run("plan") == (0, ["prices"], [])
    assert json.loads(run("plan", "--json")[1][0]) == ["prices"]


def test_a_change_of_what_the_image_is_made_of_is_about_every_model(run: Run, repo: Path) -> None:
    (repo / "training/Dockerfile").write_text("FROM other\n")
    commit(repo)
    assert run("plan") == (0, ["prices", "rents"], [])


def test_other_data_of_dvcs_is_about_the_models_that_train_on_it(run: Run, repo: Path) -> None:
    (repo / "models/rents/model.toml").write_text('[channels.training]\ndvc = "data/rents.csv"\n')
    (repo / "models/prices/model.toml").write_text("has faults")
    commit(repo)
    (repo / "data").mkdir()
    (repo / "data/rents.csv.dvc").write_text("outs: []\n")
    commit(repo)
    assert run("plan") == (0, ["rents"], [])


def test_a_change_of_nothing_that_trains_is_about_no_model(run: Run, repo: Path) -> None:
    (repo / "README.md").write_text("changed")
    commit(repo)
    assert run("plan") == (0, [], [])
    assert run("plan", "--json") == (0, ["[]"], [])


def test_a_renamed_file_is_about_both_models(run: Run, repo: Path) -> None:
    (repo / "models/prices/helper.py").write_text("x = 1\n" * 50)
    commit(repo)
    (repo / "models/prices/helper.py").rename(repo / "models/rents/helper.py")
    commit(repo)
    assert run("plan") == (0, ["prices", "rents"], [])


def test_a_model_that_is_gone_is_not_planned(run: Run, repo: Path) -> None:
    for file in ("model.toml", "train.py"):
        (repo / "models/rents" / file).unlink()
    commit(repo)
    assert run("plan") == (0, [], [])


def test_names_that_are_no_utf8_or_have_line_breaks_confuse_nothing(run: Run, repo: Path) -> None:
    folder = os.fsencode(repo / "models/prices")
    for name in (b"caf\xe9.txt", b"a\nmodels\nrents", "ü ß".encode()):
        os.close(os.open(folder + b"/" + name, os.O_CREAT | os.O_WRONLY))
    commit(repo)
    assert run("plan") == (0, ["prices"], [])


@pytest.mark.parametrize("before", [None, "", "0" * 40], ids=["not set", "empty", "zeros"])
def test_the_first_commit_of_a_repository_is_about_no_model(
    run: Run, repo: Path, monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    if before is not None:
        monkeypatch.setenv("CI_COMMIT_BEFORE_SHA", before)
    assert run("plan") == (0, [], [])


def test_a_push_of_several_commits_is_about_all_of_them(run: Run, repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a merge by fast-forward, where no merge commit says where the merge request began."""
    monkeypatch.setenv("CI_COMMIT_BEFORE_SHA", head(repo))
    for name in ("rents", "prices"):
        (repo / "models" / name / "train.py").write_text("changed")
        commit(repo)
    (repo / "README.md").write_text("changed")
    commit(repo)
    assert run("plan") == (0, ["prices", "rents"], [])


def test_the_first_push_of_a_branch_is_about_its_last_commit(
    run: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GitLab says zeros where there was nothing before, and in pipelines that no push has started."""
    monkeypatch.setenv("CI_COMMIT_BEFORE_SHA", "0" * 40)
    (repo / "models/prices/train.py").write_text("changed")
    commit(repo)
    assert run("plan") == (0, ["prices"], [])


def test_a_merge_requests_own_base_counts_more_than_the_last_push(
    run: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI_MERGE_REQUEST_DIFF_BASE_SHA", head(repo))
    (repo / "models/prices/train.py").write_text("changed")
    monkeypatch.setenv("CI_COMMIT_BEFORE_SHA", commit(repo))
    (repo / "README.md").write_text("changed")
    commit(repo)
    assert run("plan") == (0, ["prices"], [])


def test_a_merged_result_is_about_the_merge_request_and_not_about_what_came_to_its_target_since(
    run: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI_MERGE_REQUEST_DIFF_BASE_SHA", head(repo))
    monkeypatch.setenv("CI_MERGE_REQUEST_EVENT_TYPE", "merged_result")
    git(repo, "branch", "feature")
    (repo / "models/rents/train.py").write_text("changed on the target")
    target = commit(repo)
    git(repo, "checkout", "-q", "feature")
    (repo / "models/prices/train.py").write_text("changed")
    feature = commit(repo)
    git(repo, "checkout", "-q", target)
    git(repo, "merge", "-q", "--no-ff", "-m", "the merged result", feature)
    assert run("plan") == (0, ["prices"], [])


def test_a_push_whose_beginning_is_gone_is_told_in_one_line(
    run: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A branch was pushed with force: git has no such commit here."""
    monkeypatch.setenv("CI_COMMIT_BEFORE_SHA", "d" * 40)
    code, _, said = run("plan")
    assert code == 2
    assert len(said) == 1
    assert "bad object" in said[0]


def test_a_clone_that_hides_the_merge_is_told_instead_of_releasing_nothing(
    run: Run, repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repo / "README.md").write_text("changed")
    commit(repo)
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{repo}", "shallow")
    monkeypatch.chdir(tmp_path / "shallow")
    code, _, said = run("plan")
    assert code == 2
    assert said == ["mergemaker: this clone has only the last commit: make it a full one (GIT_DEPTH: 0)"]
