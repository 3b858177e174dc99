"""An archive that a job left is only looked into: nothing is unpacked, and what it costs is bounded."""

import gzip
import io
import tarfile
import time
from collections.abc import Callable

import pytest

from mergemaker.steps.output import LARGEST_UNPACKED, output_in
from tests.fakes.made import packed


def archive(fill: Callable[[tarfile.TarFile], None]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz", compresslevel=1) as tar:
        fill(tar)
    return content.getvalue()


def member(name: str, kind: bytes, *, target: str = "", size: int = 0) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname, entry.size = kind, target, size
    return entry


@pytest.mark.parametrize("name", ["metrics.json", "./metrics.json", "data/metrics.json"])
def test_metrics_are_found_where_sagemaker_puts_them(name: str) -> None:
    assert output_in(packed({"other.csv": b"1", name: b'{"rmse": 1}'})).metrics.values == {"rmse": 1.0}


@pytest.mark.parametrize("name", ["../metrics.json", "/metrics.json", "deep/er/metrics.json", "xmetrics.json"])
def test_metrics_elsewhere_are_none(name: str) -> None:
    assert output_in(packed({name: b'{"rmse": 1}'})).metrics.values == {}


@pytest.mark.parametrize(
    "entry",
    [
        member("metrics.json", tarfile.SYMTYPE, target="/etc/passwd"),
        member("metrics.json", tarfile.LNKTYPE, target="../../etc/passwd"),
        member("metrics.json", tarfile.CHRTYPE),
        member("metrics.json", tarfile.FIFOTYPE),
        member("metrics.json", tarfile.DIRTYPE),
    ],
)
def test_a_link_or_device_is_no_metrics(entry: tarfile.TarInfo) -> None:
    found = output_in(archive(lambda tar: tar.addfile(entry))).metrics
    assert (dict(found.values), found.remarks) == ({}, ())


def test_metrics_over_a_megabyte_are_not_read() -> None:
    found = output_in(packed({"metrics.json": b" " * 1_000_001})).metrics
    assert found.remarks == ("metrics.json is over 1 MB and was not read",)


def test_an_archive_that_says_it_is_huge_is_left_at_once() -> None:
    entry = member("big", tarfile.REGTYPE, size=LARGEST_UNPACKED + 1)
    header = gzip.compress(entry.tobuf())
    found = output_in(header).metrics
    assert found.remarks == ("the output is too large when unpacked to look for metrics.json",)


def test_a_crowd_of_empty_files_ends_in_bounded_time() -> None:
    """Headers alone unpack to hundreds of megabytes from a small file."""
    header = member("x", tarfile.REGTYPE).tobuf()
    crowd = gzip.compress(header * 200_000, compresslevel=1)
    assert len(crowd) < 1_200_000
    begin = time.monotonic()
    found = output_in(crowd).metrics
    assert time.monotonic() - begin < 5
    assert "too large when unpacked" in found.remarks[0]


def test_long_names_within_long_names_without_end_are_remarked_upon() -> None:
    nested = member("x", tarfile.GNUTYPE_LONGNAME, size=1).tobuf() + b"x".ljust(512, b"\0")
    found = output_in(gzip.compress(nested * 5_000)).metrics
    assert found.remarks[0].startswith("output.tar.gz can't be read: ")


@pytest.mark.parametrize("cut", [10, 50, 100, 150])
def test_an_archive_that_breaks_off_is_remarked_upon(cut: int) -> None:
    whole = packed({"other.csv": bytes(range(256)) * 50, "metrics.json": b'{"rmse": 1}'})
    found = output_in(whole[:cut]).metrics
    assert found.values == {}
    assert found.remarks[0].startswith("output.tar.gz can't be read: ")


def test_broken_compression_is_remarked_upon() -> None:
    whole = bytearray(packed({"other.csv": bytes(range(256)) * 50}))
    whole[30:60] = b"\xff" * 30
    assert output_in(bytes(whole)).metrics.remarks[0].startswith("output.tar.gz can't be read: ")


# Packages -------------------------------------------------------------------------------------


def test_installed_packages_are_read_beside_the_metrics_in_any_order() -> None:
    files = {"metrics.json": b'{"rmse": 1}', "installed-packages.txt": b"numpy==2.3.1\nscikit-learn==1.7.0\n"}
    for order in (files, dict(reversed(files.items()))):
        found = output_in(packed(order))
        assert (found.metrics.values, found.metrics.remarks) == ({"rmse": 1.0}, ())
        assert found.installed == {"numpy": "2.3.1", "scikit-learn": "1.7.0"}


def test_packages_over_a_megabyte_are_not_read() -> None:
    found = output_in(packed({"metrics.json": b'{"rmse": 1}', "installed-packages.txt": b"a==1\n" * 300_000}))
    assert (found.installed, found.metrics.values) == ({}, {"rmse": 1.0})
    assert found.metrics.remarks == ("installed-packages.txt is over 1 MB and was not read",)


def test_metrics_count_whatever_comes_after_them() -> None:
    huge = member("big", tarfile.REGTYPE, size=LARGEST_UNPACKED + 1)
    first = member("metrics.json", tarfile.REGTYPE, size=2)
    whole = gzip.compress(first.tobuf() + b"{}".ljust(512, b"\0") + huge.tobuf())
    assert output_in(whole).metrics.remarks == ()
