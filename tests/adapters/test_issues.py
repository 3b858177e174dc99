"""The contract of `ports.Issues`: what GitLab does, the fake does."""

import itertools
from datetime import UTC, date, datetime, timedelta

import gitlab
import pytest
import responses

from mergemaker.adapters.issues import GitLabIssues
from mergemaker.bootstrap import Aws
from mergemaker.domain.errors import RetryableError, ServiceError
from mergemaker.domain.settings import GitLab
from mergemaker.ports import Issues
from mergemaker.steps.token_check import check_token
from tests.adapters.conftest import TOKEN
from tests.fakes.issues import FakeIssues, Issue
from tests.fakes.world import Fakes

MARKER = "<!-- mergemaker:issue token-ends 2026-03-15 -->"
_numbers = itertools.count(1)


class OnGitLab:
    """A project of the stand-in's."""

    def __init__(self, url: str) -> None:
        self.client = gitlab.Gitlab(url, private_token=TOKEN, timeout=20)
        self.project = self.client.projects.create({"name": f"issues-{next(_numbers)}"})
        self.where = GitLab(url, int(self.project.id), str(self.project.path_with_namespace))

    def port(self) -> GitLabIssues:
        return GitLabIssues(self.where, lambda: TOKEN, sleep=lambda _: None)


@pytest.fixture
def real(gitlab_url: str) -> OnGitLab:
    return OnGitLab(gitlab_url)


@pytest.fixture(params=["memory", pytest.param("gitlab", marks=pytest.mark.cloud)])
def port(request: pytest.FixtureRequest) -> Issues:
    if request.param == "memory":
        return FakeIssues()
    found: OnGitLab = request.getfixturevalue("real")
    return found.port()


def test_an_issue_is_found_by_the_first_line_of_its_description_alone(port: Issues) -> None:
    assert port.find(MARKER) is None
    port.create(title=MARKER, description=f"not first\n{MARKER}")
    port.create(title="other", description=f"{MARKER[:-6]}6 -->\n\nanother day")
    assert port.find(MARKER) is None
    number = port.create(title="t", description=f"{MARKER}\n\nThe token ends\n")
    assert port.find(MARKER) == number


def test_of_two_issues_the_older_is_found(port: Issues) -> None:
    first = port.create(title="one", description=MARKER)
    assert port.create(title="two", description=MARKER) != first
    assert port.find(MARKER) == first


@pytest.mark.cloud
def test_a_closed_issue_is_found_behind_more_than_a_page_of_others(real: OnGitLab) -> None:
    for number in range(101):
        real.project.issues.create({"title": f"{number}"})
    issue = real.project.issues.create({"title": "t", "description": MARKER})
    issue.state_event = "close"
    issue.save()
    assert real.port().find(MARKER) == issue.iid


@pytest.mark.cloud
def test_the_same_marker_in_somebody_elses_issue_is_not_ours(real: OnGitLab) -> None:
    name = f"mallory-{real.project.id}"
    real.client.users.create({"username": name, "name": "M", "email": "m@example.com", "password": "p"})
    real.project.issues.create({"title": "hush", "description": MARKER}, sudo=name)
    assert real.port().find(MARKER) is None


@pytest.mark.cloud
def test_the_tokens_end_is_what_gitlab_says(real: OnGitLab) -> None:
    end = real.port().token_ends()
    assert end is not None
    assert timedelta(days=364) <= end - datetime.now(UTC).date() <= timedelta(days=365)


@pytest.mark.cloud
def test_a_token_that_ends_soon_is_told_on_the_project_once(real: OnGitLab, aws: Aws) -> None:
    """All real: GitLab's answers, the lease in the run table, and a second function that knows nothing of the first."""
    for _ in range(2):
        port = real.port()
        end = port.token_ends()
        assert end is not None
        fakes = Fakes()
        fakes.issues, fakes.runs = port, aws.runs  # type: ignore[assignment]
        check_token(fakes.world, today=end - timedelta(days=3))
    (issue,) = real.project.issues.list(get_all=True)
    assert issue.title == f"Mergemaker's GitLab token ends on {end}"


# Answers of a real GitLab ---------------------------------------------------------------------

API = "https://gitlab.example.com/api/v4"
OURS = GitLab("https://gitlab.example.com", 5, "team/shop")


def issues() -> GitLabIssues:
    return GitLabIssues(OURS, lambda: "glpat-1", sleep=lambda _: None)


@responses.activate
@pytest.mark.parametrize(("said", "end"), [({"expires_at": "2026-12-31"}, date(2026, 12, 31)), ({}, None)])
def test_a_token_may_have_no_end(said: object, end: date | None) -> None:
    responses.get(f"{API}/personal_access_tokens/self", json=said)
    assert issues().token_ends() == end


@responses.activate
def test_a_gitlab_that_does_not_tell_of_tokens_tells_no_end() -> None:
    responses.get(f"{API}/personal_access_tokens/self", status=404, json={"error": "404 Not Found"})
    assert issues().token_ends() is None


@responses.activate
def test_a_token_that_has_ended_is_an_error_and_asked_for_once_more() -> None:
    responses.get(f"{API}/personal_access_tokens/self", status=401, json={"message": "401 Unauthorized"})
    with pytest.raises(ServiceError, match="the token's end: GitLab refuses the token") as caught:
        issues().token_ends()
    assert not caught.value.retryable
    assert len(responses.calls) == 2


@responses.activate
def test_a_project_without_issues_is_told_as_gitlab_says_it() -> None:
    responses.post(f"{API}/projects/5/issues", status=403, json={"message": "403 Forbidden"})
    with pytest.raises(ServiceError, match="issue 't': GitLab says 403"):
        issues().create(title="t", description="d")


@responses.activate
@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_issue_is_posted_once_a_try(status: int) -> None:
    """Who retried here could open two: the event comes again, and looks first."""
    responses.post(f"{API}/projects/5/issues", status=status, json={"message": "later"})
    with pytest.raises(RetryableError):
        issues().create(title="t", description="d")
    assert len(responses.calls) == 1


@responses.activate
def test_an_issue_without_a_description_is_not_ours() -> None:
    responses.get(f"{API}/user", json={"id": 7})
    none = {"iid": 1, "author": {"id": 7}, "description": None}
    responses.get(f"{API}/projects/5/issues", json=[none])
    assert issues().find(MARKER) is None


def test_of_a_project_in_memory_somebody_elses_issue_is_not_ours() -> None:
    fake = FakeIssues()
    fake.write(Issue("hush", MARKER, ours=False))
    assert fake.find(MARKER) is None
