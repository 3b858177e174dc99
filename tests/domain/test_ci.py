"""What GitLab's variables say, and which models a change touches."""

import pytest

from mergemaker.domain.changes import Elsewhere, changed_models
from mergemaker.domain.ci import compared_in, diff_base, merge_request_of, origin
from mergemaker.domain.errors import UsageError
from mergemaker.domain.lineage import Origin
from mergemaker.domain.stack_diff import Job
from tests.fakes.made import HEAD

MERGED = "f" * 40
BRANCH = {"CI_PROJECT_ID": "5", "CI_COMMIT_SHA": HEAD, "CI_COMMIT_REF_NAME": "main", "CI_PIPELINE_ID": "70"}
MERGE_REQUEST = {
    **BRANCH,
    "CI_MERGE_REQUEST_IID": "7",
    "CI_COMMIT_REF_NAME": "deeper-trees",
    "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "deeper-trees",
    "CI_MERGE_REQUEST_REF_PATH": "refs/merge-requests/7/head",
    "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": "",
}


def test_a_branch_pipeline_has_no_merge_request() -> None:
    assert origin(BRANCH) == Origin(5, None, HEAD, "main", "main", 70, HEAD)


def test_a_merge_request_pipeline_says_its_ref() -> None:
    assert origin(MERGE_REQUEST) == Origin(5, 7, HEAD, "deeper-trees", "refs/merge-requests/7/head", 70, HEAD)


def test_the_job_that_compares_stacks_is_told_from_one_that_is_retried() -> None:
    here = {**MERGE_REQUEST, "CI_JOB_ID": "701"}
    assert compared_in(origin(here), here) == Job(7, 70, 701, HEAD, "deeper-trees")


@pytest.mark.parametrize("gone", ["CI_MERGE_REQUEST_IID", "CI_JOB_ID"])
def test_stacks_are_compared_in_a_job_of_a_merge_request_only(gone: str) -> None:
    here = {**MERGE_REQUEST, "CI_JOB_ID": "701"} | {gone: ""}
    with pytest.raises(UsageError, match=f"{gone} not set"):
        compared_in(origin(here), here)


@pytest.mark.parametrize(
    ("kind", "ref"),
    [("merged_result", "refs/merge-requests/7/merge"), ("merge_train", "refs/merge-requests/7/train")],
)
def test_where_gitlab_tests_the_merged_result_the_commit_is_still_the_branchs_and_the_ref_is_not(
    kind: str, ref: str
) -> None:
    """GitLab sets CI_MERGE_REQUEST_REF_PATH to .../head there, too; a status for that ref opens another pipeline."""
    merged = {
        **MERGE_REQUEST,
        "CI_COMMIT_SHA": MERGED,
        "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": HEAD,
        "CI_MERGE_REQUEST_EVENT_TYPE": kind,
    }
    found = origin(merged)
    assert (found.commit, found.pipeline_commit, found.ref) == (HEAD, MERGED, ref)


@pytest.mark.parametrize("kind", ["detached", "", "something new"])
def test_in_any_other_merge_request_pipeline_the_ref_is_the_head(kind: str) -> None:
    assert origin({**MERGE_REQUEST, "CI_MERGE_REQUEST_EVENT_TYPE": kind}).ref == "refs/merge-requests/7/head"


@pytest.mark.parametrize(
    ("message", "merge_request"),
    [
        ("Merge branch 'x' into 'main'\n\nDeeper trees\n\nSee merge request team/shop!7\n", 7),
        ("Deeper trees\n\nSee merge request !7", 7),
        ("See merge request team/shop!7\n\nReverts that.\n\nSee merge request team/shop!12\n", 12),
        ("See merge request team/shop!7  \r\n", 7),
        ("Deeper trees", None),
        ("", None),
        ("Please see merge request team/shop!7", None),
        ("See merge request team/shop!7, which this follows", None),
        ("See merge request team/shop#7", None),
        ("See merge request !７", None),
        (f"See merge request !{'9' * 5000}", None),
    ],
)
def test_a_merge_commits_message_names_its_merge_request_in_a_line_of_its_own(
    message: str, merge_request: int | None
) -> None:
    assert merge_request_of(message) == merge_request


def test_a_job_may_wish_for_a_release_and_its_tag_is_read_as_strictly_as_in_a_message() -> None:
    assert origin({**BRANCH, "MERGEMAKER_RELEASE_TAG": "v1"}).tag == "v1"
    assert origin({**BRANCH, "MERGEMAKER_RELEASE_TAG": ""}).tag == ""
    with pytest.raises(UsageError, match=r"MERGEMAKER_RELEASE_TAG: 'v1 --x' can be no tag"):
        origin({**BRANCH, "MERGEMAKER_RELEASE_TAG": "v1 --x"})


def test_outside_of_ci_all_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        origin({"CI_PIPELINE_ID": "70", "CI_COMMIT_SHA": ""})
    said = str(caught.value)
    assert said.startswith("not in GitLab CI: CI_PROJECT_ID, CI_COMMIT_SHA, CI_COMMIT_REF_NAME not set.")
    assert "\n" not in said


@pytest.mark.parametrize("name", ["CI_PROJECT_ID", "CI_PIPELINE_ID", "CI_MERGE_REQUEST_IID"])
@pytest.mark.parametrize("value", ["x", "7.0", "-7", "７", "²", "7\n", "9" * 5000])
def test_a_number_that_is_none_is_named(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=name) as caught:
        origin({**MERGE_REQUEST, name: value})
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("name", ["CI_COMMIT_SHA", "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA"])
@pytest.mark.parametrize("value", ["main", "abc", "\n/merge\n", f"{HEAD}\n", HEAD.upper()])
def test_a_commit_that_is_none_is_named(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=name):
        origin({**MERGE_REQUEST, name: value})


