"""GitLab's default branch: a file of it, and its pipelines."""

import itertools
from datetime import UTC, datetime, timedelta

import gitlab
import pytest
import responses

from mergemaker.adapters.default_branch import GitLabDefaultBranch
from mergemaker.domain.errors import RefusedError, RetryableError, ServiceError
from mergemaker.domain.settings import GitLab
from tests.adapters.conftest import TOKEN

_numbers = itertools.count(1)
WHERE = GitLab("https://gitlab.example.com", 5, "team/shop", default_branch="trunk")
API = f"{WHERE.url}/api/v4/projects/5"
SETTINGS = 'data.retrain = "on-change"\ndescription = "ü"\n'


def at(where: GitLab = WHERE, models: str = "models") -> GitLabDefaultBranch:
    return GitLabDefaultBranch(where, models, lambda: TOKEN, sleep=lambda _: None)


@pytest.fixture
def project(gitlab_url: str) -> tuple[gitlab.Gitlab, GitLab]:
    """One of the stand-in's, without CI configuration."""
    client = gitlab.Gitlab(gitlab_url, private_token=TOKEN, timeout=20)
    made = client.projects.create({"name": f"branch-{next(_numbers)}", "initialize_with_readme": True})
    return client, GitLab(gitlab_url, int(made.id), str(made.path_with_namespace))


@pytest.mark.cloud
def test_a_model_that_is_not_there_has_no_settings(project: tuple[gitlab.Gitlab, GitLab]) -> None:
    assert at(project[1]).settings("prices") == ""


@pytest.mark.cloud
def test_where_gitlab_has_nothing_to_run_it_makes_no_pipeline(project: tuple[gitlab.Gitlab, GitLab]) -> None:
    branch = at(project[1])
    with pytest.raises(RefusedError, match=r"GitLab says 400: .*Missing CI config file"):
        branch.make_pipeline()
    assert not branch.has_pipeline_since(datetime.now(UTC) - timedelta(days=1))


@responses.activate
def test_settings_are_looked_for_where_models_are() -> None:
    responses.get(f"{API}/repository/files/ml%2Fmodels%2Fprices%2Fmodel.toml/raw", body=SETTINGS.encode())
    assert at(models="ml/models").settings("prices") == SETTINGS


@responses.activate
def test_settings_are_the_default_branchs() -> None:
    said = responses.get(f"{API}/repository/files/models%2Fprices%2Fmodel.toml/raw", body=SETTINGS.encode())
    assert at().settings("prices") == SETTINGS
    assert said.calls[0].request.params == {"ref": "trunk"}


@responses.activate
@pytest.mark.parametrize(
    ("answer", "there"),
    [
        ([], False),
        ([{"created_at": "2026-03-01T12:00:00.000Z"}], True),
        ([{"created_at": "2026-03-01T13:00:00.000+01:00"}], True),
        ([{"created_at": "2026-03-01T11:59:59.999Z"}], False),
    ],
)
def test_a_pipeline_counts_if_it_was_made_by_api_since(answer: object, there: bool) -> None:
    said = responses.get(f"{API}/pipelines", json=answer)
    assert at().has_pipeline_since(datetime(2026, 3, 1, 12, 0, tzinfo=UTC)) is there
    asked = said.calls[0].request.params
    assert (asked["ref"], asked["source"], asked["sort"]) == ("trunk", "api", "desc")


@responses.activate
@pytest.mark.parametrize("answer", [{}, [7], [{}], [{"created_at": "yesterday"}], [{"created_at": "2026-03-01"}]])
def test_an_answer_that_is_no_list_of_pipelines_is_asked_for_again(answer: object) -> None:
    responses.get(f"{API}/pipelines", json=answer)
    with pytest.raises(RetryableError):
        at().has_pipeline_since(datetime(2026, 3, 1, 12, 0, tzinfo=UTC))


@responses.activate
def test_a_pipeline_is_made_without_variables() -> None:
    responses.post(
        f"{API}/pipeline", status=201, json={"id": 7}, match=[responses.matchers.json_params_matcher({"ref": "trunk"})]
    )
    at().make_pipeline()


@responses.activate
@pytest.mark.parametrize(
    ("status", "error"), [(400, RefusedError), (403, RefusedError), (404, ServiceError), (500, RetryableError)]
)
def test_what_gitlab_does_not_allow_is_told_from_what_fails(status: int, error: type[Exception]) -> None:
    responses.post(f"{API}/pipeline", status=status, json={"message": {"base": ["Insufficient permissions"]}})
    with pytest.raises(error, match="Insufficient permissions") as caught:
        at().make_pipeline()
    assert type(caught.value) is error
