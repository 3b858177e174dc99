"""What DVC tracks is read from DVC's own files, and comes from where real DVC has put it."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mergemaker.adapters.dvc import DvcFiles
from mergemaker.bootstrap import Aws
from mergemaker.domain.errors import UsageError
from mergemaker.domain.model import ModelSpec
from mergemaker.domain.model_toml import parse_model
from mergemaker.domain.names import data_prefix
from mergemaker.ports import Tracked
from mergemaker.steps.snapshot import digest_of, find_data, keep
from tests.adapters.conftest import NAMES
from tests.own_environment import tool

BUCKET = NAMES.bucket
CONFIG = f"""\
[core]
    remote = storage
    autostage = true
['remote "storage"']
    url = s3://{BUCKET}/dvc/input
['remote "old"']
    url = s3://{BUCKET}/prices/input/.dvc/
['remote "mine"']
    url = s3://somebody/dvc/input
['remote "local"']
    url = ../storage
['remote "code"']
    url = s3://{BUCKET}/prices/code
['remote "up"']
    url = s3://{BUCKET}/a/input/../code
['remote "versions"']
    url = s3://{BUCKET}/dvc/input
    version_aware = true
"""
MD5 = "0123456789abcdef0123456789abcdef"
CACHE = "dvc/input/files/md5/"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], None]:
    def write(path: str, text: str) -> None:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)

    write(".dvc/config", CONFIG)
    return write


@pytest.fixture
def dvc(tmp_path: Path) -> DvcFiles:
    return DvcFiles(tmp_path, BUCKET)


Write = Callable[[str, str], None]


def out(path: str, *, md5: str = MD5, more: str = "  hash: md5\n") -> str:
    return f"outs:\n- md5: {md5}\n  size: 3\n{more}  path: {path}\n"


LOCK = f"""\
schema: '2.0'
stages:
  split:
    cmd: python split.py
    deps:
    - path: raw.csv
      hash: md5
      md5: {"f" * 32}
      size: 9
    outs:
    - path: made/
      hash: md5
      md5: {MD5}.dir
      size: 6
      nfiles: 2
    - path: report.html
      hash: md5
      md5: {"a" * 32}
      size: 6
