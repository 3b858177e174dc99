"""What people see."""

import re

import gitlab
import pytest
import requests
from gitlab.v4.objects import Project

from tests.local.gitlab.support import Clone, Open

PNG = b"\x89PNG\r\n\x1a\n"


def _get(address: str) -> str:
    answer = requests.get(address, timeout=10)
    assert answer.status_code == 200, address
    return answer.text


def test_the_merge_request_shows_notes_statuses_and_the_verdict(open_request: Open, project: Project) -> None:
    request = open_request(description="Why: **because**")
    request.notes.create(
        {"body": "<!-- mergemaker:report model=m -->\n### m\n\n| rmse | r2 |\n|--|--|\n| 54.3 | 0.4 |"}
    )
    status = {"state": "failed", "name": "mergemaker/m", "description": "rmse <b> too high"}
    project.commits.get(request.sha).statuses.create(status)

    page = _get(request.web_url)

    assert "<strong>because</strong>" in page
    assert '<td class="number">54.3</td>' in page
    assert "mergemaker:report" not in page
    assert "mergemaker/m</span>" in page
    assert "rmse &lt;b&gt; too high" in page
    assert "Ready to merge" in page


def test_only_a_note_that_was_edited_says_so(open_request: Open) -> None:
    request = open_request()
    note = request.notes.create({"body": "first"})
    assert "edited" not in _get(request.web_url)
    note.body = "second"
    note.save()
    assert "edited" in _get(request.web_url)


def test_a_blocked_merge_request_says_why(open_request: Open) -> None:
    assert "Merge blocked: this is a draft" in _get(open_request(title="Draft: x").web_url)


def test_a_merged_one_says_by_whom_and_with_what(open_request: Open, project: Project) -> None:
    request = open_request()
    request.merge()
    page = _get(request.web_url)
    assert "<strong>Merged</strong> by" in page
    assert project.mergerequests.get(request.iid).merge_commit_sha[:8] in page


def test_the_activity_is_in_order(open_request: Open, clone: Clone) -> None:
    request = open_request()
    request.notes.create({"body": "first words"})
    clone.commit({"x": "1"})
    clone.push("feature")
    request.notes.create({"body": "last words"})
    page = _get(request.web_url)
    assert page.index("first words") < page.index("added 1 commit") < page.index("last words")


def test_changes_show_lines_with_their_numbers(open_request: Open, clone: Clone) -> None:
    clone.commit({"f.txt": "one\ntwo\n", "gone.txt": "x\n"})
    clone.push("main")
    request = open_request()
    clone.git("rm", "--quiet", "gone.txt")
    clone.commit({"f.txt": "one\n<two>\n"})
    clone.push("feature")
    page = _get(f"{request.web_url}/diffs")
    rows = re.findall(
        r'<tr class="(add|remove)"><td class="no">(\d*)</td><td class="no">(\d*)</td><td>(.*?)</td>', page
    )
    assert ("remove", "2", "", "two") in rows
    assert ("add", "", "2", "&lt;two&gt;") in rows
    assert "deleted</span>" in page


def test_every_page_of_a_busy_project_can_be_read(open_request: Open, project: Project, url: str) -> None:
    request = open_request()
    project.releases.create({"tag_name": "v1", "ref": "main", "name": "Model 1", "description": "good"})
    given = {"environment": "staging", "sha": request.sha, "ref": "main", "tag": False, "status": "success"}
    project.deployments.create(given)
    base = project.web_url
    seen = {
        f"{url}/": project.path_with_namespace,
        base: "Merge feature",
        f"{base}/-/merge_requests": "Merge feature",
        f"{base}/-/merge_requests/{request.iid}/commits": "Change 0",
        f"{base}/-/pipelines": "Pipeline #",
        f"{base}/-/pipelines/{request.head_pipeline['id']}": "No job has run yet",
        f"{base}/-/commit/{request.sha}": "feature.txt",
        f"{base}/-/releases": "Model 1",
        f"{base}/-/environments": "Deployment #1 succeeded",
        f"{url}/mergemaker-bot": "Mergemaker Bot",
    }
    for address, words in seen.items():
        assert words in _get(address), address


def test_an_empty_project_has_a_page(client: gitlab.Gitlab, project: Project) -> None:
    empty = client.projects.create({"name": f"empty-{project.id}"})
    assert "Nothing was pushed yet" in _get(empty.web_url)


@pytest.mark.parametrize("path", ["no/such", "no/such/-/merge_requests/1", "1", "-/nothing"])
def test_a_page_that_is_not_there_is_a_404(url: str, path: str) -> None:
    assert requests.get(f"{url}/{path}", timeout=10).status_code == 404


def test_an_uploaded_image_shows_in_the_note(open_request: Open, project: Project, url: str) -> None:
    request = open_request()
    upload = project.upload("my plot.png", filedata=PNG)
    assert re.fullmatch(r"!\[my_plot\]\(/uploads/[0-9a-f]{32}/my_plot\.png\)", str(upload["markdown"]))
    request.notes.create({"body": str(upload["markdown"])})

    page = _get(request.web_url)
    source = re.search(r'<img src="(/-/project/\d+/uploads/[^"]+)"', page)

    assert source
    image = requests.get(url + source[1], timeout=10)
    assert (image.content, image.headers["Content-Type"]) == (PNG, "image/png")


def test_an_uploaded_page_is_a_download_and_an_svg_can_do_nothing(project: Project, url: str) -> None:
    script = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
    for name, disposition in (("x.html", "attachment"), ("x.svg", "inline")):
        upload = project.upload(name, filedata=script)
        answer = requests.get(f"{url}/-/project/{project.id}{upload['url']}", timeout=10)
        assert answer.headers["Content-Disposition"].startswith(disposition)
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("name", ["../../etc/passwd", "..\\..\\x.png", "a/b.png", "..", "\u202egnp.exe"])
def test_the_name_of_an_upload_is_only_a_name(project: Project, url: str, name: str) -> None:
    upload = project.upload(name, filedata=b"x")
    assert re.fullmatch(r"/uploads/[0-9a-f]{32}/[\w.+-]+", str(upload["url"]))
    assert requests.get(f"{url}/-/project/{project.id}{upload['url']}", timeout=10).content == b"x"


def test_pages_allow_no_script_at_all(url: str) -> None:
    policy = requests.get(f"{url}/", timeout=10).headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "<script" not in _get(f"{url}/")


def test_an_issue_shows_on_a_page_of_its_own_and_in_the_list(project: Project) -> None:
    made = project.issues.create({"title": "Ends <b>", "description": "<!-- unseen -->\n\nIt **ends**", "labels": "x"})
    page = _get(made.web_url)
    assert "Ends &lt;b&gt;" in page
    assert "<strong>ends</strong>" in page
    assert "unseen" not in page
    assert "Open" in page
    made.state_event = "close"
    made.save()
    assert "closed it" in _get(made.web_url)
    assert f'/-/issues/{made.iid}">Ends &lt;b&gt;' in _get(f"{project.web_url}/-/issues")
    assert requests.get(f"{project.web_url}/-/issues/99", timeout=10).status_code == 404
