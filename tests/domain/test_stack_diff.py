"""The note about the stacks, and the word that it is made from."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergemaker.domain.errors import UsageError
from mergemaker.domain.names import STACKS, STACKS_MARKER, name_fault
from mergemaker.domain.stack_diff import LARGEST, Fate, Job, Loss, StackDiff, from_json, newer, to_json
from mergemaker.domain.stack_note import render
from tests.domain.test_text import HOSTILE
from tests.fakes.made import HEAD
from tests.fakes.markdown import code_in, links, skeleton

JOB = Job(merge_request=7, pipeline=70, job=701, commit=HEAD, branch="bigger-table")
BUCKET = Loss("shop-data", "AWS::S3::Bucket", "Bucket Bucket8390", Fate.REPLACED)
FUNCTION = Loss("shop-platform", "AWS::Lambda::Function", "Fn", Fate.DELETED)
QUEUE = Loss("shop-platform", "AWS::SQS::Queue", "Queue", Fate.MAY_BE_REPLACED)
DIFF = StackDiff(
    stacks=2,
    added=1,
    changed=4,
    losses=(FUNCTION, QUEUE, BUCKET),
    broadened=("shop-identity",),
    text="Stack shop-data\nResources\n[~] AWS::S3::Bucket Bucket Bucket8390 replace",
)
NOTHING = StackDiff(0, 0, 0, (), (), "Stack shop-data\nThere were no differences")


def note(diff: StackDiff = DIFF, job: Job = JOB) -> str:
    return render(job, diff, pipelines="https://gitlab.example.com/team/shop/-/pipelines")


def test_the_first_line_says_what_a_busy_reviewer_needs() -> None:
    first, _, headline = note().splitlines()[:3]
    assert first == STACKS_MARKER
    assert headline == (
        "### 🏗️ **Infrastructure** · 2 stacks change · resources: "
        "🔴 **1 deleted, 1 replaced, 1 may be replaced**, 4 changed, 1 added"
    )


@pytest.mark.parametrize(
    ("diff", "said"),
    [
        (NOTHING, "no changes"),
        (StackDiff(1, 0, 0, (), (), "an output"), "1 stack changes"),
        (StackDiff(1, 0, 3, (), (), ""), "1 stack changes · resources: 3 changed"),
        (StackDiff(1, 0, 0, (QUEUE,), (), ""), "1 stack changes · resources: 🟠 **1 may be replaced**"),
        (
            StackDiff(1, 2, 0, (replace(QUEUE, fate=Fate.LEFT),), (), ""),
            "1 stack changes · resources: ⚪ **1 left behind**, 2 added",
        ),
    ],
)
def test_the_first_line_says_no_more_than_there_is(diff: StackDiff, said: str) -> None:
    assert note(diff).splitlines()[2] == f"### 🏗️ **Infrastructure** · {said}"


def test_what_is_lost_comes_first_and_of_that_what_holds_data() -> None:
    assert note().splitlines()[4:8] == [
        "- 🔴 replaced: `AWS::S3::Bucket` `Bucket Bucket8390` in `shop-data`, **which holds data**",
        "- 🟠 may be replaced: `AWS::SQS::Queue` `Queue` in `shop-platform`, **which holds data**",
        "- 🔴 deleted: `AWS::Lambda::Function` `Fn` in `shop-platform`",
        "",
    ]


def test_who_may_do_more_is_said_with_the_stack() -> None:
    assert "🔑 **Somebody may do more** than now, by `shop-identity`" in note()
    assert "🔑" not in note(replace(DIFF, broadened=()))


def test_the_note_says_whose_word_it_is_and_links_to_that_pipeline() -> None:
    assert f"[pipeline 70](https://gitlab.example.com/team/shop/-/pipelines/70) of commit `{HEAD[:8]}`" in note()


def test_a_merge_is_said_to_deploy_only_where_it_does() -> None:
    assert "Merging into the default branch deploys it." in note()
    assert "Merging" not in note(NOTHING)


def test_the_whole_diff_is_folded() -> None:
    made = note()
    folded = made[made.index("<details>") : made.index("</details>")]
    assert "[~] AWS::S3::Bucket Bucket Bucket8390 replace" in code_in(folded)[0]


FIELDS = ("text", "broadened", "stack", "type", "name", "branch", "commit")


def with_text(field: str, text: str) -> str:
    changed: dict[str, Any] = {field: (text, "other") if field == "broadened" else text}
    if field in ("branch", "commit"):
        return note(job=replace(JOB, **changed))
    if field in ("text", "broadened"):
        return note(replace(DIFF, **changed))
    return note(replace(DIFF, losses=(replace(BUCKET, **changed), QUEUE)))


def check(field: str, text: str) -> None:
    made = with_text(field, f"x{text}")
    plain = with_text(field, "x")
    assert skeleton(made) == skeleton(plain), "foreign text has become part of the note"
    assert links(made) == ["https://gitlab.example.com/team/shop/-/pipelines/70"]
    assert not any(line.startswith("/") for line in made.splitlines())
    assert made.splitlines()[0] == STACKS_MARKER
    made.encode()


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_inert_in_every_field(field: str, text: str) -> None:
    check(field, text)


@given(st.sampled_from(FIELDS), st.text(alphabet=st.sampled_from("`|\\/\n\r <>[]()!#*_~-=$@&:\u2028"), max_size=30))
def test_no_mixture_of_markdowns_own_characters_gets_out_of_any_field(field: str, text: str) -> None:
    check(field, text)


@pytest.mark.parametrize("text", ["`" * 500_000, "x\n" * 250_000, "\\" * 500_000, "🏗" * 500_000])
def test_the_longest_diff_is_left_and_shown_within_the_limits(text: str) -> None:
    losses = tuple(replace(BUCKET, name=f"{'n' * 150}{number}") for number in range(1_500))
    left = to_json(JOB, replace(DIFF, text=text, losses=losses))
    assert len(left) <= LARGEST
    job, diff = from_json(left)
    assert len(diff.losses) == 1_500
    made = note(diff, job)
    assert len(made) < 900_000
    assert "\n  …\n" in made, "it says that it is cut"


def test_what_is_left_is_read_as_it_was() -> None:
    assert from_json(to_json(JOB, DIFF)) == (JOB, DIFF)
    assert from_json(to_json(JOB, NOTHING)) == (JOB, NOTHING)


def said(**changed: Any) -> bytes:
    """What `to_json` writes, with other values."""
    whole = json.loads(to_json(JOB, DIFF))
    for path, value in changed.items():
        where, _, key = path.partition("_")
        whole[where][key] = value
    return json.dumps(whole).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"job": {}, "diff": {}}',
        said(job_pipeline="70"),
        said(job_pipeline=-1),
        said(job_pipeline=True),
        said(job_pipeline=1e300),
        said(job_job=10**18),
        said(job_branch=None),
        said(job_more="x"),
        said(diff_text=3),
        said(diff_stacks="2"),
        said(diff_stacks=float("nan")),
        said(diff_broadened=[{}]),
        said(diff_broadened=3),
        said(diff_losses={}),
        said(diff_losses=[3]),
        said(diff_losses=[{"stack": "a", "type": "b", "name": 3, "fate": "deleted"}]),
        said(diff_losses=[{"stack": "a", "type": "b", "name": "c", "fate": "<b>"}]),
        said(diff_losses=[{"stack": "a", "type": "b", "name": "c", "fate": []}]),
        b'{"job": ' + b"9" * 5_000 + b"}",
    ],
)
def test_what_nobody_of_ours_wrote_is_refused(content: bytes) -> None:
    with pytest.raises(UsageError, match="not what `mergemaker diff` leaves"):
        from_json(content)


def test_a_later_pipeline_and_a_retried_job_are_newer_by_number_and_not_as_text() -> None:
    assert newer("100-5", "99-900")
    assert newer("70-1000", "70-999")
    assert newer("1-1", None)
    assert not newer("70-701", "70-701")
    assert not newer("99-900", "100-5")


def test_no_model_can_be_called_as_the_stacks_are_in_keys() -> None:
    assert name_fault(STACKS, 28)
