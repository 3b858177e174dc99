"""The contract of `ports.MergeRequests`: what GitLab does, the fake does."""

import itertools
import re
from datetime import UTC, datetime
from pathlib import Path

import gitlab
import pytest
import requests
import responses

from mergemaker.adapters.merge_requests import GitLabMergeRequests
from mergemaker.bootstrap import Aws
from mergemaker.domain.errors import RetryableError, ServiceError
from mergemaker.domain.names import note_marker
from mergemaker.domain.settings import GitLab
from mergemaker.ports import MergeRequests, MergeRequestState
from tests.adapters.conftest import TOKEN
from tests.fakes.merge_requests import FakeMergeRequests
from tests.local.gitlab.support import Clone

MARKER = note_marker("prices")
_numbers = itertools.count(1)


class OnGitLab:
    """A project of the stand-in with one merge request."""

    def __init__(self, url: str, folder: Path) -> None:
        client = gitlab.Gitlab(url, private_token=TOKEN, timeout=20)
        name = f"contract-{next(_numbers)}"
        self.project = client.projects.create({"name": name, "initialize_with_readme": True})
        self.clone = Clone(folder, str(self.project.http_url_to_repo).replace("//", f"//ada:{TOKEN}@"))
        self.clone.git("clone", "--quiet", self.clone.push_url, ".")
        self.commit = self.clone.commit({"x.txt": "1", ".gitlab-ci.yml": "job: {script: 'true'}\n"})
        self.clone.push("deeper")
        fields = {"title": "Deeper", "source_branch": "deeper", "target_branch": "main"}
        self.merge_request = self.project.mergerequests.create(fields)
        self.where = GitLab(url, int(self.project.id), str(self.project.path_with_namespace))

    def port(self) -> GitLabMergeRequests:
        return GitLabMergeRequests(self.where, lambda: TOKEN, sleep=lambda _: None)


@pytest.fixture
def real(gitlab_url: str, tmp_path: Path) -> OnGitLab:
    return OnGitLab(gitlab_url, tmp_path)


@pytest.fixture(params=["memory", pytest.param("gitlab", marks=pytest.mark.cloud)])
def port(request: pytest.FixtureRequest) -> MergeRequests:
    """Of a project whose merge request !1 is there, and !404 is not."""
    if request.param == "memory":
        return FakeMergeRequests()
    found: OnGitLab = request.getfixturevalue("real")
    return found.port()


def test_a_merge_request_without_notes_has_none_of_ours(port: MergeRequests) -> None:
    assert port.find_note(1, MARKER) is None


def test_a_note_is_found_by_its_first_line_alone(port: MergeRequests) -> None:
    port.create_note(1, f"not at the beginning\n{MARKER}\n")
    port.create_note(1, f"{note_marker('rents')}\n\nanother model's\n")
    assert port.find_note(1, MARKER) is None
    note = port.create_note(1, f"{MARKER}\n\n### ✅ done\n")
    assert port.find_note(1, MARKER) == note


def test_of_two_notes_the_older_is_found(port: MergeRequests) -> None:
    first = port.create_note(1, f"{MARKER}\n\none\n")
    port.create_note(1, f"{MARKER}\n\ntwo\n")
    assert port.find_note(1, MARKER) == first


def test_a_note_can_be_edited_as_long_as_it_is_there(port: MergeRequests) -> None:
    note = port.create_note(1, f"{MARKER}\n\none\n")
    assert port.edit_note(1, note, f"{MARKER}\n\ntwo\n")
    assert port.find_note(1, MARKER) == note
    assert not port.edit_note(1, note + 10_000, "nobody")


def test_a_merge_request_that_is_not_there_is_told(port: MergeRequests) -> None:
    with pytest.raises(ServiceError, match="404"):
        port.create_note(404, "x")
    with pytest.raises(ServiceError, match="404"):
        port.find_note(404, MARKER)


def test_a_merge_request_that_is_there_is_open_and_another_is_none(port: MergeRequests) -> None:
    now = port.state(1)
    assert now
    assert now.state == "opened"
    assert port.state(404) is None


def test_a_merge_request_says_its_head_and_since_when(port: MergeRequests) -> None:
    now = port.state(1)
    assert now
    assert re.fullmatch("[0-9a-f]{40}", now.head)
    since = port.pushed(1, now.head)
    assert since
    assert since < datetime.now(UTC)
    assert port.pushed(1, "0" * 40) is None
    with pytest.raises(ServiceError, match="404"):
        port.pushed(404, now.head)


# What only GitLab can show ------------------------------------------------------------------


@pytest.mark.cloud
def test_a_note_is_found_behind_hundreds_of_others(real: OnGitLab) -> None:
    port = real.port()
    for number in range(120):
        port.create_note(1, f"note {number}")
    note = port.create_note(1, f"{MARKER}\n")
    assert port.find_note(1, MARKER) == note


