"""A run is pinned to bytes: a snapshot is made once, on the server, whole, and is never changed."""

import hashlib
import json

import pytest

from mergemaker.domain.errors import RefusedError, RetryableError, UsageError
from mergemaker.domain.names import data_prefix, snapshot_key
from mergemaker.ports import Tracked
from mergemaker.steps.begin import How
from mergemaker.steps.submit import Folder
from tests.fakes.made import MODEL_TOML, folder
from tests.fakes.story import DATA, submitted
from tests.fakes.world import Fakes

CACHE = "dvc/input/files/md5/"


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


def data_of(fakes: Fakes, of: Folder | None = None) -> str:
    """The snapshot of a run that is submitted now."""
    return fakes.jobs.requests[submitted(fakes, of).job].lineage.data


def content(fakes: Fakes, digest: str) -> dict[str, bytes]:
    prefix = data_prefix("prices", digest)
    return {key.removeprefix(prefix): fakes.files[key] for key in fakes.files.objects if key.startswith(prefix)}


def put_more(fakes: Fakes, count: int) -> None:
    for number in range(count):
        fakes.files.put(f"prices/input/train/more-{number}.csv", b"%d" % number)


# From the input -----------------------------------------------------------------------------


def test_without_data_it_says_where_to_put_it_and_stores_nothing(fakes: Fakes) -> None:
    fakes.files.put("prices/input/test/rows.csv", b"1")
    fakes.files.put("prices/input/other/", b"")
    text = MODEL_TOML.replace("train/", "other/")
    with pytest.raises(
        UsageError, match=r"channel 'training' has no data: put files under s3://.*/prices/input/other/"
    ):
        submitted(fakes, folder(text))
    assert set(fakes.files.objects) == {"prices/input/test/rows.csv", "prices/input/other/", DATA}


def test_a_snapshot_that_is_there_is_not_copied_again(fakes: Fakes) -> None:
    submitted(fakes)
    copied = list(fakes.files.copied)
    submitted(fakes, folder(code="other"))
    assert fakes.files.copied == copied
    assert len(copied) == 1


def test_a_snapshot_is_named_after_the_list_of_its_files(fakes: Fakes) -> None:
    digest = data_of(fakes)
    stored = fakes.files[snapshot_key("prices", digest)]
    assert hashlib.sha256(stored).hexdigest() == digest
    assert json.loads(stored) == [["training/rows.csv", 5, fakes.files.etag(DATA)]]


def test_replacing_the_input_changes_the_next_run_and_never_a_recorded_one(fakes: Fakes) -> None:
    first = submitted(fakes)
    fakes.files.put(DATA, b"4,5,6")
    second = submitted(fakes)
    assert second.how is How.STARTED
    assert second.job != first.job
    recorded = {job: fakes.jobs.requests[job].lineage.data for job in (first.job, second.job)}
    assert content(fakes, recorded[first.job]) == {"training/rows.csv": b"1,2,3"}
    assert content(fakes, recorded[second.job]) == {"training/rows.csv": b"4,5,6"}


def test_the_same_input_again_is_the_first_run_again(fakes: Fakes) -> None:
    first = submitted(fakes)
    fakes.files.put(DATA, b"4,5,6")
    submitted(fakes)
    fakes.files.put(DATA, b"1,2,3")
    assert (submitted(fakes).job, submitted(fakes).how) == (first.job, How.FOUND)


def test_data_that_changes_while_it_is_copied_gives_no_mixed_snapshot(fakes: Fakes) -> None:
    fakes.files.meanwhile("copy", lambda: fakes.files.put(DATA, b"4,5,6"))
    with pytest.raises(RetryableError, match=r"the data is not all copied yet, submit again: .*rows.csv has changed"):
        submitted(fakes)
    assert fakes.jobs.jobs == {}
    assert content(fakes, data_of(fakes)) == {"training/rows.csv": b"4,5,6"}


def test_a_snapshot_that_broke_off_goes_on_where_it_stopped(fakes: Fakes) -> None:
    put_more(fakes, 30)
    fakes.files.after("copy", lambda: fakes.files.fail("copy"))
    with pytest.raises(RetryableError):
        submitted(fakes)
    before = set(fakes.files.copied)
    digest = data_of(fakes)
    assert before
    assert len(fakes.files.copied) == len(set(fakes.files.copied)) == 31
    assert len(content(fakes, digest)) == 31


def test_two_who_make_the_same_snapshot_at_once_make_it_together(fakes: Fakes) -> None:
    put_more(fakes, 3)
    fakes.files.meanwhile("copy", lambda: submitted(fakes))
    submitted(fakes)
    assert len(fakes.files.copied) == 4
    assert len(fakes.jobs.jobs) == 1


def test_what_lies_in_the_snapshots_place_with_another_size_is_refused(fakes: Fakes) -> None:
    digest = data_of(fakes)
    del fakes.files.objects[snapshot_key("prices", digest)]
    fakes.files.put(f"prices/data/{digest}/training/rows.csv", b"longer")
    with pytest.raises(RefusedError, match=r"rows.csv has other bytes than prices/input/train/rows.csv: delete it"):
        submitted(fakes, folder(code="other"))


