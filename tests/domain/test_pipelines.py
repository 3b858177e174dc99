"""GitLab's child pipeline, from few models to many."""

import json

import pytest

from mergemaker.domain.pipelines import MODEL, MOST_JOBS, Job, Plan, Task, child_pipeline, plan, retraining
from mergemaker.domain.triggers import Wishes


def names(count: int) -> list[str]:
    return [f"model-{number:04}" for number in range(count)]


def jobs(plan: Plan) -> dict[str, dict[str, str]]:
    """Of the child pipeline, with their variables."""
    made = json.loads(child_pipeline(plan))
    del made["include"]
    return {name: job["variables"] for name, job in made.items()}


def test_as_many_models_as_gitlab_takes_jobs_have_one_each() -> None:
    made = jobs(retraining(names(MOST_JOBS)))
    assert made == {f"submit:{name}": {MODEL: name} for name in names(MOST_JOBS)}


@pytest.mark.parametrize(("models", "number", "most"), [(101, 51, 2), (300, 100, 3), (999, 100, 10), (1000, 100, 10)])
def test_more_models_share_jobs_and_each_is_in_one(models: int, number: int, most: int) -> None:
    made = jobs(retraining(names(models)))
    assert list(made) == [f"submit:{n}/{number}" for n in range(1, number + 1)]
    shared = [variables[MODEL].split(" ") for variables in made.values()]
    assert [name for part in shared for name in part] == names(models)
    assert max(map(len, shared)) == most


def test_each_task_shares_by_itself_and_what_is_tagged_has_a_job_of_its_own() -> None:
    """A tag is one model's. On the default branch, those that changed are released, too."""
    wishes = Wishes({"model-0007": "v1", "model-0008": ""})
    made = jobs(plan(changed=names(200), models=names(200), wishes=wishes, review=False))
    assert list(made)[:2] == ["submit:model-0008", "submit:model-0007"]
    assert made["submit:model-0007"] == {MODEL: "model-0007", "MERGEMAKER_RELEASE_TAG": "v1"}
    assert list(made)[2:] == [f"release:{number}/100" for number in range(1, 101)]
    assert made["release:4/100"] == {MODEL: "model-0006 model-0007"}


def test_a_model_that_two_tasks_are_about_has_both_jobs() -> None:
    made = jobs(Plan((Job(Task.IMAGE, "image"), Job(Task.RELEASE, "image"))))
    assert made == {"release:image": {MODEL: "image"}, "image:image": {MODEL: "image"}}
