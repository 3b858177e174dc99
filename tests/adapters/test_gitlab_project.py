"""The GitLab project's adapter: against the stand-in, and against answers of GitLab that the stand-in never gives."""

import itertools
import socket
import threading
from collections.abc import Callable
from datetime import date

import gitlab
import pytest
import requests
import responses

from mergemaker.adapters.gitlab_project import GitLabSettings
from mergemaker.domain.errors import RetryableError, ServiceError
from mergemaker.domain.settings import GitLab
from mergemaker.ports import CiVariable, Hosted, Token
from tests.adapters.conftest import TOKEN

_numbers = itertools.count(1)
SUBMIT = CiVariable("MERGEMAKER_SUBMIT_ROLE_ARN", "arn:aws:iam::111122223333:role/shop-submit", protected=False)


@pytest.fixture
def where(gitlab_url: str) -> GitLab:
    """A project of the stand-in's, with a first commit."""
    name = f"settings-{next(_numbers)}"
    project = gitlab.Gitlab(gitlab_url, private_token=TOKEN, timeout=20).projects.create(
        {"name": name, "initialize_with_readme": True}
    )
    return GitLab(gitlab_url, int(project.id), str(project.path_with_namespace))


@pytest.fixture
def project(where: GitLab) -> GitLabSettings:
    return GitLabSettings(where, TOKEN)


@pytest.mark.cloud
def test_a_variable_is_made_then_changed_and_the_others_stay(project: GitLabSettings) -> None:
    assert project.variables() == {}
    other = CiVariable("OTHER", "1", protected=True)
    project.set_variable(other, new=True)
    project.set_variable(SUBMIT, new=True)
    changed = CiVariable(SUBMIT.key, "arn:aws:iam::111122223333:role/else", protected=True)
    project.set_variable(changed, new=False)
    assert project.variables() == {"OTHER": other, SUBMIT.key: changed}
    project.set_variable(SUBMIT, new=False)
    assert project.variables()[SUBMIT.key] == SUBMIT


@pytest.mark.cloud
def test_more_variables_than_a_page_holds_are_all_read(project: GitLabSettings) -> None:
    for number in range(25):
        project.set_variable(CiVariable(f"N{number}", "x", protected=False), new=True)
    assert len(project.variables()) == 25


@pytest.mark.cloud
def test_pipelines_must_succeed_from_then_on(project: GitLabSettings, where: GitLab) -> None:
    assert project.hosted() == Hosted(where.project, "main", pipelines_must_succeed=False)
    project.require_pipelines()
    assert project.hosted() == Hosted(where.project, "main", pipelines_must_succeed=True)


@pytest.mark.cloud
def test_a_branch_that_is_not_there_is_neither_protected_nor_open(project: GitLabSettings) -> None:
    assert project.branch_is_protected("main") is True
    assert project.branch_is_protected("feature/none") is None


@pytest.mark.cloud
def test_a_wrong_token_is_refused_without_being_named(where: GitLab) -> None:
    with pytest.raises(ServiceError, match="GitLab refuses it: it is wrong, expired or revoked") as caught:
        GitLabSettings(where, "glpat-wrong").token()
    assert "glpat" not in str(caught.value)


@pytest.mark.cloud
def test_a_project_that_the_token_does_not_see_is_told(where: GitLab) -> None:
    elsewhere = GitLab(where.url, 999_999, "team/none")
    with pytest.raises(ServiceError, match="project 999999: GitLab says 404"):
        GitLabSettings(elsewhere, TOKEN).hosted()


@pytest.mark.cloud
def test_a_token_tells_its_rights_and_its_end(project: GitLabSettings) -> None:
    said = project.token()
    assert (said.user, said.level, said.id) == ("mergemaker-bot", 50, 1)
    assert said.scopes is not None
    assert "api" in said.scopes
    assert said.expires is not None


# Answers of a real GitLab ---------------------------------------------------------------------

