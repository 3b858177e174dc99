"""Which jobs GitLab makes of ci/mergemaker.gitlab-ci.yml, in which pipeline, and what they may see."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mergemaker.domain.pipelines import Job, Plan, Task, child_pipeline
from tests.ci.rules import Config, Pipeline, load

ROOT = Path(__file__).parents[2]
PROJECT = {"CI_PROJECT_ID": "5", "CI_DEFAULT_BRANCH": "trunk", "CI_PIPELINE_ID": "70"}
PUSH = {**PROJECT, "CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "trunk", "CI_COMMIT_REF_NAME": "trunk"}
MERGE_REQUEST = {
    **PROJECT,
    "CI_PIPELINE_SOURCE": "merge_request_event",
    "CI_COMMIT_REF_NAME": "deeper-trees",
    "CI_MERGE_REQUEST_ID": "1",
    "CI_MERGE_REQUEST_IID": "7",
    "CI_MERGE_REQUEST_PROJECT_ID": "5",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "5",
}
CHILD = {"CI_PIPELINE_SOURCE": "parent_pipeline", "CI_PIPELINE_ID": "71", "MERGEMAKER_PIPELINE_ID": "70"}
SET_UP = {"MERGEMAKER_SUBMIT_ROLE_ARN": "arn:submit"}
PROTECTED = {"MERGEMAKER_RELEASE_ROLE_ARN": "arn:release", "MERGEMAKER_DEPLOY_ROLE_ARN": "arn:deploy"}

PIPELINES = {
    "a merge request": (
        Pipeline(MERGE_REQUEST | SET_UP, ("models/prices/train.py",)),
        ["mergemaker:models", "mergemaker:plan"],
    ),
    "a merge request that changes the stacks": (
        Pipeline(MERGE_REQUEST | SET_UP, ("infra/data.py",)),
        ["mergemaker:diff", "mergemaker:models", "mergemaker:plan"],
    ),
    "such a merge request before `mergemaker setup`": (
        Pipeline(MERGE_REQUEST, ("infra/data.py",)),
        ["mergemaker:models", "mergemaker:plan"],
    ),
    "a fork's merge request, in the fork": (
        Pipeline(
            {**MERGE_REQUEST, **SET_UP, "CI_PROJECT_ID": "6", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "6"},
            ("infra/data.py",),
        ),
        ["mergemaker:plan"],
    ),
    "a fork's merge request, in the parent project": (
        Pipeline(
            {**MERGE_REQUEST, **SET_UP, "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "6", "CI_COMMIT_REF_NAME": "trunk"},
            ("infra/data.py",),
        ),
        ["mergemaker:plan"],
    ),
    "a push to the default branch": (
        Pipeline(PUSH | PROTECTED, ("models/prices/train.py",)),
        ["mergemaker:models", "mergemaker:plan"],
    ),
    "a push to the default branch that changes the stacks": (
        Pipeline(PUSH | SET_UP | PROTECTED, ("infra/data.py",)),
        ["mergemaker:deploy", "mergemaker:models", "mergemaker:plan"],
    ),
    "such a push before `mergemaker setup`": (
        Pipeline(PUSH, ("infra/data.py",)),
        ["mergemaker:models", "mergemaker:plan"],
    ),
    "a push to another branch": (Pipeline({**PUSH, "CI_COMMIT_BRANCH": "deeper-trees"}, ("infra/data.py",)), []),
    "a tag": (Pipeline({**PROJECT, "CI_PIPELINE_SOURCE": "push", "CI_COMMIT_TAG": "v1"}), []),
    "a schedule": (
        Pipeline({**PUSH, "CI_PIPELINE_SOURCE": "schedule"} | SET_UP | PROTECTED),
        ["mergemaker:models", "mergemaker:plan"],
    ),
    "a schedule of another branch": (
        Pipeline({**PUSH, "CI_PIPELINE_SOURCE": "schedule", "CI_COMMIT_BRANCH": "deeper-trees"}),
        [],
    ),
    "new data": (
        Pipeline({**PUSH, "CI_PIPELINE_SOURCE": "api"} | SET_UP | PROTECTED),
        ["mergemaker:models", "mergemaker:plan"],
    ),
    "a person's click": (Pipeline({**PUSH, "CI_PIPELINE_SOURCE": "web"} | PROTECTED), []),
    "another project's pipeline": (Pipeline({**PUSH, "CI_PIPELINE_SOURCE": "pipeline"} | PROTECTED), []),
}


@pytest.fixture(scope="module")
def parent() -> Config:
    """As a project includes it."""
    return load(ROOT, ROOT / ".gitlab-ci.yml")


def child(folder: Path, *jobs: Job) -> Config:
    """A generated pipeline with what it includes."""
    (folder / "child.yml").write_text(child_pipeline(Plan(jobs)))
    return load(ROOT, folder / "child.yml")


@pytest.mark.parametrize("kind", PIPELINES)
def test_a_pipeline_has_these_jobs(parent: Config, kind: str) -> None:
    pipeline, jobs = PIPELINES[kind]
    assert sorted(pipeline.jobs(parent)) == jobs


CHILDREN = {
    "of a merge request": (MERGE_REQUEST, Task.SUBMIT),
    "of a merge request that says [build image]": (MERGE_REQUEST, Task.IMAGE),
    "of a push that says [train NAME]": (PUSH | PROTECTED, Task.SUBMIT),
    "of a schedule": ({**PUSH, "CI_PIPELINE_SOURCE": "schedule"}, Task.SUBMIT),
    "of a push to the default branch": (PUSH | PROTECTED, Task.RELEASE),
}


COMMANDS = {Task.SUBMIT: "submit", Task.RELEASE: "release", Task.IMAGE: "image build"}


@pytest.mark.parametrize("kind", CHILDREN)
def test_a_child_pipeline_has_a_job_for_each_model_and_none_of_its_parents(tmp_path: Path, kind: str) -> None:
    variables, task = CHILDREN[kind]
    made = child(tmp_path, Job(task, "prices"), Job(task, "image"))
    jobs = Pipeline(variables | CHILD, ("infra/data.py",)).jobs(made)
    assert sorted(jobs) == [f"{task}:image", f"{task}:prices"]
    assert jobs[f"{task}:image"]["variables"]["MERGEMAKER_MODEL"] == "image"
    assert f"mergemaker {COMMANDS[task]} $MERGEMAKER_MODEL" in "\n".join(jobs[f"{task}:prices"]["script"])


@pytest.mark.parametrize("task", Task)
def test_a_job_of_several_models_hands_each_to_the_command(tmp_path: Path, task: Task) -> None:
    jobs = Pipeline(PUSH | CHILD).jobs(child(tmp_path, *(Job(task, f"model-{number}") for number in range(101))))
    job = jobs[f"{task}:1/51"]
    shown = subprocess.run(
        ["bash", "-euc", "\n".join(["mergemaker() { printf '%s\\n' \"$@\"; }", *job["script"]])],
        env={"MERGEMAKER_SUBMIT_ROLE_ARN": "arn", "MERGEMAKER_RELEASE_ROLE_ARN": "arn", **job["variables"]},
        capture_output=True,
        text=True,
        check=True,
    )
    words = COMMANDS[task].split()
    assert shown.stdout.splitlines()[: len(words) + 2] == [*words, "model-0", "model-1"]


@pytest.mark.parametrize("variables", [MERGE_REQUEST, PUSH])
def test_where_no_model_changed_a_child_pipeline_has_a_job_that_needs_nothing(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    jobs = Pipeline(variables | CHILD).jobs(child(tmp_path))
    assert [(job["before_script"], job["variables"]["GIT_STRATEGY"]) for job in jobs.values()] == [([], "none")]
    assert "id_tokens" not in jobs["no model changed"]


def test_without_the_templates_workflow_a_merge_requests_child_would_have_no_jobs(tmp_path: Path) -> None:
    made = child(tmp_path, Job(Task.SUBMIT, "prices"))
    del made["workflow"]
    assert Pipeline(MERGE_REQUEST | CHILD).jobs(made) == {}


def test_each_merge_is_released_also_when_the_next_one_comes_at_once(parent: Config, tmp_path: Path) -> None:
    made = child(tmp_path, Job(Task.RELEASE, "prices"))
    for pipeline, config in ((Pipeline(PUSH), parent), (Pipeline(PUSH | CHILD), made)):
        rule = pipeline.rule(config)
        assert rule is not None
        assert rule["auto_cancel"] == {"on_new_commit": "none"}


def test_what_a_merge_request_would_change_is_compared_where_what_a_merge_changed_is_deployed(parent: Config) -> None:
    diff, deploy = parent["mergemaker:diff"], parent["mergemaker:deploy"]
    assert diff["rules"][0]["changes"] == deploy["rules"][0]["changes"]
    newest, before = deploy["before_script"][:2], deploy["before_script"][2:]
    assert [line.split()[:2] for line in newest] == [["git", "fetch"], ["git", "checkout"]]
    assert (diff["image"], diff["before_script"]) == (deploy["image"], before)
    assert not any("deploy" in line.lower() for line in diff["script"])


def test_a_diff_that_aws_did_not_answer_stops_no_merge_and_stacks_that_can_not_be_made_do(parent: Config) -> None:
    assert parent["mergemaker:diff"]["allow_failure"] == {"exit_codes": 1}
    assert "allow_failure" not in parent["mergemaker:deploy"]


def test_a_child_knows_whose_statuses_a_merge_waits_for(parent: Config) -> None:
    job = parent["mergemaker:models"]
    assert job["variables"]["MERGEMAKER_PIPELINE_ID"] == "$CI_PIPELINE_ID"
    assert job["trigger"]["strategy"] == "depend"
    assert job["trigger"]["include"] == [{"artifact": "mergemaker-models.yml", "job": "mergemaker:plan"}]
    assert parent["mergemaker:plan"]["artifacts"]["paths"] == ["mergemaker-models.yml"]
    assert "mergemaker plan --child-pipeline mergemaker-models.yml" in parent["mergemaker:plan"]["script"]


def test_what_is_deployed_is_there_before_anything_is_released(parent: Config) -> None:
    stages = ["build", "test", "deploy"]  # GitLab's own, in order
    order = [
        stages.index(parent[job]["stage"]) for job in ("mergemaker:plan", "mergemaker:deploy", "mergemaker:models")
    ]
    assert order[2] > max(order[:2])


def seen(jobs: Config) -> set[str]:
    """The variables of Mergemaker's that their scripts name."""
    scripts = [line for job in jobs.values() for key in job if key.endswith("script") for line in job[key]]
    return set(re.findall(r"MERGEMAKER_\w+", "\n".join(scripts)))


