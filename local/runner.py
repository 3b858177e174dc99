"""``python -m local.runner``: GitLab's runner on this machine.

Takes pipelines from the GitLab stand-in and runs the real ``.gitlab-ci.yml`` of their commit with gitlab-ci-local, as
shell jobs in a fresh clone.

The jobs know AWS only by the address in AWS_ENDPOINT_URL and get no keys: they exchange the pipeline's id token for a
role's credentials, as on GitLab.
"""

import argparse
import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from local.job_logs import Job, job, jobs_of
from local.tools import GITLAB_CI_LOCAL, NODE, tool_path

POLL_SECONDS = 0.3
_DROPPED = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "PYTHONPATH")
"""Of this process's environment: a job has no keys, and only the code of its own commit."""
_PLAN = "mergemaker:plan"
"""The job whose artifact is a child pipeline."""


@dataclass(frozen=True)
class GitLabRunner:
    """Talks to the stand-in as its runner."""

    gitlab: str
    token: str
    work: Path

    def run_pending(self) -> int:
        """Runs all pipelines that wait; how many there were."""
        pipelines = self._ask("GET", "/-/runner/pipelines?status=created")
        for pipeline in pipelines:
            self._tell(pipeline, "running", [])
            try:
                status, jobs = self._run(pipeline)
            except (OSError, subprocess.SubprocessError) as error:
                status, jobs = "failed", [job("runner", "failed", f"the runner could not start the jobs: {error}")]
            self._tell(pipeline, status, jobs)
        return len(pipelines)

    def _run(self, pipeline: dict[str, Any]) -> tuple[str, list[Job]]:
        """Status of the pipeline, and its jobs with their logs."""
        with tempfile.TemporaryDirectory(dir=self.work, prefix=f"pipeline-{pipeline['id']}-") as folder:
            clone = Path(folder) / "clone"
            _git("clone", "--quiet", pipeline["repository_url"], str(clone), cwd=self.work)
            _git("checkout", "--quiet", "-B", pipeline["branch"], pipeline["sha"], cwd=clone)
            variables = self._variables(pipeline)
            if variables["CI_PIPELINE_SOURCE"] == "push" and set(variables["CI_COMMIT_BEFORE_SHA"]) != {"0"}:
                # To gitlab-ci-local `rules:changes` is what differs from this; to GitLab, from before the push.
                default = f"refs/remotes/origin/{variables['CI_DEFAULT_BRANCH']}"
                _git("update-ref", default, variables["CI_COMMIT_BEFORE_SHA"], cwd=clone)
            return run_jobs(clone, variables)

    def _variables(self, pipeline: dict[str, Any]) -> dict[str, str]:
        """GitLab's own, the project's, and the id token that the template asks for."""
        variables: dict[str, str] = dict(pipeline["variables"])
        variables |= {one["key"]: one["value"] for one in pipeline["project_variables"]}
        asked = {"pipeline_id": pipeline["id"], "aud": variables["CI_SERVER_URL"]}
        variables["AWS_ID_TOKEN"] = self._ask("POST", "/-/runner/id_token", asked)["id_token"]
        return variables

    def _tell(self, pipeline: dict[str, Any], status: str, jobs: list[Job]) -> None:
        self._ask("PUT", f"/-/runner/pipelines/{pipeline['id']}", {"status": status, "jobs": jobs})

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - the address is this machine's
            f"{self.gitlab}{path}",
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"PRIVATE-TOKEN": self.token, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.load(answer)


def run_jobs(clone: Path, variables: dict[str, str], *, tools: str | None = None) -> tuple[str, list[Job]]:
    """Runs the pipeline that the checkout's file and GitLab's variables make; its status, and its jobs with their logs,
    a child pipeline's among them. Its tools are found in the PATH `tools`."""
    file = clone / ".gitlab-ci-local-variables.yml"
    file.write_text(yaml.safe_dump({key: value.replace("$", "$$") for key, value in variables.items()}))
    # gitlab-ci-local keeps artifacts under the job's name without its colon, and looks for a child pipeline's with it.
    artifacts = clone / ".gitlab-ci-local" / "artifacts"
    artifacts.mkdir(parents=True)
    (artifacts / _PLAN).symlink_to(_PLAN.replace(":", base64.urlsafe_b64encode(b":").decode().rstrip("=")))
    environment = _environment(tools or tool_path())
    done = subprocess.run(_command(variables), cwd=clone, env=environment, capture_output=True, text=True, check=False)
    return jobs_of(done.stdout + done.stderr, exit_code=done.returncode)


def _command(variables: dict[str, str]) -> list[str]:
    """Variables go through a file: a command line is for everyone to read."""
    return [
        str(NODE),
        str(GITLAB_CI_LOCAL),
        "--force-shell-executor",
        "--shell-isolation",
        "--no-artifacts-to-source",
        "--ignore-predefined-vars",
        ",".join(variables),
        *([] if "CI_COMMIT_BRANCH" in variables else ["--unset-variable", "CI_COMMIT_BRANCH"]),
    ]


def _environment(tools: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key not in _DROPPED}
    return {**kept, "PATH": tools, "NO_COLOR": "1", "FORCE_COLOR": "0"}


def _git(*words: str, cwd: Path) -> None:
    subprocess.run(["git", *words], cwd=cwd, check=True, capture_output=True, timeout=60)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local.runner", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--gitlab", required=True, help="address of the stand-in")
    parser.add_argument("--token", required=True)
    parser.add_argument("--state", type=Path, required=True, help="folder for clones")
    asked = parser.parse_args()
    work = asked.state.resolve() / "runner"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    runner = GitLabRunner(asked.gitlab, asked.token, work)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    while True:
        try:
            ran = runner.run_pending()
        except OSError as error:
            print(f"GitLab can't be reached: {error}", file=sys.stderr)
            ran = 0
        if not ran:
            time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
