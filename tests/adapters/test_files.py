"""The contract of `ports.Files`: what S3 does, the fake does."""

import random
import time
from pathlib import Path

import pytest

from mergemaker.adapters.files import S3Files
from mergemaker.bootstrap import Aws
from mergemaker.domain.errors import RefusedError, RetryableError, ServiceError
from mergemaker.domain.names import Names
from mergemaker.ports import Files, Stored
from tests.adapters.conftest import NAMES
from tests.fakes.files import FakeFiles
from tests.local.aws.helpers import client


@pytest.fixture(params=["memory", pytest.param("s3", marks=pytest.mark.cloud)])
def files(request: pytest.FixtureRequest) -> Files:
    if request.param == "memory":
        return FakeFiles()
    found: Files = request.getfixturevalue("aws").files
    return found


def test_what_is_not_there_is_none(files: Files, name: str) -> None:
    assert files.read(f"{name}/a", longest=10) is None
    assert files.etag(f"{name}/a") is None
    assert list(files.list(f"{name}/")) == []
    files.delete(f"{name}/a")


def test_what_was_written_is_read_with_its_etag(files: Files, name: str) -> None:
    assert files.write(f"{name}/ü +%.csv", b"1,2", replacing=None)
    found = files.read(f"{name}/ü +%.csv", longest=3)
    assert found is not None
    assert found[0] == b"1,2"
    (listed,) = files.list(f"{name}/")
    assert listed == Stored(f"{name}/ü +%.csv", 3, str(files.etag(f"{name}/ü +%.csv")))
    assert found[1] == listed.etag


def test_an_object_is_made_only_once(files: Files, name: str) -> None:
    assert files.write(name, b"first", replacing=None)
    assert not files.write(name, b"second", replacing=None)
    assert files.read(name, longest=10) == (b"first", files.etag(name))


def test_an_object_is_replaced_only_as_it_was_read(files: Files, name: str) -> None:
    files.write(name, b"first", replacing=None)
    found = files.read(name, longest=10)
    assert found is not None
    assert files.write(name, b"second", replacing=found[1])
    assert not files.write(name, b"third", replacing=found[1])
    assert files.write(name, b"fourth", replacing=files.etag(name))
    now = files.read(name, longest=10)
    assert now is not None
    assert now[0] == b"fourth"


def test_an_object_that_is_gone_is_not_replaced(files: Files, name: str) -> None:
    files.write(name, b"first", replacing=None)
    etag = files.etag(name)
    files.delete(name)
    assert not files.write(name, b"second", replacing=etag)
    assert files.etag(name) is None


def test_an_object_that_is_too_long_is_refused(files: Files, name: str) -> None:
    files.write(name, b"12345", replacing=None)
    assert files.read(name, longest=5) is not None
    with pytest.raises(RefusedError, match="5 bytes"):
        files.read(name, longest=4)


def test_a_listing_has_what_begins_with_the_prefix_in_order(files: Files, name: str) -> None:
    for key in ("b", "a/2", "a/1", "a"):
        files.write(f"{name}/{key}", b"x", replacing=None)
    assert [one.key for one in files.list(f"{name}/a")] == [f"{name}/a", f"{name}/a/1", f"{name}/a/2"]


def test_a_copy_is_of_what_was_listed_or_none_at_all(files: Files, name: str) -> None:
    files.write(f"{name}/in/ü 1.csv", b"1", replacing=None)
    (listed,) = files.list(f"{name}/in/")
    assert files.copy(listed, f"{name}/out")
    assert files.read(f"{name}/out", longest=10) == (b"1", listed.etag)
    assert files.write(listed.key, b"2", replacing=listed.etag)
    with pytest.raises(RetryableError, match="has changed"):
        files.copy(listed, f"{name}/other")
    files.delete(listed.key)
    with pytest.raises(RetryableError, match="has changed"):
        files.copy(listed, f"{name}/other")
    assert files.etag(f"{name}/other") is None


def test_a_copy_replaces_nothing(files: Files, name: str) -> None:
    for number in (1, 2):
        files.write(f"{name}/in/{number}", b"%d" % number, replacing=None)
    first, second = files.list(f"{name}/in/")
    assert files.copy(first, f"{name}/out")
    assert not files.copy(second, f"{name}/out")
    assert files.read(f"{name}/out", longest=10) == (b"1", first.etag)


def test_a_copy_can_be_of_the_beginning_alone(files: Files, name: str) -> None:
    files.write(f"{name}/in", b"a,b\n1,2\n3,4\n", replacing=None)
    (listed,) = files.list(f"{name}/in")
    assert files.copy(listed, f"{name}/out", length=8)
    (copied,) = files.list(f"{name}/out")
    assert (copied.size, files.read_at(copied, first=0, length=100)) == (8, b"a,b\n1,2\n")
    assert not files.copy(listed, f"{name}/out", length=4)
    assert files.write(listed.key, b"other and longer", replacing=listed.etag)
    with pytest.raises(RetryableError, match="has changed"):
        files.copy(listed, f"{name}/new", length=8)
    assert files.etag(f"{name}/new") is None


