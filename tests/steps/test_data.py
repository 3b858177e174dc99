"""People see what the next run would be made of, and get files into the input, each once."""

import os
from pathlib import Path

import pytest

from mergemaker.domain.errors import RefusedError, RetryableError, UsageError
from mergemaker.domain.names import snapshot_key
from mergemaker.ports import Tracked
from mergemaker.steps.data import Change, Data, changes, current, is_prepared, kept, named_snapshot
from mergemaker.steps.push import Pushed, push
from mergemaker.steps.snapshot import find_data
from tests.fakes.made import MODEL_TOML, folder
from tests.fakes.story import DATA, submitted
from tests.fakes.world import Fakes
from tests.steps.test_prepare import TEXT as PREPARED
from tests.steps.test_prepare import prepared, prepared_folder


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


def now(fakes: Fakes, text: str = MODEL_TOML) -> Data:
    found = find_data(folder(text).spec, files=fakes.files, names=fakes.names, tracking=fakes.tracking)
    return current(found, fakes.files)


def against(fakes: Fakes, what: str | None = None) -> Data:
    return kept("prices", named_snapshot("prices", what, files=fakes.files, jobs=fakes.jobs), fakes.files)


# ls and diff --------------------------------------------------------------------------------


def test_what_the_next_run_would_be_made_of_is_named_as_its_snapshot_will_be(fakes: Fakes) -> None:
    fakes.files.put(DATA, b"1,2,3")
    before = now(fakes)
    assert [(path, known.size) for path, known in before.files.items()] == [("training/rows.csv", 5)]
    assert before.digest == fakes.jobs.requests[submitted(fakes).job].lineage.data


def test_added_removed_and_changed_files_are_told_with_their_bytes(fakes: Fakes) -> None:
    fakes.files.put("prices/input/train/old.csv", b"12")
    fakes.files.put("prices/input/train/same.csv", b"1")
    submitted(fakes)
    del fakes.files.objects["prices/input/train/old.csv"]
    fakes.files.put("prices/input/train/new.csv", b"123")
    fakes.files.put(DATA, b"3,2,1")
    assert changes(against(fakes), now(fakes)) == [
        Change("training/new.csv", None, 3),
        Change("training/old.csv", 2, None),
        Change("training/rows.csv", 5, 5),
    ]


def test_without_a_name_the_last_snapshot_is_compared_with(fakes: Fakes) -> None:
    submitted(fakes)
    fakes.files.put(DATA, b"4,5,6")
    last = submitted(fakes).job
    assert changes(against(fakes), now(fakes)) == []
    assert against(fakes).digest == fakes.jobs.requests[last].lineage.data


def test_a_snapshot_is_meant_by_a_runs_name_or_its_own(fakes: Fakes) -> None:
    first = submitted(fakes).job
    fakes.files.put(DATA, b"4,5,6,7")
    submitted(fakes)
    by_run = against(fakes, first)
    assert against(fakes, by_run.digest) == by_run
    assert changes(by_run, now(fakes)) == [Change("training/rows.csv", 5, 7)]


def test_what_is_no_run_of_the_model_is_told(fakes: Fakes) -> None:
    job = submitted(fakes).job
    with pytest.raises(UsageError, match="'nothing' is no run of prices, and no snapshot's name"):
        against(fakes, "nothing")
    with pytest.raises(UsageError, match="is no run of rents"):
        named_snapshot("rents", job, files=fakes.files, jobs=fakes.jobs)
    with pytest.raises(UsageError, match=r"prices has no snapshot 0{64}"):
        against(fakes, "0" * 64)


def test_before_the_first_run_there_is_nothing_to_compare_with(fakes: Fakes) -> None:
    with pytest.raises(UsageError, match="no run of prices has kept data yet"):
        against(fakes)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'[["a", 1]]', b"[" * 100_000, b"\xff", b"[]"])
def test_a_list_that_is_not_what_its_name_says_is_refused(fakes: Fakes, content: bytes) -> None:
    digest = fakes.jobs.requests[submitted(fakes).job].lineage.data
    fakes.files.put(snapshot_key("prices", digest), content)
    with pytest.raises(RefusedError, match="is not the list that its name says"):
        against(fakes, digest)


def test_what_dvc_tracks_is_compared_by_content_and_shown_with_its_bytes(fakes: Fakes) -> None:
    cache = "dvc/input/files/md5/"

    def track(md5: str, content: bytes) -> None:
        fakes.files.put(f"{cache}{md5[:2]}/{md5[2:]}", content)
        fakes.tracking.tracked["data/train.csv"] = Tracked("data/train.csv", md5, within="", cache=cache)

    text = MODEL_TOML.replace('prefix = "train/"', 'dvc = "data/train.csv"')
    track("1" * 32, b"1")
    submitted(fakes, folder(text))
    track("1" * 32, b"1")
    assert changes(against(fakes), now(fakes, text)) == []
    track("2" * 32, b"22")
    assert changes(against(fakes), now(fakes, text)) == [Change("training/train.csv", 1, 2)]


