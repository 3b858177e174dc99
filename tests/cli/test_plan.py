"""Which models a pipeline is about, asked of a real git."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

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


def test_a_model_under_a_new_name_is_planned_and_the_old_name_is_not(run: Run, repo: Path) -> None:
    (repo / "models/rents").rename(repo / "models/leases")
    commit(repo)
    assert run("plan") == (0, ["leases"], [])


def test_a_model_that_becomes_two_is_planned_as_both(run: Run, repo: Path) -> None:
    shutil.copytree(repo / "models/rents", repo / "models/leases")
    (repo / "models/leases/train.py").rename(repo / "models/leases/fit.py")
    (repo / "models/rents/train.py").write_text("changed")
    commit(repo)
    assert run("plan") == (0, ["leases", "rents"], [])


def test_a_file_that_is_deleted_or_moved_out_is_about_the_model_that_it_was_of(run: Run, repo: Path) -> None:
    for model in ("prices", "rents"):
        (repo / "models" / model / "helper.py").write_text(f"{model} = 1\n" * 50)
    commit(repo)
    (repo / "models/prices/helper.py").unlink()
    (repo / "models/rents/helper.py").rename(repo / "helper.py")
    commit(repo)
    assert run("plan") == (0, ["prices", "rents"], [])


def test_a_models_folder_that_moves_out_of_models_is_not_planned(run: Run, repo: Path) -> None:
    (repo / "models/rents").rename(repo / "rents")
    commit(repo)
    assert run("plan") == (0, [], [])


def test_a_folder_that_becomes_a_model_is_planned(run: Run, repo: Path) -> None:
    (repo / "leases").mkdir()
    (repo / "leases/model.toml").write_text(MODEL_TOML)
    commit(repo)
    (repo / "leases").rename(repo / "models/leases")
    commit(repo)
    assert run("plan") == (0, ["leases"], [])


def test_a_script_that_becomes_executable_is_a_change(run: Run, repo: Path) -> None:
    (repo / "models/rents/train.py").chmod(0o755)
    commit(repo)
    assert run("plan") == (0, ["rents"], [])


def test_what_was_changed_and_changed_back_is_no_change(run: Run, repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI_MERGE_REQUEST_DIFF_BASE_SHA", head(repo))
    before = (repo / "models/rents/train.py").read_text()
    for text in ("changed", before):
        (repo / "models/rents/train.py").write_text(text)
        commit(repo)
    assert run("plan") == (0, [], [])


def test_what_other_models_changed_on_the_target_since_is_not_the_merge_requests(
    run: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI_MERGE_REQUEST_DIFF_BASE_SHA", head(repo))
    git(repo, "checkout", "-qb", "feature")
    (repo / "models/prices/train.py").write_text("changed")
    commit(repo)
    git(repo, "checkout", "-q", "-")
    (repo / "models/rents/train.py").write_text("changed on the target")
    commit(repo)
    git(repo, "checkout", "-q", "feature")
    assert run("plan") == (0, ["prices"], [])


def test_a_submodule_that_moves_on_is_about_its_model_whatever_gits_configuration_says(run: Run, repo: Path) -> None:
    for state in ("d" * 40, "e" * 40):
        git(repo, "update-index", "--add", "--cacheinfo", f"160000,{state},models/rents/vendored")
        git(repo, "commit", "-qm", "a submodule")
    git(repo, "config", "diff.ignoreSubmodules", "all")
    assert run("plan") == (0, ["rents"], [])


def test_what_models_share_is_about_those_that_declare_it(run: Run, repo: Path) -> None:
    (repo / "models/rents/model.toml").write_text('[train]\n"\\u0073hared" = ["lib/features", 7]\n')
    (repo / "models/prices/model.toml").write_text('[train]\nshared = "lib"\n')
    commit(repo)
    (repo / "lib/features").mkdir(parents=True)
    (repo / "lib/features/scale.py").write_text("")
    commit(repo)
    assert run("plan") == (0, ["rents"], [])


@pytest.mark.parametrize("settings", [b"\xff dvc", b"dvc = ", b"dvc = " + b"[" * 50_000, b"train = 1 # shared", b""])
def test_settings_that_cannot_be_read_are_left_to_check(run: Run, repo: Path, settings: bytes) -> None:
    (repo / "models/prices/model.toml").write_bytes(settings)
    commit(repo)
    (repo / "data.dvc").write_text("")
    commit(repo)
    assert run("plan") == (0, [], [])


def child(repo: Path) -> dict[str, Any]:
    made: dict[str, Any] = yaml.safe_load((repo / "child.yml").read_text())
    assert made.pop("include") == [{"local": "ci/mergemaker.gitlab-ci.yml"}]
    return made


@pytest.mark.parametrize(("merge_request", "task"), [("7", "submit"), (None, "release"), ("", "release")])
def test_the_child_pipeline_has_a_job_for_each_changed_model(
    run: Run, repo: Path, monkeypatch: pytest.MonkeyPatch, merge_request: str | None, task: str
) -> None:
    if merge_request is not None:
        monkeypatch.setenv("CI_MERGE_REQUEST_IID", merge_request)
    for model in ("prices", "rents"):
        (repo / "models" / model / "train.py").write_text("changed")
    commit(repo)
    assert run("plan", "--child-pipeline", "child.yml") == (0, ["prices", "rents"], [])
    assert child(repo) == {
        f"{task}:{model}": {"extends": f".mergemaker:{task}", "variables": {"MERGEMAKER_MODEL": model}}
        for model in ("prices", "rents")
    }


def test_where_nothing_changed_the_child_pipeline_says_so_for_gitlab_refuses_one_without_jobs(
    run: Run, repo: Path
) -> None:
    (repo / "README.md").write_text("changed")
    commit(repo)
    assert run("plan", "--child-pipeline", "child.yml") == (0, [], [])
    assert child(repo) == {"no model changed": {"extends": ".mergemaker:nothing"}}


def test_a_child_pipeline_that_cannot_be_written_is_told_in_one_line(run: Run, repo: Path) -> None:
    assert run("plan", "--child-pipeline", "none/child.yml") == (
        2,
        [],
        ["mergemaker: none/child.yml can't be written: No such file or directory"],
    )


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


def test_a_merge_train_without_merge_commits_is_about_the_whole_merge_request_and_not_about_those_before_it(
    run: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There GitLab rebases the merge request onto the train."""
    monkeypatch.setenv("CI_MERGE_REQUEST_DIFF_BASE_SHA", head(repo))
    monkeypatch.setenv("CI_MERGE_REQUEST_EVENT_TYPE", "merge_train")
    (repo / "models/rents/train.py").write_text("changed by the merge request before it")
    monkeypatch.setenv("CI_MERGE_REQUEST_TARGET_BRANCH_SHA", commit(repo))
    (repo / "models/prices/train.py").write_text("changed")
    commit(repo)
    (repo / "README.md").write_text("changed")
    commit(repo)
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