def test_a_part_is_read_of_what_was_listed_or_none_at_all(files: Files, name: str) -> None:
    files.write(f"{name}/ü", b"0123456789", replacing=None)
    (listed,) = files.list(f"{name}/")
    assert files.read_at(listed, first=3, length=4) == b"3456"
    assert files.read_at(listed, first=8, length=100) == b"89"
    assert files.write(listed.key, b"other", replacing=listed.etag)
    for _ in range(2):
        with pytest.raises(RetryableError, match="has changed"):
            files.read_at(listed, first=0, length=1)
        files.delete(listed.key)


def test_the_newest_is_looked_for_in_one_folder_alone(files: Files, name: str) -> None:
    assert files.newest(f"{name}/") is None
    for key in ("b.json", "a.json", "a/1.json"):
        files.write(f"{name}/{key}", b"x", replacing=None)
        if isinstance(files, S3Files):
            time.sleep(1.1)  # S3 tells whole seconds
    assert files.newest(f"{name}/") == f"{name}/a.json"


def test_what_is_pushed_is_known_by_its_digest(files: Files, name: str, tmp_path: Path) -> None:
    (file := tmp_path / "rows.csv").write_bytes(b"1,2")
    assert files.pushed_digest(name) is None
    files.write(name, b"1", replacing=None)
    assert files.pushed_digest(name) is None
    files.push(name, file, digest="d" * 64)
    assert files.pushed_digest(name) == "d" * 64
    assert files.read(name, longest=10) == (b"1,2", files.etag(name))


# S3 alone ---------------------------------------------------------------------------------------


@pytest.mark.cloud
def test_a_large_object_is_copied_in_parts_under_the_same_conditions(aws_port: int, name: str) -> None:
    """Parts of 5 MB, the least that S3 takes, in the place of parts of 256 MB."""
    files = S3Files(client("s3", aws_port), NAMES.bucket, part=5 * 1024 * 1024)
    content = random.Random(7).randbytes(21 * 1024 * 1024 + 1)
    files.write(f"{name}/in", content, replacing=None)
    (listed,) = files.list(f"{name}/in")
    assert files.copy(listed, f"{name}/out")
    found = files.read(f"{name}/out", longest=len(content))
    assert found is not None
    assert found[0] == content
    assert found[1].endswith("-5")
    assert not files.copy(listed, f"{name}/out")
    assert files.copy(listed, f"{name}/beginning", length=11 * 1024 * 1024)
    (beginning,) = files.list(f"{name}/beginning")
    assert files.read(beginning.key, longest=len(content)) == (content[: 11 * 1024 * 1024], beginning.etag)
    assert beginning.etag.endswith("-3")
    files.write(f"{name}/in", b"other", replacing=listed.etag)
    with pytest.raises(RetryableError, match="has changed"):
        files.copy(listed, f"{name}/new")
    assert files.etag(f"{name}/new") is None


@pytest.mark.cloud
def test_tags_stay_behind(aws: Aws, name: str) -> None:
    aws.clients("s3").put_object(Bucket=NAMES.bucket, Key=f"{name}/in", Body=b"1", Tagging="owner=ann")
    (listed,) = aws.files.list(f"{name}/in")
    aws.files.copy(listed, f"{name}/out")
    tags = [aws.clients("s3").get_object_tagging(Bucket=NAMES.bucket, Key=f"{name}/{key}") for key in ("in", "out")]
    assert [one["TagSet"] for one in tags] == [[{"Key": "owner", "Value": "ann"}], []]


@pytest.mark.cloud
def test_a_file_that_cannot_be_pushed_is_told_in_a_line(aws_port: int, tmp_path: Path) -> None:
    (file := tmp_path / "rows.csv").write_bytes(b"1,2")
    files = S3Files(client("s3", aws_port), "nobody-has-this-bucket")
    with pytest.raises(ServiceError, match=r"s3://nobody-has-this-bucket/a: .*NoSuchBucket"):
        files.push("a", file, digest="d")


@pytest.mark.cloud
def test_a_bucket_that_is_not_there_is_told_with_what_to_do(aws_port: int) -> None:
    missing = Names(project="nobody", account=NAMES.account, region=NAMES.region).bucket
    files = S3Files(client("s3", aws_port), missing)
    for call in (lambda: list(files.list("a/")), lambda: files.write("a", b"", replacing=None)):
        with pytest.raises(ServiceError, match=rf"s3://{missing}/a/?: .*NoSuchBucket.*has `cdk deploy` run") as caught:
            call()
        assert not caught.value.retryable
