"""GitLab's token as a secret holds it: alone, or as AWS wants it."""

import json

import pytest

from mergemaker.domain.token_secret import is_managed, managed_secret, read_token, same_secret

URL = "https://gitlab.example.com"


def test_a_token_is_read_from_either_form() -> None:
    assert read_token(" glpat-1\n") == "glpat-1"
    assert read_token(managed_secret("glpat-1", token_id=3, user="ann", url=URL)) == "glpat-1"


@pytest.mark.parametrize(
    ("user", "whose"),
    [
        ("project_42_bot", {"projectId": "42"}),
        ("project_42_bot_4ffca233d8298ea1", {"projectId": "42"}),
        ("group_7_bot_4ffca233d8298ea1", {"groupId": "7"}),
        ("ann", {}),
        ("project_42_bottom", {}),
        ("my_project_42_bot", {}),
    ],
)
def test_whose_the_token_is_goes_by_its_user(user: str, whose: dict[str, str]) -> None:
    fields = json.loads(managed_secret("glpat-1", token_id=3, user=user, url=URL))
    assert fields == {"token": "glpat-1", "tokenId": "3", "gitlabUrl": URL, **whose}


@pytest.mark.parametrize("text", ["", "  ", "{", "{}", '{"token": null}', '{"token": ["x"]}', '{"a":' * 100_000])
def test_what_holds_no_token_has_none(text: str) -> None:
    assert read_token(text) == ""
    assert not is_managed(text)


def test_aws_can_renew_only_what_has_all_fields() -> None:
    fields = json.loads(managed_secret("glpat-1", token_id=3, user="ann", url=URL))
    assert is_managed(json.dumps(fields))
    for name in fields:
        assert not is_managed(json.dumps({key: value for key, value in fields.items() if key != name}))
    assert not is_managed("glpat-1")


def test_the_same_secret_may_be_written_otherwise() -> None:
    text = managed_secret("glpat-1", token_id=3, user="ann", url=URL)
    turned = json.dumps(dict(reversed(json.loads(text).items())), indent=2)
    assert same_secret(text, turned)
    assert same_secret("glpat-1", "glpat-1\n")
    assert not same_secret(text, "glpat-1")
    assert not same_secret("", "glpat-1")
