"""``mergemaker data push``: files to a model's input, for teams without DVC."""

import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from mergemaker.domain.errors import RetryableError, UsageError
from mergemaker.domain.names import input_prefix
from mergemaker.ports import Files
from mergemaker.steps.snapshot import WORKERS


@dataclass(frozen=True)
class Pushed:
    """How far an upload is, or was in the end."""

    files: int
    """That are done."""
    of: int
    size: int
    """Bytes that were uploaded, as against those that were there."""
    uploaded: int
    """Files of these."""


def push(model: str, path: Path, *, files: Files, told: Callable[[Pushed], None]) -> Pushed:
    """Uploads a file, or all files of a folder, to the model's input, where the same bytes aren't there already.

    What is in the input and not in the folder stays. Hidden files, and those of hidden folders, are not meant.
    """
    local = _local_files(path)
    there = {stored.key: stored.size for stored in files.list(input_prefix(model))}
    done = Pushed(0, len(local), 0, 0)
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        pushes = [
            pool.submit(_push, file, f"{input_prefix(model)}{name}", there=there, files=files)
            for name, file in local.items()
        ]
        try:
            for one in as_completed(pushes):
                size = one.result()
                done = Pushed(done.files + 1, done.of, done.size + (size or 0), done.uploaded + (size is not None))
                told(done)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return done


def _push(file: Path, key: str, *, there: Mapping[str, int], files: Files) -> int | None:
    """How many bytes were uploaded; None if they were there."""
    try:
        before = file.stat()
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        if there.get(key) == before.st_size and files.pushed_digest(key) == digest:
            return None
        files.push(key, file, digest=digest)
        after = file.stat()
    except OSError as error:
        raise UsageError(f"{file} can't be read: {error.strerror}") from None
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise RetryableError(f"{file} changed while it was uploaded: push it again")
    return before.st_size


def _local_files(path: Path) -> dict[str, Path]:
    """By what they are called in the input. Raises UsageError if there are none."""
    if path.is_file():
        found = {path.name: path}
    else:
        inside = {file.relative_to(path): file for file in sorted(path.rglob("*")) if file.is_file()}
        found = {
            name.as_posix(): file
            for name, file in inside.items()
            if not any(part.startswith(".") for part in name.parts)
        }
    if not found:
        raise UsageError(f"{path}: there are no files to push")
    for name in found:
        if not name.isprintable():
            raise UsageError(f"{name!r} under {path}: has characters that no data file needs: rename it")
    return found