def test_of_a_model_that_prepares_its_data_the_input_is_shown_and_compared(fakes: Fakes) -> None:
    run = prepared(fakes)
    before = now(fakes, PREPARED)
    assert list(before.files) == ["data/train/rows.csv"]
    assert against(fakes, run) == against(fakes) == before
    fakes.files.put(DATA, b"4,5,6,7")
    assert changes(against(fakes, run), now(fakes, PREPARED)) == [Change("data/train/rows.csv", 5, 7)]


def test_whether_the_data_is_prepared_is_told_of_this_very_state(fakes: Fakes) -> None:
    fakes.files.put(DATA, b"1,2,3")
    assert is_prepared(prepared_folder(), now(fakes, PREPARED), fakes.files) is False
    prepared(fakes)
    assert is_prepared(prepared_folder(), now(fakes, PREPARED), fakes.files) is True
    assert is_prepared(prepared_folder(script="another"), now(fakes, PREPARED), fakes.files) is False
    fakes.files.put(DATA, b"4,5,6")
    assert is_prepared(prepared_folder(), now(fakes, PREPARED), fakes.files) is False


def test_it_is_not_told_where_nothing_prepares_or_where_only_submit_knows_the_image(fakes: Fakes) -> None:
    fakes.files.put(DATA, b"1,2,3")
    assert is_prepared(folder(), now(fakes), fakes.files) is None
    uri = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
    text = f'{PREPARED}\n[image]\nuri = "{uri}"\n'
    assert is_prepared(prepared_folder(text=text), now(fakes, text), fakes.files) is None


# push -----------------------------------------------------------------------------------------


@pytest.fixture
def local(tmp_path: Path) -> Path:
    for name, text in {
        "train/rows.csv": "1,2",
        "train/more.csv": "3",
        ".git/config": "",
        "train/.DS_Store": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def pushed(fakes: Fakes, path: Path) -> Pushed:
    return push("prices", path, files=fakes.files, told=lambda _: None)


def test_a_folders_files_come_to_the_input_without_hidden_ones(fakes: Fakes, local: Path) -> None:
    told: list[Pushed] = []
    assert push("prices", local, files=fakes.files, told=told.append) == Pushed(2, 2, 4, 2)
    assert fakes.files.objects == {"prices/input/train/rows.csv": b"1,2", "prices/input/train/more.csv": b"3"}
    assert [one.files for one in told] == [1, 2]


def test_what_is_there_with_the_same_bytes_is_not_uploaded_again(fakes: Fakes, local: Path) -> None:
    pushed(fakes, local)
    before = now(fakes).digest
    (local / "train/rows.csv").touch()
    assert pushed(fakes, local) == Pushed(2, 2, 0, 0)
    assert now(fakes).digest == before
    (local / "train/rows.csv").write_text("2,1")
    assert pushed(fakes, local) == Pushed(2, 2, 3, 1)
    assert fakes.files["prices/input/train/rows.csv"] == b"2,1"


def test_what_somebody_else_put_there_is_replaced(fakes: Fakes, local: Path) -> None:
    pushed(fakes, local)
    fakes.files.put("prices/input/train/rows.csv", b"9,9")
    assert pushed(fakes, local).uploaded == 1
    assert fakes.files["prices/input/train/rows.csv"] == b"1,2"


def test_a_file_comes_under_its_own_name(fakes: Fakes, local: Path) -> None:
    assert pushed(fakes, local / "train/rows.csv").uploaded == 1
    assert set(fakes.files.objects) == {"prices/input/rows.csv"}


def test_a_push_that_broke_off_goes_on_where_it_stopped(fakes: Fakes, local: Path) -> None:
    fakes.files.fail("push")
    with pytest.raises(RetryableError):
        pushed(fakes, local)
    done = pushed(fakes, local)
    assert done.files == done.of == 2
    assert fakes.files.calls.count("push") == 3, "one that failed, and each file once"


def test_a_file_that_changes_while_it_is_uploaded_is_not_done(fakes: Fakes, local: Path) -> None:
    file = local / "train/rows.csv"
    fakes.files.meanwhile("push", lambda: file.write_text("longer"))
    with pytest.raises(RetryableError, match=r"rows.csv changed while it was uploaded: push it again"):
        pushed(fakes, file)


def test_what_is_no_data_is_told(fakes: Fakes, tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(UsageError, match=f"{path.name}: there are no files to push"):
            pushed(fakes, path)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff")).write_text("1")
    with pytest.raises(UsageError, match=r"'a\\udcff' under .*: rename it"):
        pushed(fakes, tmp_path)
