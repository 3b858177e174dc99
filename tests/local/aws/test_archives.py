"""Nothing from an archive lands outside its folder, or is anything but a file."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from local.aws.archives import ArchiveError, unpack_tar, unpack_zip, zip_digest


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


@pytest.mark.parametrize(
    "hostile",
    [
        member("../out"),
        member("/out"),
        member("a/../../out"),
        member("link", tarfile.SYMTYPE, "/etc"),
        member("link", tarfile.LNKTYPE, "a"),
        member("device", tarfile.CHRTYPE),
        member("pipe", tarfile.FIFOTYPE),
    ],
    ids=lambda info: f"{info.name}-{info.type.decode()}",
)
def test_a_hostile_tar_is_refused(tmp_path: Path, hostile: tarfile.TarInfo) -> None:
    archive, target = tmp_path / "a.tar.gz", tmp_path / "target"
    with tarfile.open(archive, "w:gz") as tar:
        tar.addfile(hostile, io.BytesIO())
    with pytest.raises(ArchiveError, match=r"points out|neither a file"):
        unpack_tar(archive, target)
    assert sorted(p.name for p in tmp_path.rglob("*")) in (["a.tar.gz"], ["a.tar.gz", "target"])


@pytest.mark.parametrize("content", [b"", b"rubbish", b"\x1f\x8b\x08\x00broken"])
def test_a_broken_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    archive = tmp_path / "a"
    archive.write_bytes(content)
    with pytest.raises(ArchiveError, match="cannot unpack a"):
        unpack_tar(archive, tmp_path / "target")
    with pytest.raises(ArchiveError, match="cannot unpack a"):
        unpack_zip(archive, tmp_path / "target")


def test_an_archive_may_not_grow_beyond_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.aws.archives.MAX_BYTES", 1000)
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("zeros", bytes(1001))
    with pytest.raises(ArchiveError, match="more than"):
        unpack_zip(archive, tmp_path / "target")


def test_a_zip_keeps_executable_bits_and_nothing_else(tmp_path: Path) -> None:
    archive, target = tmp_path / "a.zip", tmp_path / "target"
    write(archive, {"bin/serve": 0o755, "notes.txt": 0o600}, time=(2020, 1, 1, 0, 0, 0))
    unpack_zip(archive, target)
    modes = {p.name: p.stat().st_mode & 0o777 for p in target.rglob("*") if p.is_file()}
    assert modes == {"serve": 0o755, "notes.txt": 0o644}


def test_the_digest_of_a_zip_knows_names_bits_and_content_but_not_times(tmp_path: Path) -> None:
    first, later, other = tmp_path / "1.zip", tmp_path / "2.zip", tmp_path / "3.zip"
    write(first, {"serve": 0o755}, time=(2020, 1, 1, 0, 0, 0))
    write(later, {"serve": 0o755}, time=(2024, 1, 1, 0, 0, 0))
    write(other, {"serve": 0o644}, time=(2020, 1, 1, 0, 0, 0))
    assert zip_digest(first) == zip_digest(later) != zip_digest(other)


def write(archive: Path, files: dict[str, int], *, time: tuple[int, int, int, int, int, int]) -> None:
    with zipfile.ZipFile(archive, "w") as packed:
        for name, mode in files.items():
            info = zipfile.ZipInfo(name, time)
            info.external_attr = mode << 16
            packed.writestr(info, name)
