"""Archives from outside: only regular files and folders come out, and only below the target folder."""

import hashlib
import shutil
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

MAX_FILES = 100_000
MAX_BYTES = 20 * 1024**3


class ArchiveError(Exception):
    """The archive is broken or hostile; the message says how."""


def unpack_tar(archive: Path, target: Path) -> None:
    """Unpacks a .tar.gz. Raises ArchiveError and leaves a half-filled folder behind."""
    try:
        with tarfile.open(archive, "r:*") as tar:
            _unpack_tar(tar, target)
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise ArchiveError(f"cannot unpack {archive.name}: {error}") from error


def _unpack_tar(tar: tarfile.TarFile, target: Path) -> None:
    budget = _Budget()
    for member in tar:
        path = _inside(target, member.name)
        if member.isdir():
            path.mkdir(parents=True, exist_ok=True)
        elif member.isreg():
            budget.take(member.size)
            path.parent.mkdir(parents=True, exist_ok=True)
            source = tar.extractfile(member)
            if source is None:
                raise ArchiveError(f"{member.name!r} cannot be read")
            with source, path.open("xb") as out:
                shutil.copyfileobj(source, out)
            path.chmod(0o755 if member.mode & 0o100 else 0o644)
        else:
            raise ArchiveError(f"{member.name!r} is neither a file nor a folder")


def unpack_zip(archive: Path, target: Path) -> None:
    """Unpacks a zip file, with its executable bits. Raises ArchiveError."""
    budget = _Budget()
    try:
        with zipfile.ZipFile(archive) as source:
            for info in source.infolist():
                path = _inside(target, info.filename)
                if info.is_dir():
                    path.mkdir(parents=True, exist_ok=True)
                    continue
                budget.take(info.file_size)
                path.parent.mkdir(parents=True, exist_ok=True)
                with source.open(info) as member, path.open("xb") as out:
                    shutil.copyfileobj(member, out)
                path.chmod(0o755 if (info.external_attr >> 16) & 0o100 else 0o644)
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
        raise ArchiveError(f"cannot unpack {archive.name}: {error}") from error


def zip_digest(archive: Path) -> str:
    """A digest of names, executable bits and content: not of times or compression. Raises ArchiveError."""
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(archive) as source:
            for info in sorted(source.infolist(), key=lambda i: i.filename):
                runs = bool((info.external_attr >> 16) & 0o100)
                with source.open(info) as member:
                    content = hashlib.file_digest(member, "sha256").hexdigest()  # type: ignore[arg-type]
                digest.update(f"{info.filename}\0{runs}\0{content}\n".encode())
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
        raise ArchiveError(f"cannot read {archive.name}: {error}") from error
    return digest.hexdigest()


def pack_tar(folder: Path, archive: Path) -> None:
    """Packs what is in `folder`, with names relative to it, as SageMaker packs /opt/ml/model."""
    with tarfile.open(archive, "w:gz", compresslevel=6) as tar:
        for entry in sorted(folder.iterdir()):
            tar.add(entry, arcname=entry.name)


class _Budget:
    def __init__(self) -> None:
        self._files, self._bytes = 0, 0

    def take(self, size: int) -> None:
        self._files += 1
        self._bytes += size
        if self._files > MAX_FILES or self._bytes > MAX_BYTES:
            raise ArchiveError(f"the archive holds more than {MAX_FILES} files or {MAX_BYTES >> 30} GB")


def _inside(target: Path, name: str) -> Path:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
        raise ArchiveError(f"{name!r} points out of the archive")
    return target / path