@pytest.mark.cloud
def test_a_status_joins_its_pipeline_and_may_be_said_twice(real: OnGitLab) -> None:
    port = real.port()
    pipeline = real.project.commits.get(real.commit).last_pipeline
    assert pipeline is not None, "the push made no pipeline"
    before = len(real.project.pipelines.list(get_all=True))
    for state in ("pending", "running", "running", "success", "success"):
        port.set_status(
            commit=real.commit,
            ref=str(pipeline["ref"]),
            pipeline=int(pipeline["id"]),
            name="mergemaker/prices",
            state=state,
            description="x" * 300,
        )
    statuses = real.project.commits.get(real.commit).statuses.list(get_all=True)
    (status,) = [one for one in statuses if one.name == "mergemaker/prices"]
    assert (status.status, len(status.description)) == ("success", 255)
    assert len(real.project.pipelines.list(get_all=True)) == before


@pytest.mark.cloud
def test_the_token_is_what_the_secret_holds(aws: Aws) -> None:
    assert aws.token() == "glpat-secret"


@pytest.mark.cloud
def test_a_merge_requests_state_is_what_people_made_of_it(real: OnGitLab) -> None:
    port, request, found = real.port(), real.merge_request, []
    for event in ("close", "reopen"):
        request.state_event = event
        request.save()
        found.append(port.state(1))
    assert [now.state for now in found if now] == ["closed", "opened"]


@pytest.mark.cloud
def test_a_push_is_the_new_head_from_then_on_also_back_to_a_commit_that_was_there(real: OnGitLab) -> None:
    port, first = real.port(), real.commit
    times = [port.pushed(1, first)]
    second = real.clone.commit({"x.txt": "2"})
    real.clone.push("deeper")
    times.append(port.pushed(1, second))
    assert port.state(1) == MergeRequestState("opened", second)
    assert port.pushed(1, first) is None
    real.clone.git("push", "--quiet", "--force", real.clone.push_url, f"{first}:refs/heads/deeper")
    times.append(port.pushed(1, first))
    assert port.state(1) == MergeRequestState("opened", first)
    assert [at for at in times if at] == sorted(times, key=str)
    assert len({*times, None}) == 4


@responses.activate
@pytest.mark.parametrize(
    "answer", [[], [{"head_commit_sha": "b" * 40, "created_at": "yesterday"}], [{"head_commit_sha": None}]]
)
def test_where_gitlab_does_not_say_when_a_head_came_nobody_knows(answer: object) -> None:
    responses.get("https://gitlab.example.com/api/v4/projects/5/merge_requests/7/versions", json=answer)
    assert adapter().pushed(7, "b" * 40) is None


@responses.activate
def test_a_merge_request_that_was_just_opened_has_no_head_yet() -> None:
    said = {"state": "opened", "sha": None}
    responses.get("https://gitlab.example.com/api/v4/projects/5/merge_requests/7", json=said)
    assert adapter().state(7) == MergeRequestState("opened", "")


# Answers of a GitLab in trouble -------------------------------------------------------------

WHERE = GitLab("https://gitlab.example.com", 5, "team/shop")
NOTES = "https://gitlab.example.com/api/v4/projects/5/merge_requests/7/notes"
STATUS = "https://gitlab.example.com/api/v4/projects/5/statuses/c1"


def adapter(*tokens: str, slept: list[float] | None = None) -> GitLabMergeRequests:
    left = list(tokens or ("glpat-1",))
    naps = [] if slept is None else slept
    return GitLabMergeRequests(WHERE, lambda: left.pop(0) if len(left) > 1 else left[0], sleep=naps.append)


def set_status(port: GitLabMergeRequests) -> None:
    port.set_status(commit="c1", ref="main", pipeline=70, name="n", state="success", description="")


@responses.activate
def test_a_merge_request_of_a_project_that_is_not_shown_is_not_taken_for_deleted() -> None:
    """GitLab says 404 of both; and so it does while a project is being moved."""
    project = "https://gitlab.example.com/api/v4/projects/5"
    responses.get(f"{project}/merge_requests/7", status=404, json={"message": "404 Not found"})
    responses.get(project, status=404, json={"message": "404 Project Not Found"})
    with pytest.raises(ServiceError, match="merge request !7: GitLab says 404: 404 Project Not Found"):
        adapter().state(7)


@responses.activate
@pytest.mark.parametrize("answer", [[], {}, {"state": 3}])
def test_an_answer_that_is_no_merge_request_comes_again(answer: object) -> None:
    responses.get("https://gitlab.example.com/api/v4/projects/5/merge_requests/7", json=answer)
    with pytest.raises(RetryableError, match="an answer without state"):
        adapter().state(7)


