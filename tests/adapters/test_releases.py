"""The contract of `ports.Releases`: what GitLab does, the fake does."""

import itertools

import gitlab
import pytest
import responses

from mergemaker.adapters.releases import GitLabReleases
from mergemaker.domain.errors import RefusedError, RetryableError, ServiceError
from mergemaker.domain.settings import GitLab
from mergemaker.ports import Releases
from tests.adapters.conftest import TOKEN
from tests.fakes.releases import FakeReleases

_numbers = itertools.count(1)


class OnGitLab:
    """A project of the stand-in's, with one commit."""

    def __init__(self, url: str) -> None:
        client = gitlab.Gitlab(url, private_token=TOKEN, timeout=20)
        self.project = client.projects.create({"name": f"releases-{next(_numbers)}", "initialize_with_readme": True})
        where = GitLab(url, int(self.project.id), str(self.project.path_with_namespace))
        self.port = GitLabReleases(where, lambda: TOKEN, sleep=lambda _: None)
        self.head = str(self.project.branches.get("main").commit["id"])


@pytest.fixture
def real(gitlab_url: str) -> OnGitLab:
    return OnGitLab(gitlab_url)


@pytest.fixture(params=["memory", pytest.param("gitlab", marks=pytest.mark.cloud)])
def at(request: pytest.FixtureRequest) -> tuple[Releases, str]:
    """The port, and a commit."""
    if request.param == "memory":
        return FakeReleases(), "a" * 40
    found: OnGitLab = request.getfixturevalue("real")
    return found.port, found.head


@pytest.mark.parametrize("tag", ["v1", "prices/v1.2+b@c"])
def test_a_release_makes_its_tag_and_is_found_by_it(at: tuple[Releases, str], tag: str) -> None:
    port, head = at
    assert port.tagged(tag) is None
    assert port.description(tag) is None
    port.create(tag=tag, commit=head, name="prices", description="<!-- marker -->\n\nfine\n")
    assert port.tagged(tag) == head
    assert (port.description(tag) or "").split("\n")[0] == "<!-- marker -->"


def test_a_tag_has_one_release_and_who_comes_second_looks_again(at: tuple[Releases, str]) -> None:
    port, head = at
    port.create(tag="v1", commit=head, name="first", description="1")
    with pytest.raises(RetryableError, match="409"):
        port.create(tag="v1", commit=head, name="second", description="2")
    assert port.description("v1") == "1"


@pytest.mark.cloud
def test_a_tag_without_a_release_is_known(real: OnGitLab) -> None:
    real.port.create(tag="v1", commit=real.head, name="n", description="d")
    real.project.releases.delete("v1")
    assert real.port.description("v1") is None
    assert real.port.tagged("v1") == real.head


WHERE = GitLab("https://gitlab.example.com", 5, "team/shop")
API = f"{WHERE.url}/api/v4/projects/5"


def port() -> GitLabReleases:
    return GitLabReleases(WHERE, lambda: TOKEN, sleep=lambda _: None)


@responses.activate
@pytest.mark.parametrize("status", [400, 403, 422])
def test_what_gitlab_does_not_allow_is_told_in_its_words(status: int) -> None:
    said = "You are not allowed to create this tag as it is protected."
    responses.post(f"{API}/releases", json={"message": said}, status=status)
    with pytest.raises(RefusedError, match=f"^GitLab says {status}: {said}$"):
        port().create(tag="v1", commit="a" * 40, name="n", description="d")


@responses.activate
@pytest.mark.parametrize(("status", "error"), [(500, RetryableError), (429, RetryableError), (401, ServiceError)])
def test_what_says_nothing_of_the_release_is_no_refusal(status: int, error: type[Exception]) -> None:
    responses.post(f"{API}/releases", json={"message": "no"}, status=status)
    with pytest.raises(error):
        port().create(tag="v1", commit="a" * 40, name="n", description="d")


@responses.activate
@pytest.mark.parametrize("answer", [[], {"commit": None}, {"commit": {"id": 7}}, {}])
def test_an_answer_that_is_no_tag_is_not_taken_for_one(answer: object) -> None:
    responses.get(f"{API}/repository/tags/v1", json=answer)
    with pytest.raises(RetryableError):
        port().tagged("v1")
