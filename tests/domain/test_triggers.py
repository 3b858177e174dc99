"""What a commit's message asks for."""

import pytest

from mergemaker.domain.errors import UsageError
from mergemaker.domain.names import tag_fault
from mergemaker.domain.triggers import Wishes, parse_wishes

MODELS = ("prices", "rents")


@pytest.mark.parametrize(
    ("message", "wishes"),
    [
        ("Deeper trees", Wishes()),
        ("", Wishes()),
        ("Deeper trees [train prices]", Wishes({"prices": ""})),
        ("[train prices v1.2]\n\nBecause of the new data.", Wishes({"prices": "v1.2"})),
        (
            "Again\n\n[train prices prices/v1+a-b_c@d] [train rents]",
            Wishes({"prices": "prices/v1+a-b_c@d", "rents": ""}),
        ),
        ("[Train  prices   v1 ]", Wishes({"prices": "v1"})),
        ("[train prices v1] [train prices v1]", Wishes({"prices": "v1"})),
        ("A typo [skip train]", Wishes(skip=True)),
        ("[build image]", Wishes(build=True)),
        ("[build image] and [skip train]", Wishes(skip=True, build=True)),
        ("[build image], but [train rents]", Wishes({"rents": ""}, build=True)),
        ("[training loop](https://example.com) [trained] [train-test split] [skip ci] [skip training]", Wishes()),
        ("[trainprices] [ train prices] train prices] [train prices", Wishes()),
        ("[train\nprices]", Wishes()),
        ("[[train prices]]", Wishes({"prices": ""})),
        ("\x00\x1b[2J[train prices]\x1b[0m", Wishes({"prices": ""})),
        ('Revert "Again [train prices v1]"\n\nThis reverts commit 1a2b.', Wishes()),
        ('Merge branch \'back\'\n\nRevert "Revert "[skip train]""\n\nSee merge request a/b!7', Wishes()),
        ('Revert "[skip train]" [train rents]', Wishes({"rents": ""})),
    ],
)
def test_a_message_asks_in_brackets(message: str, wishes: Wishes) -> None:
    assert parse_wishes(message, MODELS) == wishes


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("[train]", "'[train]': write [train NAME] or [train NAME TAG]"),
        ("[train prices v1 now]", "'[train prices v1 now]': write [train NAME]"),
        ("[train sales]", "'[train sales]': there is no model 'sales'"),
        ("[train ../prices]", "there is no model '../prices'"),
        ("[train Prices]", "there is no model 'Prices'"),
        ("[train prices v1..2]", "'v1..2' can be no tag"),
        ("[train prices --exec]", "'--exec' can be no tag"),
        (f"[train prices {'v' * 101}]", "a tag has at most 100 characters, not 101"),
        ("[train prices v1] [train prices v2]", "asked for twice"),
        ("[train prices] [train prices v2]", "asked for twice"),
        ("[train prices v1] [train rents v1]", "'[train rents v1]': v1 is the tag of prices, and a tag has one"),
        ("[skip train prices]", "write [skip train]"),
        ("[build image prices]", "write [build image]"),
        ("[skip train] [train prices]", "both [skip train] and [train NAME]"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(message: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_wishes(message, MODELS)
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "message", ["[" * 200_000, "[train" * 50_000, "[train x" * 50_000, "[]" * 100_000, 'Revert "' * 50_000]
)
def test_a_message_as_long_as_somebody_likes_is_read_at_once(message: str) -> None:
    assert parse_wishes(f"{message} [skip train]", MODELS) == Wishes(skip=True)


@pytest.mark.parametrize("wish", [f"[train {'x' * 1_000_000}]", f"[train {'x ' * 500_000}]"])
def test_a_long_wish_is_told_shortly(wish: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_wishes(wish, MODELS)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("tag", ["v1", "1.0", "prices/v1.2", "a@b", "V_1-rc.1+7", "v" * 100])
def test_what_git_takes_as_a_tag_is_one(tag: str) -> None:
    assert tag_fault(tag) is None


@pytest.mark.parametrize(
    "tag",
    ["", "-v1", ".v1", "/v1", "v1/", "v1.", "v1.lock", "a.lock/b", "a//b", "a/.b", "a..b", "a@{b", "a b", "a~1", "a^",
     "a:b", "a?", "a*", "a[b", "a\\b", "a\x7f", "a\n", "é", "v" * 101],
)  # fmt: skip
def test_what_git_does_not_take_as_a_tag_or_would_have_to_be_quoted_is_none(tag: str) -> None:
    assert tag_fault(tag)