"""


def test_a_file_of_its_own_tracks_what_lies_beside_it(dvc: DvcFiles, write: Write) -> None:
    write("data/train.csv.dvc", out("train.csv"))
    assert dvc.find("data/train.csv") == Tracked("data/train.csv", MD5, within="", cache=CACHE)


def test_a_path_in_a_tracked_folder_is_a_part_of_it(dvc: DvcFiles, write: Write) -> None:
    write("data.dvc", out("data", md5=f"{MD5}.dir"))
    assert dvc.find("data/train/rows.csv") == Tracked("data/train/rows.csv", f"{MD5}.dir", "train/rows.csv", CACHE)


def test_an_output_of_a_stage_is_in_the_lock_of_its_folder(dvc: DvcFiles, write: Write) -> None:
    write("pipe/dvc.lock", LOCK)
    assert dvc.find("pipe/made") == Tracked("pipe/made", f"{MD5}.dir", within="", cache=CACHE)
    assert dvc.find("pipe/made/a.csv").within == "a.csv"
    assert dvc.find("./pipe/made/").path == "pipe/made"
    assert dvc.find("pipe/report.html").md5 == "a" * 32


@pytest.mark.parametrize("md5", ["0" * 32, f"1e{'2' * 30}", f"{'1' * 32}.dir"])
def test_a_digest_that_looks_like_a_number_is_none(dvc: DvcFiles, write: Write, md5: str) -> None:
    write("train.csv.dvc", out("train.csv", md5=md5))
    assert dvc.find("train.csv").md5 == md5


def test_what_a_stage_only_reads_is_not_tracked_by_it(dvc: DvcFiles, write: Write) -> None:
    write("pipe/dvc.lock", LOCK)
    with pytest.raises(UsageError, match=r"pipe/raw.csv: DVC does not track it: there is neither pipe/raw.csv.dvc"):
        dvc.find("pipe/raw.csv")


def test_an_output_can_have_its_own_remote_and_what_dvc_2_pushed_lies_at_its_root(dvc: DvcFiles, write: Write) -> None:
    write("train.csv.dvc", out("train.csv", more="  remote: old\n"))
    assert dvc.find("train.csv").cache == "prices/input/.dvc/"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("outs: [", r"train.csv.dvc:1: not YAML"),
        ("- a\n", "train.csv.dvc: not as DVC writes it"),
        ("outs: 3\n", "train.csv.dvc: not as DVC writes it"),
        ("outs: [3]\n", "train.csv.dvc: not as DVC writes it"),
        ("!!python/object/apply:os.system ['touch owned']\n", "train.csv.dvc: not as DVC writes it"),
        (out("train.csv", md5="../../x"), "train.csv.dvc: train.csv has no MD5"),
        (out("train.csv", md5="[1, 2]"), "train.csv.dvc: train.csv has no MD5"),
        (out("train.csv", more="  hash: sha256\n"), "the digest 'sha256' is not known"),
        (out("other.csv"), "train.csv: DVC does not track it"),
        (out("../train.csv"), "train.csv: DVC does not track it"),
        ("[" * 100_000, "not YAML as DVC writes it"),
    ],
)
def test_a_file_that_dvc_did_not_write_so_is_told_with_its_name(
    dvc: DvcFiles, write: Write, tmp_path: Path, text: str, fault: str
) -> None:
    write("train.csv.dvc", text)
    with pytest.raises(UsageError, match=fault):
        dvc.find("train.csv")
    assert not (tmp_path / "owned").exists()


def test_names_in_names_in_names_cost_nothing(dvc: DvcFiles, write: Write) -> None:
    bomb = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}' if n else 'x'] * 9)}]" for n in range(40))
    write("train.csv.dvc", f"{bomb}\nouts:\n- md5: *a39\n  path: train.csv\n")
    with pytest.raises(UsageError, match="has no MD5"):
        dvc.find("train.csv")


@pytest.mark.parametrize(
    ("remote", "fault"),
    [
        ("mine", "remote 'mine' is not in the project's bucket"),
        ("local", "remote 'local' is not in the project's bucket"),
        ("code", "remote 'code' is not where jobs of CI may read"),
        ("up", "remote 'up' is not where jobs of CI may read"),
        ("versions", "remote 'versions' is version-aware"),
        ("missing", "names no remote 'missing'"),
    ],
)
def test_a_remote_elsewhere_is_told_with_what_to_do(dvc: DvcFiles, write: Write, remote: str, fault: str) -> None:
    write("train.csv.dvc", out("train.csv", more=f"  hash: md5\n  remote: {remote}\n"))
    with pytest.raises(UsageError, match=rf"{fault}.*: run `dvc remote add --default storage s3://{BUCKET}/dvc/input`"):
        dvc.find("train.csv")


@pytest.mark.parametrize("config", ["", "[core]\n    remote =\n", "[core]\nremote = storage\n"])
def test_without_a_remote_it_says_which_to_add(dvc: DvcFiles, write: Write, config: str) -> None:
    write("train.csv.dvc", out("train.csv"))
    write(".dvc/config", config)
    with pytest.raises(UsageError, match=r"\.dvc/config names no remote.*: run `dvc remote add"):
        dvc.find("train.csv")


def test_settings_that_are_none_are_told(dvc: DvcFiles, write: Write) -> None:
    write("train.csv.dvc", out("train.csv"))
    write(".dvc/config", "remote = storage\n")
    with pytest.raises(UsageError, match=r"\.dvc/config: not as DVC writes it"):
        dvc.find("train.csv")


# Real DVC -----------------------------------------------------------------------------------


def spec(model: str, **channels: str) -> ModelSpec:
    return parse_model(model, "".join(f'[channels.{name}]\ndvc = "{path}"\n' for name, path in channels.items()))


@pytest.mark.cloud
def test_what_real_dvc_has_pushed_is_what_a_run_is_made_of(tmp_path: Path, aws: Aws, aws_port: int, name: str) -> None:
    command = tool("dvc")
    root = tmp_path / "repo"
    (root / "data" / "images" / "a b").mkdir(parents=True)

    def run(*words: str) -> None:
        home = {"HOME": str(tmp_path), "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(tmp_path / "site")}
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": NAMES.region}
        env = {"PATH": os.environ["PATH"], **home, **keys}
        done = subprocess.run([command, *words], cwd=root, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr + done.stdout

    def snapshot() -> tuple[str, dict[str, bytes]]:
        model = spec(name, train="data/train.csv", images="data/images", made="made.txt")
        found = find_data(model, files=aws.files, names=NAMES, tracking=DvcFiles(root, BUCKET))
        keep(name, found, files=aws.files)
        digest = digest_of(found)
        return digest, content(digest)

    def content(digest: str) -> dict[str, bytes]:
        prefix = data_prefix(name, digest)
        keys = [stored.key for stored in aws.files.list(prefix)]
        return {key.removeprefix(prefix): (aws.files.read(key, longest=99) or (b"", ""))[0] for key in keys}

    (root / "data/train.csv").write_bytes(b"1,2\r\n")
    (root / "data/images/a b/ü.png").write_bytes(b"png")
    (root / "data/images/2.png").write_bytes(b"two")
    run("init", "--no-scm", "--quiet")
    run("remote", "add", "--default", "storage", f"s3://{BUCKET}/dvc/input")
    run("remote", "modify", "storage", "endpointurl", f"http://127.0.0.1:{aws_port}")
    run("add", "--quiet", "data/train.csv", "data/images")
    run("stage", "add", "--quiet", "--run", "--name", "make", "--outs", "made.txt", "echo made > made.txt")
    with pytest.raises(UsageError, match=r"data/images: DVC tracks it, but it is not in the bucket: `dvc push`"):
        snapshot()
    run("push", "--quiet")

    first, files = snapshot()
    assert files == {
        "train/train.csv": b"1,2\r\n",
        "images/a b/ü.png": b"png",
        "images/2.png": b"two",
        "made/made.txt": b"made\n",
    }

    (root / "data/train.csv").write_bytes(b"3,4\n")
    run("add", "--quiet", "data/train.csv")
    with pytest.raises(
        UsageError, match=r"1 of 4 files that DVC tracks are not in the bucket, such as train/train.csv"
    ):
        snapshot()
    run("push", "--quiet")
    second, changed = snapshot()
    assert second != first
    assert changed == {**files, "train/train.csv": b"3,4\n"}
    assert content(first) == files
