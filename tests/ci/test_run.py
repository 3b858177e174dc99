"""gitlab-ci-local runs the real file, with its child pipeline; only what `uv` installs is a stand-in here.

The whole of it, uv included, runs in tests/story.
"""

import os
import shutil
import sys
from pathlib import Path

import pytest

from local.job_logs import Job, jobs_of
from local.runner import run_jobs
from local.tools import tool_path
from tests.ci.test_template import MERGE_REQUEST, PUSH, ROOT
from tests.cli.conftest import SETTINGS, git
from tests.cli.test_plan import commit, head

UV = f"""\
#!/bin/sh
[ "$1" = venv ] || exit 0
mkdir -p .venv/bin
cat > .venv/bin/python <<'END'
#!/bin/sh
case $3 in check|plan) exec {sys.executable} "$@";; esac
shift 2
echo "$* as $AWS_ROLE_ARN with $(cat "$AWS_WEB_IDENTITY_TOKEN_FILE") for $MERGEMAKER_PIPELINE_ID in $CI_PIPELINE_SOURCE"
[ "$2" != rents ]
END
chmod +x .venv/bin/python
"""
VARIABLES = {
    "AWS_ID_TOKEN": "the-token",
    "CI_SERVER_URL": "http://127.0.0.1:1",
    "MERGEMAKER_REGION": "eu-west-1",
    "MERGEMAKER_SUBMIT_ROLE_ARN": "arn:submit",
    "MERGEMAKER_RELEASE_ROLE_ARN": "arn:release",
}


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A project with three models and the real template, as a runner has cloned it."""
    root = tmp_path / "clone"
    shutil.copytree(ROOT / "ci", root / "ci")
    shutil.copy(ROOT / ".gitlab-ci.yml", root)
    (root / "mergemaker.toml").write_text(SETTINGS)
    (root / "training").mkdir()
    (root / "training/Dockerfile").write_text("FROM scratch\n")
    for model in ("prices", "rents", "sales"):
        (root / "models" / model).mkdir(parents=True)
        (root / "models" / model / "model.toml").write_text('[channels.training]\nprefix = ""\n')
        (root / "models" / model / "train.py").write_text("")
    git(root, "init", "-q")
    commit(root)
    git(root, "remote", "add", "origin", "http://127.0.0.1:1/team/shop.git")
    git(root, "update-ref", "refs/remotes/origin/main", "HEAD")
    return root


def run(repo: Path, changed: tuple[str, ...], variables: dict[str, str]) -> tuple[str, dict[str, Job]]:
    """State and jobs of the pipeline for a commit that changes these models."""
    base = head(repo)
    for model in changed:
        (repo / "models" / model / "train.py").write_text("changed")
    (repo / "README.md").write_text("changed")
    commit(repo)
    bin_ = repo.parent / "bin"
    bin_.mkdir()
    (bin_ / "uv").write_text(UV)
    (bin_ / "uv").chmod(0o755)
    given = {**variables, **VARIABLES, "CI_DEFAULT_BRANCH": "main", "CI_COMMIT_BEFORE_SHA": base}
    status, jobs = run_jobs(repo, given, tools=f"{bin_}{os.pathsep}{tool_path()}")
    return status, {job["name"]: job for job in jobs}


def test_a_merge_request_submits_each_changed_model_in_a_job_and_fails_with_one_of_them(repo: Path) -> None:
    base = {"CI_MERGE_REQUEST_DIFF_BASE_SHA": head(repo)}
    status, jobs = run(repo, ("prices", "rents"), {**MERGE_REQUEST, **base})
    assert status == "failed"
    assert {name: (job["stage"], job["status"]) for name, job in jobs.items()} == {
        "mergemaker:plan": ("test", "success"),
        "mergemaker:models": ("mergemaker:models", "failed"),
        "submit:prices": ("mergemaker:models", "success"),
        "submit:rents": ("mergemaker:models", "failed"),
    }
    said = "submit prices as arn:submit with the-token for 70 in parent_pipeline"
    assert said in jobs["submit:prices"]["log"].splitlines()
    assert said not in jobs["submit:rents"]["log"]


def test_a_push_to_the_default_branch_releases_each_changed_model_in_a_job(repo: Path) -> None:
    status, jobs = run(repo, ("prices", "sales"), {**PUSH, "CI_COMMIT_BRANCH": "main", "CI_COMMIT_REF_NAME": "main"})
    # Those of the child run side by side.
    assert (status, list(jobs)[:2], set(list(jobs)[2:])) == (
        "success",
        ["mergemaker:plan", "mergemaker:models"],
        {"release:prices", "release:sales"},
    )
    said = "release sales --to staging as arn:release with the-token for 70 in parent_pipeline"
    assert said in jobs["release:sales"]["log"].splitlines()


def test_where_no_model_changed_the_child_pipeline_says_so_and_passes(repo: Path) -> None:
    base = {"CI_MERGE_REQUEST_DIFF_BASE_SHA": head(repo)}
    status, jobs = run(repo, (), {**MERGE_REQUEST, **base})
    assert (status, list(jobs)) == ("success", ["mergemaker:plan", "mergemaker:models", "no model changed"])
    assert jobs["no model changed"]["log"].splitlines()[-2] == "There is nothing to do. The job's name says why."


PRINTED = """\
plan     starting shell (build)
plan     > x starting shell (y)
plan     \x1b[32mfinished\x1b[0m in 5 ms
 WARN  downstream pipeline is experimental in gitlab-ci-local
\t[models] -> one   starting shell (test)
\t[models] -> one   > hello
\t[models] -> two   starting shell (test)

 PASS  [models] -> one
 {two}

 PASS  plan
 WARN  plan    after_script
 PASS  models
"""


def test_a_childs_end_is_its_triggers_and_the_pipelines() -> None:
    failed = PRINTED.format(two="FAIL  two\n  > why")
    assert [(job["name"], job["status"]) for job in jobs_of(failed, exit_code=0)[1]] == [
        ("plan", "success"),
        ("models", "failed"),
        ("one", "success"),
        ("two", "failed"),
    ]
    assert jobs_of(failed, exit_code=0)[0] == "failed"
    passed, jobs = jobs_of(PRINTED.format(two="PASS  [models] -> two"), exit_code=0)
    assert (passed, {job["status"] for job in jobs}) == ("success", {"success"})
    assert jobs[2]["log"].splitlines() == ["starting shell (test)", "hello"]


def test_a_child_that_ended_without_a_verdict_failed() -> None:
    status, jobs = jobs_of(PRINTED.format(two=""), exit_code=0)
    assert (status, jobs[1]["status"]) == ("failed", "failed")


def test_what_ends_without_any_job_that_failed_shows_all_that_was_printed() -> None:
    status, jobs = jobs_of("mergemaker.yml is no YAML", exit_code=1)
    assert (status, jobs[-1]["name"], jobs[-1]["log"]) == ("failed", "runner", "mergemaker.yml is no YAML")