def test_each_channel_has_its_own_folder_in_the_snapshot(fakes: Fakes) -> None:
    fakes.files.put("prices/input/test/rows.csv", b"7")
    text = f'{MODEL_TOML}\n[channels.holdout]\nprefix = "test"\n'
    request = fakes.jobs.requests[submitted(fakes, folder(text)).job]
    assert content(fakes, request.lineage.data) == {"holdout/rows.csv": b"7", "training/rows.csv": b"1,2,3"}
    assert sorted(request.channels) == ["holdout", "training"]


# From DVC -----------------------------------------------------------------------------------


def dvc(fakes: Fakes, path: str = "data/train.csv", **files: bytes) -> Folder:
    """A folder whose channel DVC tracks: one file under the name ``_``, or the folder that holds `files`."""

    def pushed(text: bytes, suffix: str = "") -> str:
        md5 = hashlib.md5(text, usedforsecurity=False).hexdigest() + suffix
        fakes.files.put(f"{CACHE}{md5[:2]}/{md5[2:]}", text)
        return md5

    md5s = {name: pushed(text) for name, text in files.items()}
    entries = [{"md5": md5, "relpath": name.replace("__", "/")} for name, md5 in md5s.items()]
    md5 = md5s["_"] if "_" in md5s else pushed(json.dumps(entries).encode(), ".dir")
    fakes.tracking.tracked[path] = Tracked(path, md5, within="", cache=CACHE)
    return folder(MODEL_TOML.replace('prefix = "train/"', f'dvc = "{path}"'))


def test_what_dvc_tracks_has_its_real_name_in_the_snapshot(fakes: Fakes) -> None:
    assert content(fakes, data_of(fakes, dvc(fakes, _=b"1,2"))) == {"training/train.csv": b"1,2"}


def test_a_folder_that_dvc_tracks_keeps_its_shape(fakes: Fakes) -> None:
    of = dvc(fakes, "data", b=b"2", a__b__c=b"1", a__d=b"1")
    assert content(fakes, data_of(fakes, of)) == {"training/a/b/c": b"1", "training/a/d": b"1", "training/b": b"2"}


@pytest.mark.parametrize(("within", "expected"), [("a", ["b/c", "d"]), ("a/b", ["c"]), ("a/d", ["d"]), ("b", ["b"])])
def test_a_part_of_a_tracked_folder_can_be_a_channel(fakes: Fakes, within: str, expected: list[str]) -> None:
    whole = fakes.tracking.tracked
    of = dvc(fakes, f"data/{within}", b=b"2", a__b__c=b"1", a__d=b"3")
    whole[f"data/{within}"] = Tracked(f"data/{within}", whole[f"data/{within}"].md5, within=within, cache=CACHE)
    assert sorted(content(fakes, data_of(fakes, of))) == [f"training/{path}" for path in expected]


def test_a_part_that_no_tracked_folder_has_is_told(fakes: Fakes) -> None:
    of = dvc(fakes, "data/x", b=b"2")
    fakes.tracking.tracked["data/x"] = Tracked("data/x", fakes.tracking.tracked["data/x"].md5, "x", CACHE)
    with pytest.raises(UsageError, match=r"data/x: no such file in what DVC tracks"):
        submitted(fakes, of)


def test_content_that_dvc_knows_is_the_same_data_however_often_it_is_pushed(fakes: Fakes) -> None:
    of = dvc(fakes, "data", b=b"2")
    first = submitted(fakes, of).job
    lists = len([call for call in fakes.files.calls if call == "list"])
    assert submitted(fakes, of).job == first
    assert len([call for call in fakes.files.calls if call == "list"]) == lists


@pytest.mark.parametrize(("path", "of"), [("data/train.csv", "1 of 1"), ("data", "1 of 2")])
def test_what_was_not_pushed_is_asked_for(fakes: Fakes, path: str, of: str) -> None:
    made = dvc(fakes, path, _=b"1") if path.endswith("csv") else dvc(fakes, path, a=b"1", b=b"2")
    md5 = hashlib.md5(b"1", usedforsecurity=False).hexdigest()
    del fakes.files.objects[f"{CACHE}{md5[:2]}/{md5[2:]}"]
    with pytest.raises(UsageError, match=rf"{of} files that DVC tracks are not in the bucket, .*: run `dvc push`"):
        submitted(fakes, made)
    assert fakes.jobs.jobs == {}


def test_a_folders_list_that_was_not_pushed_is_asked_for(fakes: Fakes) -> None:
    of = dvc(fakes, "data", a=b"1")
    fakes.files.objects.clear()
    with pytest.raises(UsageError, match=r"data: DVC tracks it, but it is not in the bucket: `dvc push`"):
        submitted(fakes, of)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff",
        b"{}",
        b"[" * 100_000,
        b"[1]",
        b'[{"relpath": "a"}]',
        *(json.dumps([{"relpath": path, "md5": "0" * 32}]).encode() for path in ("", "/a", "../a", "a/../b", "a\\b")),
        *(json.dumps([{"relpath": "a", "md5": md5}]).encode() for md5 in ("", 1, "0" * 31, "0" * 30 + "/x", "A" * 32)),
    ],
)
def test_a_folders_list_that_is_none_is_refused(fakes: Fakes, text: bytes) -> None:
    of = dvc(fakes, "data", a=b"1")
    md5 = fakes.tracking.tracked["data"].md5
    fakes.files.put(f"{CACHE}{md5[:2]}/{md5[2:]}", text)
    with pytest.raises(RefusedError, match="is no list of files as DVC writes it"):
        submitted(fakes, of)
