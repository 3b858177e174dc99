"""Files of the repository, as far as they are part of something: of a model, or of what it shares with others."""

from collections.abc import Iterator
from pathlib import Path

from mergemaker.domain.errors import UsageError

_JUNK = {"__pycache__", ".ipynb_checkpoints"}


def is_left_out(path: Path) -> bool:
    """Whether it is hidden, or a cache."""
    return any(part.startswith(".") or part in _JUNK for part in path.parts)


def files_in(folder: Path) -> Iterator[tuple[str, Path]]:
    """Regular files below `folder` in a fixed order; hidden ones and caches left out. Raises UsageError for a link that
    leads out of the folder: it would be another file on another machine."""
    inside = folder.resolve()
    for file in sorted(folder.rglob("*")):
        path = file.relative_to(folder)
        if is_left_out(path) or file.is_dir():
            continue
        if not file.is_file() or (file.is_symlink() and not file.resolve().is_relative_to(inside)):
            raise UsageError(f"{file}: leads out of its folder, or is no file: copy what it means to the folder")
        if not _is_utf8(path.as_posix()):
            raise UsageError(f"{path.as_posix()!r} under {folder}: the file's name is not UTF-8: rename it")
        yield path.as_posix(), file


def read(file: Path, root: Path) -> bytes:
    """Raises UsageError, which names the file as it is called under `root`."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file.relative_to(root)}: {error.strerror}") from None


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
