"""``mergemaker data ls`` and ``diff``: what a model's next run would be made of, and how that differs from a run."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from mergemaker.domain.errors import RefusedError, UsageError
from mergemaker.domain.names import data_prefix, is_address, prepared_key, snapshot_key, snapshots_folder
from mergemaker.ports import Files, Jobs
from mergemaker.steps.snapshot import DataFile, digest_of, listed, located
from mergemaker.steps.submit import Folder

LONGEST_LIST = 256 * 1024 * 1024
"""Bytes of a snapshot's list: some two million files."""


@dataclass(frozen=True)
class Known:
    """A file of the data, as it is shown."""

    identity: str
    size: int


@dataclass(frozen=True)
class Data:
    """All files of the channels, or of what they are prepared from, by ``<channel>/<path>``."""

    digest: str
    """The snapshot's name, whether it was made yet or not."""
    files: Mapping[str, Known]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(known.size for known in self.files.values())


def current(found: list[DataFile], files: Files) -> Data:
    """What `snapshot.find_data` found, with sizes. Raises UsageError for what only DVC knows."""
    there = located(found, files)
    return Data(digest_of(found), {one.path: Known(one.identity, there[one.path].size) for one in found})


def is_prepared(folder: Folder, now: Data, files: Files) -> bool | None:
    """Whether the channels were made of this very data already; None where nothing makes them, or where that depends on
    somebody else's image: what its address means is settled by submit, which may ask its registry."""
    made_of = folder.preparation(data=now.digest)
    if made_of is None or is_address(made_of.image):
        return None
    return files.etag(prepared_key(made_of.model, made_of.key)) is not None


# Comparing ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """A file that is not the same in both; its bytes in each, None where it isn't."""

    path: str
    before: int | None
    after: int | None


def changes(before: Data, after: Data) -> list[Change]:
    """In order of paths."""
    old, new = before.files, after.files
    paths = sorted(path for path in old.keys() | new.keys() if _identity(old, path) != _identity(new, path))
    return [Change(path, _size(old, path), _size(new, path)) for path in paths]


def _identity(files: Mapping[str, Known], path: str) -> str | None:
    return files[path].identity if path in files else None


def _size(files: Mapping[str, Known], path: str) -> int | None:
    return files[path].size if path in files else None


def named_snapshot(model: str, what: str | None, *, files: Files, jobs: Jobs) -> str:
    """The digest of the snapshot that is meant: by itself, by the name of a run that was made of it, prepared or not,
    or, for None, what was kept last."""
    if what is None:
        newest = files.newest(snapshots_folder(model))
        if newest is None:
            raise UsageError(f"no run of {model} has kept data yet: there is nothing to compare with")
        return newest.removeprefix(snapshots_folder(model)).removesuffix(".json")
    if re.fullmatch(r"[0-9a-f]{64}", what):
        return what
    job = jobs.find(what)
    if job is None or job.lineage is None or job.lineage.model != model:
        raise UsageError(f"{what!r} is no run of {model}, and no snapshot's name of 64 digits")
    return job.lineage.input or job.lineage.data


def kept(model: str, digest: str, files: Files) -> Data:
    """A snapshot that was made. Raises UsageError if it isn't there, RefusedError if its list is not the one that its
    name is the digest of."""
    found = files.read(snapshot_key(model, digest), longest=LONGEST_LIST)
    if found is None:
        raise UsageError(f"{model} has no snapshot {digest}")
    entries = _entries(found[0])
    if entries is None or digest_of(entries) != digest:
        raise RefusedError(f"{snapshot_key(model, digest)} is not the list that its name says: don't use this snapshot")
    sizes = {one.path: one.size for one in entries}
    if None in sizes.values():
        prefix = data_prefix(model, digest)
        sizes = {stored.key.removeprefix(prefix): stored.size for stored in files.list(prefix)}
    return Data(digest, {one.path: Known(one.identity, sizes.get(one.path) or 0) for one in entries})


def _entries(content: bytes) -> list[DataFile] | None:
    try:
        entries = [DataFile(path, "", identity, size) for path, size, identity in json.loads(content)]
        return entries if listed(entries) == content else None
    except (ValueError, TypeError, RecursionError):
        return None