API = "https://gitlab.example.com/api/v4"
OURS = GitLab("https://gitlab.example.com", 5, "team/shop")
USER = {"id": 7, "username": "project_5_bot", "bot": True}
SELF = {"id": 1, "name": "mergemaker", "scopes": ["api"], "active": True, "expires_at": "2026-12-31"}


def answers(*, user: object = USER, token: object = SELF, member: object = None) -> GitLabSettings:
    responses.get(f"{API}/user", json=user)
    responses.get(f"{API}/personal_access_tokens/self", json=token)
    responses.get(f"{API}/projects/5/members/all/7", json={"id": 7, "access_level": 30} if member is None else member)
    return GitLabSettings(OURS, "glpat-1")


@responses.activate
def test_a_tokens_rights_and_end_are_told() -> None:
    assert answers().token() == Token("project_5_bot", ("api",), date(2026, 12, 31), level=30, id=1)


@responses.activate
def test_a_token_may_have_no_end() -> None:
    assert answers(token=SELF | {"expires_at": None}).token().expires is None


@responses.activate
def test_an_administrator_needs_no_membership() -> None:
    responses.get(f"{API}/user", json=USER | {"is_admin": True})
    responses.get(f"{API}/personal_access_tokens/self", json=SELF)
    assert GitLabSettings(OURS, "glpat-1").token().level == 50


@responses.activate
def test_who_is_no_member_has_no_role() -> None:
    responses.get(f"{API}/user", json=USER)
    responses.get(f"{API}/personal_access_tokens/self", json=SELF)
    responses.get(f"{API}/projects/5/members/all/7", status=404, json={"message": "404 Not found"})
    assert GitLabSettings(OURS, "glpat-1").token().level == 0


@responses.activate
def test_a_gitlab_that_does_not_tell_of_tokens_leaves_it_open() -> None:
    responses.get(f"{API}/user", json=USER)
    responses.get(f"{API}/personal_access_tokens/self", status=404, json={"error": "404 Not Found"})
    responses.get(f"{API}/projects/5/members/all/7", json={"access_level": 40})
    assert GitLabSettings(OURS, "glpat-1").token() == Token("project_5_bot", None, None, level=40)


@responses.activate
@pytest.mark.parametrize("member", [{}, {"access_level": "owner"}])
def test_a_role_that_is_no_number_is_none(member: object) -> None:
    assert answers(member=member).token().level == 0


@responses.activate
@pytest.mark.parametrize("expires", ["soon", "2026-13-01", 5])
def test_an_end_that_is_no_date_is_unknown(expires: object) -> None:
    assert answers(token=SELF | {"expires_at": expires}).token().expires is None


@responses.activate
def test_a_variable_of_one_environment_is_not_the_one_for_all() -> None:
    everywhere = {"key": "A", "value": "1", "protected": True, "environment_scope": "*"}
    staging = {"key": "A", "value": "2", "protected": False, "environment_scope": "staging"}
    responses.get(f"{API}/projects/5/variables", json=[everywhere, staging])
    assert GitLabSettings(OURS, "glpat-1").variables() == {"A": CiVariable("A", "1", protected=True)}


@responses.activate
def test_a_hidden_value_is_another_one() -> None:
    responses.get(f"{API}/projects/5/variables", json=[{"key": "A", "value": None, "protected": True}])
    assert GitLabSettings(OURS, "glpat-1").variables()["A"].value == ""


CALLS: dict[str, Callable[[GitLabSettings], object]] = {
    "read": lambda project: project.hosted(),
    "list": lambda project: project.variables(),
    "make": lambda project: project.set_variable(SUBMIT, new=True),
    "change": lambda project: project.set_variable(SUBMIT, new=False),
    "require": lambda project: project.require_pipelines(),
}


