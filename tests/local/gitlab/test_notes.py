"""Notes and discussions."""

import gitlab
import pytest
import requests
from gitlab.v4.objects import Project

from tests.local.gitlab.support import Open


def test_a_note_is_created_read_edited_and_deleted(open_request: Open) -> None:
    request = open_request()
    note = request.notes.create({"body": "first"})
    assert (note.body, note.system, note.author["username"]) == ("first", False, "mergemaker-bot")

    note.body = "second"
    note.save()

    read = request.notes.get(note.id)
    assert read.body == "second"
    assert read.updated_at > read.created_at

    note.delete()
    with pytest.raises(gitlab.exceptions.GitlabGetError, match="404 Note Not Found"):
        request.notes.get(note.id)


def test_a_list_has_twenty_notes_unless_all_pages_are_read(open_request: Open) -> None:
    request = open_request()
    for number in range(150):
        request.notes.create({"body": f"note {number}"})

    newest = request.notes.list(get_all=False)
    everything = request.notes.list(iterator=True, per_page=100, sort="asc", order_by="created_at")

    assert [note.body for note in newest] == [f"note {n}" for n in range(149, 129, -1)]
    assert [note.body for note in everything] == [f"note {n}" for n in range(150)]


def test_paging_headers_tell_where_the_other_pages_are(open_request: Open, client: gitlab.Gitlab) -> None:
    request = open_request()
    for number in range(5):
        request.notes.create({"body": str(number)})
    path = f"/projects/{request.project_id}/merge_requests/{request.iid}/notes"

    answer = client.http_request("get", path, query_data={"page": 2, "per_page": 2})

    names = ("X-Total", "X-Total-Pages", "X-Page", "X-Per-Page", "X-Next-Page", "X-Prev-Page")
    assert [answer.headers[name] for name in names] == ["5", "3", "2", "2", "3", "1"]
    assert set(answer.links) == {"first", "prev", "next", "last"}
    assert (
        requests.get(
            answer.links["next"]["url"], headers={"PRIVATE-TOKEN": str(client.private_token)}, timeout=10
        ).json()[0]["body"]
        == "0"
    )


def test_a_page_beyond_the_last_is_empty(open_request: Open) -> None:
    assert open_request().notes.list(page=9, get_all=False) == []


def test_a_reply_turns_a_note_into_a_thread(open_request: Open) -> None:
    request = open_request()
    request.notes.create({"body": "question"})
    discussion = request.discussions.list(get_all=True)[0]
    assert discussion.attributes["individual_note"] is True

    discussion.notes.create({"body": "answer"})

    again = request.discussions.get(discussion.id)
    assert again.attributes["individual_note"] is False
    assert [note["body"] for note in again.attributes["notes"]] == ["question", "answer"]


def test_a_discussion_starts_as_a_thread(open_request: Open) -> None:
    made = open_request().discussions.create({"body": "what about this?"})
    assert made.attributes["individual_note"] is False
    assert made.attributes["notes"][0]["type"] == "DiscussionNote"


@pytest.mark.parametrize("body", ["", "   ", "x" * 1_000_001])
def test_a_note_that_is_empty_or_too_long_is_refused(open_request: Open, body: str) -> None:
    request = open_request()
    with pytest.raises(gitlab.exceptions.GitlabCreateError) as refused:
        request.notes.create({"body": body})
    assert refused.value.response_code == 400
    assert request.notes.list(get_all=True) == []


def test_the_longest_note_is_kept_whole(open_request: Open) -> None:
    request = open_request()
    note = request.notes.create({"body": "x" * 1_000_000})
    assert len(request.notes.get(note.id).body) == 1_000_000


def test_a_note_of_only_a_command_is_executed_and_not_kept(open_request: Open, project: Project) -> None:
    request = open_request()
    answer = request.notes.create({"body": "/close"})
    assert answer.attributes["commands_changes"] == {"state_event": "close"}
    assert project.mergerequests.get(request.iid).state == "closed"
    assert [note.body for note in request.notes.list(get_all=True)] == ["closed"]


def test_a_command_between_lines_is_executed_and_taken_out(open_request: Open, project: Project) -> None:
    request = open_request()
    note = request.notes.create({"body": "all fine\n/merge\nthank you"})
    assert note.body == "all fine\nthank you"
    assert project.mergerequests.get(request.iid).state == "merged"


def test_an_edit_is_executed_too(open_request: Open, project: Project) -> None:
    request = open_request()
    note = request.notes.create({"body": "fine"})
    note.body = 'fine\n/label ~bug ~"needs work"'
    note.save()
    assert note.body == "fine"
    assert project.mergerequests.get(request.iid).labels == ["bug", "needs work"]


@pytest.mark.parametrize(
    "body",
    [
        "```\n/close\n```",
        "~~~~\n/close\n~~~\n/close\n~~~~",
        "please /close it",
        " /close",
        "/unknown",
        "`/close`",
        "//close",
    ],
)
def test_what_is_no_command_stays_text(open_request: Open, project: Project, body: str) -> None:
    request = open_request()
    assert request.notes.create({"body": body}).body == body
    assert project.mergerequests.get(request.iid).state == "opened"


def test_assigning_by_command_shows_on_the_merge_request(open_request: Open, project: Project) -> None:
    request = open_request()
    request.notes.create({"body": "/assign @grace"})
    assert project.mergerequests.get(request.iid).assignees[0]["username"] == "grace"