@pytest.mark.parametrize("kind", [kind for kind in PIPELINES if "merge request" in kind])
def test_a_merge_requests_jobs_need_no_protected_variable(parent: Config, tmp_path: Path, kind: str) -> None:
    pipeline, _ = PIPELINES[kind]
    made = child(tmp_path, Job(Task.SUBMIT, "prices"), Job(Task.IMAGE, "prices"))
    of_child = Pipeline({**pipeline.variables, **CHILD}).jobs(made)
    assert len(of_child) == 2
    assert not seen(pipeline.jobs(parent) | of_child) & PROTECTED.keys()


def test_the_job_that_runs_for_forks_shows_no_token_and_needs_no_variable(parent: Config) -> None:
    job = parent["mergemaker:plan"]
    assert "id_tokens" not in job
    assert seen({"plan": job}) == {"MERGEMAKER_LOCK"}


def test_what_asks_git_has_it(parent: Config) -> None:
    """uv's slim images have none."""
    for job in ("mergemaker:plan", ".mergemaker:release"):
        assert not parent[job]["image"].endswith("-slim")
    assert parent["mergemaker:plan"]["variables"]["GIT_DEPTH"] == "0"
    assert parent["mergemaker:models"]["variables"]["GIT_DEPTH"] == "2"


def test_the_uv_of_the_images_is_the_one_that_was_tested(parent: Config) -> None:
    locked = re.search(r"^uv==(\S+)", (ROOT / "requirements/uv.txt").read_text(), re.MULTILINE)
    assert locked is not None
    images = {job["image"] for job in parent.values() if isinstance(job, dict) and "uv:" in job.get("image", "")}
    assert {image.split(":")[1].split("-")[0] for image in images} == {locked[1]}


MANY = tuple(Job(Task.RELEASE, f"model-{number}") for number in range(101))


@pytest.mark.parametrize("jobs", [(), (Job(Task.SUBMIT, "prices", "v1"), Job(Task.RELEASE, "image")), MANY])
def test_gitlabs_schema_takes_a_generated_pipeline(tmp_path: Path, jobs: tuple[Job, ...]) -> None:
    file = tmp_path / "child.yml"
    file.write_text(child_pipeline(Plan(jobs)))
    command = [str(Path(sys.executable).with_name("check-jsonschema")), "--builtin-schema", "vendor.gitlab-ci"]
    done = subprocess.run([*command, str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
