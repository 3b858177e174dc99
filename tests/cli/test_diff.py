"""`mergemaker diff`, as far as it comes without AWS; the whole of it runs in tests/story."""

from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.fixture
def job(ci: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job of a merge request, on a machine without the CDK CLI."""
    monkeypatch.setenv("CI_JOB_ID", "701")
    monkeypatch.setenv("PATH", "")


def test_outside_of_a_merge_request_it_says_what_is_missing(
    run: Run, job: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI_MERGE_REQUEST_IID")
    code, _, said = run("diff")
    assert (code, len(said)) == (2, 1)
    assert "CI_MERGE_REQUEST_IID not set" in said[0]


def test_another_projects_merge_request_is_not_told(run: Run, job: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI_PROJECT_ID", "6")
    code, _, said = run("diff")
    assert (code, len(said)) == (2, 1)
    assert "this job runs in GitLab project 6" in said[0]


def test_without_the_cdk_cli_it_says_how_to_get_it(run: Run, job: None) -> None:
    code, _, said = run("diff")
    assert (code, len(said)) == (2, 1)
    assert "npm ci" in said[0]


def test_stacks_that_can_not_be_made_fail_the_job_with_the_programs_own_words(
    run: Run, job: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cdk = tmp_path / "bin/cdk"
    cdk.parent.mkdir()
    cdk.write_text("#!/bin/sh\necho 'mergemaker.toml:2: no name' >&2\nexit 1\n")
    cdk.chmod(0o755)
    monkeypatch.setenv("PATH", str(cdk.parent))
    code, _, said = run("diff")
    assert (code, said) == (2, ["mergemaker: cdk synth failed:", "mergemaker: mergemaker.toml:2: no name"])