CHILD = {**MERGE_REQUEST, "CI_PIPELINE_ID": "71", "CI_PIPELINE_SOURCE": "parent_pipeline"}
"""GitLab gives a child pipeline all of its parent's but these."""


def test_who_asks_in_a_child_pipeline_is_its_parent_for_whose_statuses_a_merge_waits() -> None:
    assert origin({**CHILD, "MERGEMAKER_PIPELINE_ID": "70"}) == origin(MERGE_REQUEST)
    assert origin(CHILD).pipeline == 71


@pytest.mark.parametrize("value", ["$CI_PIPELINE_ID", "x", "-7", "7\n", "9" * 5000])
def test_a_parent_that_is_no_number_is_named(value: str) -> None:
    with pytest.raises(UsageError, match="MERGEMAKER_PIPELINE_ID") as caught:
        origin({**CHILD, "MERGEMAKER_PIPELINE_ID": value})
    assert len(str(caught.value)) < 200


NOTHING = "0" * 40


@pytest.mark.parametrize(
    ("variables", "base"),
    [
        ({}, ""),
        ({"CI_COMMIT_BEFORE_SHA": HEAD}, HEAD),
        ({"CI_COMMIT_BEFORE_SHA": NOTHING}, ""),
        ({"CI_MERGE_REQUEST_DIFF_BASE_SHA": MERGED, "CI_COMMIT_BEFORE_SHA": HEAD}, MERGED),
        ({"CI_MERGE_REQUEST_DIFF_BASE_SHA": MERGED, "CI_MERGE_REQUEST_EVENT_TYPE": "detached"}, MERGED),
        ({"CI_MERGE_REQUEST_DIFF_BASE_SHA": MERGED, "CI_MERGE_REQUEST_EVENT_TYPE": "merged_result"}, ""),
        ({"CI_MERGE_REQUEST_DIFF_BASE_SHA": MERGED, "CI_MERGE_REQUEST_EVENT_TYPE": "merge_train"}, ""),
    ],
)
def test_changes_count_from_the_merge_base_or_from_before_the_push(variables: dict[str, str], base: str) -> None:
    assert diff_base(variables) == base


@pytest.mark.parametrize("name", ["CI_MERGE_REQUEST_DIFF_BASE_SHA", "CI_COMMIT_BEFORE_SHA"])
def test_a_base_that_git_would_take_for_an_option_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=name):
        diff_base({name: "--output=.gitlab-ci.yml"})


MODELS = ["prices", "rents", "breast-cancer"]


@pytest.mark.parametrize(
    ("paths", "models"),
    [
        ([], []),
        (["README.md", "docs/x.md", "infra/data.py"], []),
        (["models/rents/train.py"], ["rents"]),
        (["models/rents/a/b/c.py", "models/prices/model.toml"], ["prices", "rents"]),
        (["models/gone/train.py"], []),
        (["models/README.md", "models"], []),
        (["models/rents"], ["rents"]),  # a submodule's folder, or a link
        (["training/Dockerfile"], sorted(MODELS)),
        (["serving/app.py", "models/rents/train.py"], sorted(MODELS)),
        (["trainings/x", "other/models/rents/train.py"], []),
    ],
)
def test_a_change_touches_the_models_whose_files_or_image_it_changes(paths: list[str], models: list[str]) -> None:
    assert changed_models(paths, dict.fromkeys(MODELS, Elsewhere()), folder="models") == models


@pytest.mark.parametrize(
    ("path", "models"),
    [
        ("data/train/a.csv.dvc", ["prices"]),
        ("data/train.dvc", ["prices"]),
        ("data.dvc", ["prices", "rents"]),
        ("dvc.lock", ["prices", "rents"]),
        ("data/dvc.lock", ["prices", "rents"]),
        ("data/train/dvc.lock", ["prices"]),
        ("data/test.dvc", []),
        ("data/test/dvc.lock", []),
        ("dvc.yaml", []),
        (".dvc", []),
    ],
)
def test_a_change_of_what_dvc_tracks_touches_the_models_that_train_on_it(path: str, models: list[str]) -> None:
    tracked = {"prices": ("data/train/a.csv",), "rents": ("data/rents.csv",), "sales": ()}
    declared = {name: Elsewhere(tracked=those) for name, those in tracked.items()}
    assert changed_models([path], declared, folder="models") == models


@pytest.mark.parametrize(
    ("path", "models"),
    [
        ("lib/features/scale.py", ["prices", "rents"]),
        ("lib/features/deep/er/x.py", ["prices", "rents"]),
        ("lib/features", ["prices", "rents"]),  # became a file, or was one
        ("lib/units.py", ["rents"]),
        ("lib/features2/x.py", []),
        ("lib/unit.py", []),
        ("lib/__init__.py", ["prices", "rents"]),  # Python runs it first
        ("__init__.py", []),
        ("other/lib/features/x.py", []),
        ("models/sales/helpers/x.py", ["rents", "sales"]),
        ("models/sales/train.py", ["sales"]),
    ],
)
def test_a_change_of_what_models_share_touches_those_that_declare_it(path: str, models: list[str]) -> None:
    shared = {
        "prices": Elsewhere(shared=("lib/features",)),
        "rents": Elsewhere(shared=("./lib/features/", "lib/units.py", "models/sales/helpers")),
        "sales": Elsewhere(),
    }
    assert changed_models([path], shared, folder="models") == models


def test_who_asked_is_known_by_the_login_that_gitlab_says() -> None:
    assert origin({**MERGE_REQUEST, "GITLAB_USER_LOGIN": "ada"}).author == "ada"
    assert origin(MERGE_REQUEST).author == ""
