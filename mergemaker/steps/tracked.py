"""The files behind a path that DVC tracks.

DVC keeps content under its MD5, and a folder as a JSON list of its files, under a digest that ends in ``.dir``. Who may
push to DVC's remote decides what is there: nothing of it is believed unread.
"""

import json
import re
from dataclasses import dataclass
from typing import TypeGuard

from mergemaker.domain.errors import RefusedError, UsageError
from mergemaker.ports import Files, Tracked

LONGEST_LIST = 256 * 1024 * 1024
"""Bytes of a folder's list: some two million files."""


@dataclass(frozen=True)
class TrackedFile:
    """A file, and where its content is."""

    path: str
    """In the channel: below the tracked folder, or the file's own name."""
    key: str
    md5: str


def tracked_files(tracked: Tracked, files: Files) -> list[TrackedFile]:
    """All files of what is tracked, in order of their paths. Raises UsageError where there are none."""
    if not tracked.md5.endswith(".dir"):
        if tracked.within:
            raise UsageError(f"{tracked.path}: DVC tracks a file above it, not a folder")
        return [_file(tracked.path.rpartition("/")[2], tracked.md5, tracked)]
    below = f"{tracked.within}/" if tracked.within else ""
    entries = dict(_entries(tracked, files))
    if tracked.within in entries:
        return [_file(tracked.within.rpartition("/")[2], entries[tracked.within], tracked)]
    found = [_file(path.removeprefix(below), md5, tracked) for path, md5 in entries.items() if path.startswith(below)]
    if not found:
        raise UsageError(f"{tracked.path}: no such file in what DVC tracks: see `dvc list . {tracked.path}`")
    return sorted(found, key=lambda one: one.path)


def _file(path: str, md5: str, tracked: Tracked) -> TrackedFile:
    return TrackedFile(path, _key(tracked, md5), md5)


def _key(tracked: Tracked, md5: str) -> str:
    return f"{tracked.cache}{md5[:2]}/{md5[2:]}"


def _entries(tracked: Tracked, files: Files) -> list[tuple[str, str]]:
    """Path and MD5 of each file. Raises UsageError if the list is not in the bucket, RefusedError if it is none."""
    key = _key(tracked, tracked.md5)
    found = files.read(key, longest=LONGEST_LIST)
    if found is None:
        raise UsageError(f"{tracked.path}: DVC tracks it, but it is not in the bucket: `dvc push`, then submit again")
    try:
        entries: object = json.loads(found[0])
    except (ValueError, RecursionError):
        entries = None
    if not isinstance(entries, list) or not all(_is_entry(entry) for entry in entries):
        raise RefusedError(f"{key} is no list of files as DVC writes it: run `dvc push`, then submit again")
    return [(entry["relpath"], entry["md5"]) for entry in entries]


def _is_entry(entry: object) -> TypeGuard[dict[str, str]]:
    if not isinstance(entry, dict):
        return False
    path, md5 = entry.get("relpath"), entry.get("md5")
    return isinstance(path, str) and is_inside(path) and isinstance(md5, str) and is_md5(md5)


def is_md5(text: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{32}", text) is not None


def is_inside(path: str) -> bool:
    """Whether a path stays below where it begins, on every system."""
    return all(part not in ("", ".", "..") for part in path.split("/")) and "\\" not in path and path.isprintable()