def answer_everything(**answer: object) -> None:
    for method in (responses.GET, responses.POST, responses.PUT):
        for path in ("", "/variables", f"/variables/{SUBMIT.key}"):
            responses.add(method, f"{API}/projects/5{path}", **answer)  # type: ignore[arg-type]


@responses.activate
@pytest.mark.parametrize("call", sorted(CALLS))
@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_what_passes_is_told_at_once_and_not_waited_for(call: str, status: int) -> None:
    answer_everything(status=status, json={"message": "later"}, headers={"Retry-After": "3600"})
    with pytest.raises(RetryableError, match=f"GitLab says {status}: later"):
        CALLS[call](GitLabSettings(OURS, "glpat-1"))
    assert len(responses.calls) == 1


@responses.activate
@pytest.mark.parametrize("call", sorted(CALLS))
def test_what_the_token_may_not_do_is_told(call: str) -> None:
    answer_everything(status=403, json={"message": "403 Forbidden"})
    with pytest.raises(ServiceError, match="GitLab says 403") as caught:
        CALLS[call](GitLabSettings(OURS, "glpat-1"))
    assert not caught.value.retryable


@responses.activate
@pytest.mark.parametrize("call", sorted(CALLS))
def test_a_gitlab_that_can_not_be_reached_is_told(call: str) -> None:
    answer_everything(body=requests.ConnectionError("refused"))
    with pytest.raises(RetryableError, match=r"https://gitlab\.example\.com can't be reached"):
        CALLS[call](GitLabSettings(OURS, "glpat-1"))


@pytest.mark.parametrize(
    ("address", "cause"),
    [
        ("http://127.0.0.1:9", "connection refused"),
        ("http://gitlab.invalid", "name not known"),
    ],
)
def test_why_gitlab_can_not_be_reached_is_told_in_words(address: str, cause: str) -> None:
    with pytest.raises(RetryableError) as caught:
        GitLabSettings(GitLab(address, 5, "team/shop"), "glpat-1").hosted()
    assert str(caught.value) == f"{address} can't be reached: {cause}"


@pytest.mark.parametrize(
    ("scheme", "answer", "cause"),
    [
        ("http", b"", "connection closed by the other side"),
        ("https", b"HTTP/1.1 400 Bad Request", "it speaks no TLS that is spoken here"),
    ],
)
def test_a_server_that_speaks_otherwise_is_told_in_words(scheme: str, answer: bytes, cause: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=answer_once, args=(server, answer), daemon=True).start()
        address = f"{scheme}://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(RetryableError) as caught:
            GitLabSettings(GitLab(address, 5, "team/shop"), "glpat-1").hosted()
    assert str(caught.value) == f"{address} can't be reached: {cause}"


def answer_once(server: socket.socket, answer: bytes) -> None:
    connection, _ = server.accept()
    with connection:
        if answer:
            connection.recv(100)
            connection.sendall(answer)


@responses.activate
@pytest.mark.parametrize("error", [requests.ConnectTimeout("x"), requests.ReadTimeout("x")])
def test_a_gitlab_that_is_too_slow_is_told_in_words(error: Exception) -> None:
    answer_everything(body=error)
    with pytest.raises(RetryableError, match=r"can't be reached: timed out$"):
        GitLabSettings(OURS, "glpat-1").hosted()


@responses.activate
@pytest.mark.parametrize("body", ["<html>", "[]", "1"])
def test_a_page_that_is_no_gitlab_is_told(body: str) -> None:
    responses.get(f"{API}/projects/5", body=body, content_type="application/json")
    with pytest.raises(RetryableError, match="project 5"):
        GitLabSettings(OURS, "glpat-1").hosted()


@pytest.mark.parametrize("token", ["", "glpat-1\nglpat-2", "glpat 1", "glpät-1", "\x00"])
def test_what_can_be_no_token_goes_nowhere(token: str) -> None:
    with pytest.raises(ServiceError, match="it is no GitLab token") as caught:
        GitLabSettings(OURS, token)
    assert "glp" not in str(caught.value)
