"""What a team does with Mergemaker, act by act, on the laptop cloud: the demo shows it, the story test checks it.

Every act goes the way it goes on AWS and GitLab: the CDK CLI, git push, GitLab's API, S3. Of Mergemaker, this knows
only the names of what it makes.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
import gitlab
from gitlab.v4.objects import Project, ProjectMergeRequest

from local.laptop import ACCOUNT, REGION, Laptop, LaptopError
from local.tools import CDK, NODE, ROOT, tool_path
from mergemaker.domain.names import Names, input_prefix, note_marker

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

T = TypeVar("T")

PROJECT = "demo"
PARTS = (
    ".gitlab-ci.yml", ".gitignore", "LICENSE", "README.md", "app.py", "cdk.json", "ci", "infra", "lambdas",
    "mergemaker", "models", "package-lock.json", "package.json", "pyproject.toml", "requirements", "serving",
    "training",
)  # fmt: skip
"""What a team's repository has of this one."""
SETTINGS = """\
[project]
name = "{project}"

[gitlab]
url = "{url}"
project_id = {project_id}
project = "{path}"

[environments.staging]
account = "{account}"
region = "{region}"
"""


class Team:
    """A team with a GitLab project and an AWS account, both on this machine."""

    def __init__(self, laptop: Laptop, folder: Path) -> None:
        """`folder` becomes the team's checkout."""
        self.laptop, self.folder = laptop, folder
        self.names = Names(project=PROJECT, account=ACCOUNT, region=REGION)

    # GitLab -----------------------------------------------------------------------------

    @cached_property
    def gitlab(self) -> gitlab.Gitlab:
        return gitlab.Gitlab(self.laptop.gitlab, private_token=self.laptop.token, timeout=20)

    @cached_property
    def project(self) -> Project:
        """The GitLab project; made when it is first asked for."""
        group = self.gitlab.groups.create({"name": "Team", "path": "team"})
        asked = {"name": PROJECT, "path": PROJECT, "namespace_id": group.id}
        return _as(Project, self.gitlab.projects.create(asked))

    def push_first(self) -> None:
        """The repository as a team begins: this project's files, its own settings, pushed to main."""
        self.folder.mkdir(parents=True)
        junk = shutil.ignore_patterns("__pycache__", ".*_cache", "*.egg-info")
        for part in PARTS:
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, self.folder / part, ignore=junk)
            else:
                shutil.copy(source, self.folder / part)
        settings = SETTINGS.format(
            project=PROJECT,
            path=self.project.path_with_namespace,
            url=self.laptop.gitlab,
            project_id=self.project.id,
            account=ACCOUNT,
            region=REGION,
        )
        (self.folder / "mergemaker.toml").write_text(settings)
        self._git("init", "--quiet", "--initial-branch=main")
        for tools in (".venv", "node_modules"):  # so that commands work here as after `make setup`
            (self.folder / tools).symlink_to(ROOT / tools)
        (self.folder / ".git" / "info" / "exclude").write_text(".venv\nnode_modules\n")
        host, path = self.laptop.gitlab.removeprefix("http://"), self.project.path_with_namespace
        self._git("remote", "add", "origin", f"http://team:{self.laptop.token}@{host}/{path}.git")
        self._commit("Begin")
        self._git("push", "--quiet", "origin", "main")

    def branch(self, name: str, message: str, change: Callable[[Path], None]) -> str:
        """A branch off main with one commit, pushed; the commit's SHA. `change` edits the checkout."""
        self.pull()
        self._git("checkout", "--quiet", "-b", name)
        return self.push(message, change)

    def pull(self) -> None:
        """The checkout becomes main, as GitLab has it."""
        self._git("checkout", "--quiet", "main")
        self._git("pull", "--quiet", "origin", "main")

    def push(self, message: str, change: Callable[[Path], None]) -> str:
        """One more commit on the branch that is checked out, pushed; its SHA."""
        change(self.folder)
        self._commit(message)
        self._git("push", "--quiet", "origin", "HEAD")
        return self._git("rev-parse", "HEAD").strip()

    def open_merge_request(self, branch: str, title: str) -> ProjectMergeRequest:
        asked = {"source_branch": branch, "target_branch": "main", "title": title}
        return _as(ProjectMergeRequest, self.project.mergerequests.create(asked))

    def merge(self, merge_request: int) -> str:
        """As soon as GitLab lets it, which asks for a pipeline that succeeded; the merge commit's SHA."""

        def get() -> ProjectMergeRequest:
            return self.project.mergerequests.get(merge_request)

        until(lambda: get().detailed_merge_status == "mergeable", seconds=30, what=f"!{merge_request} to be mergeable")
        get().merge()
        return str(get().merge_commit_sha)

    def pipeline(self, sha: str, source: str) -> Any:
        """A commit's pipeline, as soon as its jobs have ended; a model's status may keep it from passing for longer.
        Raises LaptopError with the log of a job that failed."""

        def ended() -> Any:
            for pipeline in self.project.pipelines.list(sha=sha, source=source, get_all=True):
                jobs = pipeline.jobs.list(get_all=True)
                if jobs and all(job.status in ("success", "failed") for job in jobs):
                    return pipeline
            return None

        found = until(ended, seconds=180, what=f"the pipeline of {sha[:8]}")
        for job in found.jobs.list(get_all=True):
            if job.status == "failed":
                log = self.job_log(job.id)
                raise LaptopError(f"job {job.name} of {found.web_url} failed:\n{log[-3000:]}")
        return found

    def job_log(self, job: int) -> str:
        return self.project.jobs.get(job, lazy=True).trace().decode()

    def note(self, merge_request: int, model: str, *, saying: str, seconds: float = 120) -> str:
        """The report's text, as soon as it says `saying`."""
        request = self.project.mergerequests.get(merge_request, lazy=True)
        last = ""

        def there() -> str:
            nonlocal last
            for note in request.notes.list(iterator=True, per_page=100):
                if note.body.startswith(note_marker(model)):
                    last = str(note.body)
                    return last if saying in last else ""
            return ""

        try:
            return until(there, seconds=seconds, what=f"a note that says {saying!r}")
        except LaptopError as error:
            raise LaptopError(f"{error}; it says:\n{last or '(there is none)'}") from None

    # AWS --------------------------------------------------------------------------------

    @cached_property
    def _session(self) -> boto3.session.Session:
        return boto3.session.Session("test", "test", region_name=REGION)

    def client(self, service: str) -> Any:
        return self._session.client(service, endpoint_url=self.laptop.aws)  # type: ignore[call-overload]

    def deploy(self) -> None:
        """`cdk bootstrap` and `cdk deploy`."""
        self.cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}")
        self.cdk("deploy", "--all", "--require-approval", "never", "--method", "direct", "--concurrency", "3")

    def cdk(self, *words: str) -> str:
        """All that the real CDK CLI prints, as it comes. Raises LaptopError with its last lines if it fails."""
        return self._run([str(NODE), str(CDK), *words, "--app", f"{sys.executable} app.py"])

    def connect(self) -> None:
        """`mergemaker setup`, once per project; the laptop's token is a Maintainer's, too. Raises LaptopError with
        what it says if it fails, or leaves something undone."""
        self._run([sys.executable, "-m", "mergemaker.cli", "setup"], said=f"{self.laptop.token}\n")

    def upload_data(self, model: str) -> int:
        """What the model's own prepare_data.py writes, to the model's input; how many files."""
        data = self.folder.parent / f"data-{model}"
        self._run([sys.executable, str(self.folder / "models" / model / "prepare_data.py"), str(data)])
        s3: S3Client = self.client("s3")
        files = [file for file in sorted(data.rglob("*")) if file.is_file()]
        for file in files:
            key = input_prefix(model) + file.relative_to(data).as_posix()
            s3.upload_file(str(file), self.names.bucket, key)
        return len(files)

    def job(self, name: str) -> Any:
        sagemaker: SageMakerClient = self.client("sagemaker")
        return sagemaker.describe_training_job(TrainingJobName=name)

    def serving(self, model: str, *, version: int, seconds: float = 120) -> str:
        """The staging endpoint's name, as soon as it serves `version`."""
        sagemaker: SageMakerClient = self.client("sagemaker")
        name = self.names.endpoint(model, "staging")

        def in_service() -> bool:
            found = sagemaker.list_endpoints(NameContains=name)["Endpoints"]
            if not found:
                return False
            endpoint = sagemaker.describe_endpoint(EndpointName=name)
            wanted = endpoint.get("EndpointConfigName") == self.names.endpoint_config(model, "staging", version)
            if endpoint["EndpointStatus"] == "Failed":
                raise LaptopError(f"endpoint {name} failed: {endpoint.get('FailureReason')}")
            return wanted and endpoint["EndpointStatus"] == "InService"

        until(in_service, seconds=seconds, what=f"endpoint {name} to serve version {version}")
        return name

    def predict(self, endpoint: str, body: str) -> str:
        """The endpoint's answer to rows of CSV."""
        runtime: SageMakerRuntimeClient = self.client("sagemaker-runtime")
        answer = runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=body)
        return answer["Body"].read().decode()

    # Tools ------------------------------------------------------------------------------

    def _commit(self, message: str) -> None:
        self._git("add", "--all")
        self._git("-c", "user.name=Team", "-c", "user.email=team@example.com", "commit", "--quiet", "-m", message)

    def _git(self, *words: str) -> str:
        return self._run(["git", *words])

    def _run(self, command: list[str], *, said: str = "") -> str:
        scratch = self.laptop.state / "tmp"  # jsii leaves its kernel there when it is interrupted
        scratch.mkdir(exist_ok=True)
        environment = {**_plain_environment(), **self.laptop.environment(), "PATH": tool_path(), "TMPDIR": str(scratch)}
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            input=said,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,  # where CI is set, the CDK CLI writes to the other stream than elsewhere
            text=True,
            check=False,
            timeout=600,
        )
        if done.returncode:
            last = "\n".join(done.stdout.splitlines()[-30:])
            raise LaptopError(f"{' '.join(command[:4])} … failed:\n{last}")
        return done.stdout


def set_hyperparameter(model: str, name: str, value: int | float) -> Callable[[Path], None]:
    """A change of one line in model.toml, as a data scientist makes it."""

    def change(checkout: Path) -> None:
        file = checkout / "models" / model / "model.toml"
        text, count = re.subn(rf"(?m)^{name} = .*$", f"{name} = {value}", file.read_text())
        if count != 1:
            raise LaptopError(f"{file} has no line {name} = …")
        file.write_text(text)

    return change


def until(check: Callable[[], T], *, seconds: float, what: str) -> T:
    """What `check` returns, as soon as it is true. Raises LaptopError after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > end:
            raise LaptopError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.2)


def _plain_environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "GITLAB_", "CI_"))}


def _as(kind: type[T], value: object) -> T:
    """python-gitlab's managers promise less than they give."""
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value
