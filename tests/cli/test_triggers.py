"""What a pipeline does by its commit's message, by a schedule and by new data: asked of a real git."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run, git
from tests.cli.test_plan import head
from tests.fakes.made import MODEL_TOML

MODELS = ("prices", "rents")


@pytest.fixture(autouse=True)
def repo(project: Path) -> Path:
    """One commit with the models prices and rents."""
    (project / "models/rents").mkdir()
    (project / "models/rents/model.toml").write_text(MODEL_TOML)
    (project / "models/rents/train.py").write_text("")
    git(project, "init", "-q")
    commit(project, "both")
    return project


@pytest.fixture
def merge_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI_MERGE_REQUEST_IID", "7")


def commit(repo: Path, message: str, *changed: str) -> str:
    for model in changed:
        (repo / "models" / model / "train.py").write_text(f"# {message}")
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "--allow-empty", "-m", message)
    return head(repo)


def jobs(run: Run, repo: Path) -> dict[str, dict[str, str]]:
    """Of the child pipeline, with their variables."""
    code, _, said = run("plan", "--child-pipeline", "child.yml")
    assert (code, said) == (0, [])
    made = json.loads((repo / "child.yml").read_text())
    del made["include"]
    for name, job in made.items():
        assert job["extends"] == f".mergemaker:{name.split(':')[0] if 'variables' in job else 'nothing'}"
    return {name: job.get("variables", {}) for name, job in made.items()}


@pytest.mark.usefixtures("merge_request")
def test_a_model_that_did_not_change_is_trained_because_the_message_says_so(run: Run, repo: Path) -> None:
    commit(repo, "Other words\n\n[train rents v2]", "prices")
    assert jobs(run, repo) == {
        "submit:prices": {"MERGEMAKER_MODEL": "prices"},
        "submit:rents": {"MERGEMAKER_MODEL": "rents", "MERGEMAKER_RELEASE_TAG": "v2"},
    }


def test_on_the_default_branch_it_is_submitted_and_what_changed_is_released(run: Run, repo: Path) -> None:
    commit(repo, "Merge [train rents] [train prices v1]", "prices")
    assert jobs(run, repo) == {
        "submit:prices": {"MERGEMAKER_MODEL": "prices", "MERGEMAKER_RELEASE_TAG": "v1"},
        "submit:rents": {"MERGEMAKER_MODEL": "rents"},
        "release:prices": {"MERGEMAKER_MODEL": "prices"},
    }


@pytest.mark.usefixtures("merge_request")
def test_skip_train_trains_nothing_and_the_pipeline_says_so(run: Run, repo: Path) -> None:
    commit(repo, "A typo [skip train]", *MODELS)
    assert jobs(run, repo) == {"nothing trains, by [skip train]": {}}


def test_skip_train_holds_back_no_release(run: Run, repo: Path) -> None:
    commit(repo, "A typo [skip train]", "prices")
    assert list(jobs(run, repo)) == ["release:prices"]


@pytest.mark.usefixtures("merge_request")
@pytest.mark.parametrize(("changed", "built"), [(("rents",), ["image:rents"]), ((), ["image:prices", "image:rents"])])
def test_build_image_builds_what_changed_or_everything_and_trains_nothing(
    run: Run, repo: Path, changed: tuple[str, ...], built: list[str]
) -> None:
    commit(repo, "Newer packages [build image]", *changed)
    assert list(jobs(run, repo)) == built


@pytest.mark.usefixtures("merge_request")
def test_where_gitlab_tests_the_merged_result_the_branchs_own_last_message_counts(
    run: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = head(repo)
    git(repo, "checkout", "-qb", "feature")
    feature = commit(repo, "Deeper trees [train rents]")
    git(repo, "checkout", "-q", target)
    commit(repo, "On the target", "prices")
    git(repo, "merge", "-q", "--no-ff", "-m", "Merged [skip train]", feature)
    monkeypatch.setenv("CI_MERGE_REQUEST_EVENT_TYPE", "merged_result")
    monkeypatch.setenv("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", feature)
    assert list(jobs(run, repo)) == ["submit:rents"]


def test_a_wish_that_cannot_be_fulfilled_fails_the_plan_with_one_line(run: Run, repo: Path) -> None:
    commit(repo, "Again [train sales]")
    code, out, said = run("plan", "--child-pipeline", "child.yml")
    assert (code, out) == (2, [])
    assert said == [
        "mergemaker: the commit's message says '[train sales]': there is no model 'sales': push a commit that says it "
        "right"
    ]
    assert not (repo / "child.yml").exists()


def test_a_merge_is_released_also_if_its_message_asks_for_what_cannot_be(run: Run, repo: Path) -> None:
    """Such as a title that nobody took for a wish: no later pipeline would release the merge."""
    commit(repo, "Merge branch 'loop'\n\n[train] A faster loop\n\nSee merge request team/shop!7", "prices")
    code, out, said = run("plan", "--child-pipeline", "child.yml")
    assert (code, out) == (0, ["prices"])
    assert len(said) == 1
    assert said[0].startswith("mergemaker: left out: the commit's message says '[train]': write [train NAME]")
    assert [name for name in json.loads((repo / "child.yml").read_text()) if name != "include"] == ["release:prices"]


@pytest.mark.usefixtures("merge_request")
def test_a_merged_result_whose_own_last_commit_is_not_in_the_clone_wishes_nothing(
    run: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where GitLab squashed it, and the branch has moved on since or is a fork's."""
    commit(repo, "Merged and squashed [train rents]", "prices")
    monkeypatch.setenv("CI_MERGE_REQUEST_EVENT_TYPE", "merge_train")
    monkeypatch.setenv("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "d" * 40)
    assert list(jobs(run, repo)) == ["submit:prices"]


def test_a_schedule_submits_every_model_whatever_the_last_commit_says(
    run: Run, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(repo, "Deeper trees [skip train]", "prices")
    monkeypatch.setenv("CI_PIPELINE_SOURCE", "schedule")
    assert list(jobs(run, repo)) == ["submit:prices", "submit:rents"]


def test_new_data_submits_the_models_that_ask_for_it(run: Run, repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI_PIPELINE_SOURCE", "api")
    assert jobs(run, repo) == {"no model is retrained by new data": {}}
    (repo / "models/rents/model.toml").write_text(f'data.retrain = "on-change"\n{MODEL_TOML}')
    (repo / "models/prices/model.toml").write_text(f'data.retrain = "never"\n{MODEL_TOML}')
    assert list(jobs(run, repo)) == ["submit:rents"]


def test_an_image_of_somebody_elses_needs_no_build(run: Run, repo: Path) -> None:
    settings = '[image]\nuri = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"\n'
    (repo / "models/rents/model.toml").write_text(settings + MODEL_TOML)
    said = "rents: image 683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1 is somebody else's: "
    assert run("image", "build", "rents") == (0, [f"{said}there is nothing to build"], [])


def test_of_several_images_one_that_cannot_be_built_holds_back_no_other(run: Run, repo: Path) -> None:
    address = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
    for model in MODELS:
        (repo / "models" / model / "model.toml").write_text(f'image.uri = "{address}"\n{MODEL_TOML}')
    code, out, said = run("image", "build", "prices", "sales", "rents", "--json")
    assert (code, [json.loads(line)["model"] for line in out]) == (2, ["prices", "rents"])
    assert said == ["mergemaker: sales: no model 'sales': there is no folder models/sales (models here: prices, rents)"]