@responses.activate
@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_note_is_posted_once_whatever_gitlab_answers_and_the_queue_tries_again(status: int) -> None:
    answer = responses.post(NOTES, status=status, json={"message": "later"}, headers={"Retry-After": "3600"})
    slept: list[float] = []
    with pytest.raises(RetryableError, match=f"note on merge request !7: GitLab says {status}"):
        adapter(slept=slept).create_note(7, "body")
    assert (answer.call_count, slept) == (1, [])


@responses.activate
def test_a_status_is_tried_again_shortly_while_another_update_runs() -> None:
    responses.post(STATUS, status=409, json={"message": "conflict"})
    responses.post(STATUS, status=201, json={"id": 1})
    slept: list[float] = []
    set_status(adapter(slept=slept))
    assert slept == [0.5]


@responses.activate
def test_a_status_that_stays_refused_is_given_up_in_bounded_time() -> None:
    responses.post(STATUS, status=409, json={"message": "conflict"})
    slept: list[float] = []
    with pytest.raises(RetryableError, match="409"):
        set_status(adapter(slept=slept))
    assert sum(slept) < 10


@responses.activate
def test_a_status_that_is_there_already_is_no_fault() -> None:
    message = 'Cannot transition status via :success from :success (Reason(s): Status cannot transition via "success")'
    responses.post(STATUS, status=400, json={"message": message})
    set_status(adapter())


@responses.activate
def test_a_status_that_is_wrong_is_a_fault() -> None:
    responses.post(STATUS, status=400, json={"message": "state does not have a valid value"})
    with pytest.raises(ServiceError, match="400: state does not have a valid value"):
        set_status(adapter())


@responses.activate
def test_a_token_that_was_rotated_is_read_again_once() -> None:
    good = responses.matchers.header_matcher({"PRIVATE-TOKEN": "glpat-new"})
    responses.post(NOTES, status=201, json={"id": 12}, match=[good])
    responses.post(NOTES, status=401, json={"message": "401 Unauthorized"})
    assert adapter("glpat-old", "glpat-new").create_note(7, "body") == 12


@responses.activate
def test_a_token_that_is_refused_twice_is_told_without_naming_it() -> None:
    responses.post(NOTES, status=401, json={"message": "401 Unauthorized"})
    with pytest.raises(ServiceError, match="GitLab refuses the token: put a valid one into the secret") as caught:
        adapter("glpat-old").create_note(7, "body")
    assert not caught.value.retryable
    assert "glpat" not in str(caught.value)


@responses.activate
def test_a_line_break_after_the_token_does_no_harm() -> None:
    good = responses.matchers.header_matcher({"PRIVATE-TOKEN": "glpat-1"})
    responses.post(NOTES, status=201, json={"id": 12}, match=[good])
    assert adapter("glpat-1\n").create_note(7, "body") == 12


@pytest.mark.parametrize("token", ["", "\n", "glpat-1\nglpat-2", "glpat 1", "glpät-1", "\x00"])
def test_a_secret_that_holds_no_token_is_told_without_showing_it(token: str) -> None:
    with pytest.raises(ServiceError, match="the secret holds no GitLab token") as caught:
        adapter(token).create_note(7, "body")
    assert "glp" not in str(caught.value)


@responses.activate
@pytest.mark.parametrize("fault", [requests.ConnectionError("refused"), requests.Timeout("slow")])
def test_a_gitlab_that_can_not_be_reached_is_retryable(fault: Exception) -> None:
    responses.post(NOTES, body=fault)
    with pytest.raises(RetryableError, match=r"https://gitlab\.example\.com can't be reached"):
        adapter().create_note(7, "body")


@responses.activate
@pytest.mark.parametrize("body", ["<html>down for maintenance</html>", "[]", "{}", '{"id": "x"}'])
def test_an_answer_that_is_none_is_retryable(body: str) -> None:
    responses.post(NOTES, status=201, body=body, content_type="application/json")
    with pytest.raises(RetryableError):
        adapter().create_note(7, "body")


@responses.activate
@pytest.mark.parametrize("status", [403, 404, 422])
def test_what_gitlab_refuses_for_good_is_not_retryable(status: int) -> None:
    responses.post(NOTES, status=status, json={"message": {"note": ["is\ntoo long"]}})
    with pytest.raises(ServiceError, match=f"GitLab says {status}: ") as caught:
        adapter().create_note(7, "body")
    assert not caught.value.retryable
    assert "\n" not in str(caught.value)


@responses.activate
def test_a_marker_in_somebody_elses_note_is_not_ours() -> None:
    responses.get("https://gitlab.example.com/api/v4/user", json={"id": 1})
    notes = [
        {"id": 10, "author": {"id": 2}, "body": f"{MARKER}\nmine!"},
        {"id": 11, "author": {"id": 1}, "body": f"{MARKER}\r\n\r\nours"},
    ]
    responses.get(NOTES, json=notes)
    assert adapter().find_note(7, MARKER) == 11
