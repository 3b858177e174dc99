"""A run's data, pinned to bytes: found in the input or by DVC, and copied on the server to where nothing is replaced.

A snapshot is named after its files: their paths, and what tells their bytes apart. Replacing the input later gives the
next run another snapshot, and never changes one that is there. Nothing is downloaded.
"""

import hashlib
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from mergemaker.domain.errors import RefusedError, RetryableError, UsageError
from mergemaker.domain.model import Channel, ModelSpec
from mergemaker.domain.names import Names, data_prefix, input_prefix, snapshot_key
from mergemaker.ports import Files, Stored, Tracking
from mergemaker.steps.tracked import tracked_files

LARGEST_LIST = 200_000_000
"""Bytes."""
WORKERS = 10
"""Copies at the same time: as many connections as botocore keeps open."""


@dataclass(frozen=True)
class DataFile:
    """A file of a run's data."""

    path: str
    """``<channel>/<path in the channel>``."""
    key: str
    """Where its bytes lie now."""
    identity: str
    """Tells its bytes from others: the object's ETag, or DVC's digest of the content, as ``md5:…``.

    Under KMS an ETag says nothing of the content: the same bytes, uploaded anew, are other data. A listing gives
    nothing better; asking for each object's checksum would cost a call for each file.
    """
    size: int | None
    """None where only DVC knows the file: see `located`."""


def find_data(spec: ModelSpec, *, files: Files, names: Names, tracking: Tracking) -> list[DataFile]:
    """What the channels, or what they are prepared from, hold now. Raises UsageError for one without data."""
    found: list[DataFile] = []
    for name, channel in sorted(spec.sources.items()):
        if channel.dvc is not None:
            tracked = tracked_files(tracking.find(channel.dvc), files)
            found += [DataFile(f"{name}/{one.path}", one.key, f"md5:{one.md5}", None) for one in tracked]
        else:
            found += _input(spec, name, channel, files=files, names=names)
    return found


def _input(spec: ModelSpec, name: str, channel: Channel, *, files: Files, names: Names) -> list[DataFile]:
    prefix = f"{input_prefix(spec.name)}{channel.prefix}"
    objects = [stored for stored in files.list(prefix) if not stored.key.endswith("/")]
    if not objects:
        raise UsageError(
            f"{'input' if spec.prepare else 'channel'} {name!r} has no data: put files under "
            f"s3://{names.bucket}/{prefix}, then submit again"
        )
    return [DataFile(f"{name}/{one.key.removeprefix(prefix)}", one.key, one.etag, one.size) for one in objects]


def listed(found: Iterable[DataFile]) -> bytes:
    """The snapshot's list of files, as it is stored beside them; its SHA-256 is the snapshot's name."""
    return json.dumps([[one.path, one.size, one.identity] for one in found]).encode()


def digest_of(found: Iterable[DataFile]) -> str:
    return hashlib.sha256(listed(found)).hexdigest()


def keep(model: str, found: list[DataFile], *, files: Files) -> None:
    """Makes the snapshot of `found`; one that broke off is continued, one that is there stays as it is.

    Raises RetryableError if the input changes meanwhile.
    """
    digest = digest_of(found)
    key = snapshot_key(model, digest)
    if files.etag(key):
        return
    prefix = data_prefix(model, digest)
    copy_all({f"{prefix}{path}": stored for path, stored in located(found, files).items()}, prefix, files)
    files.write(key, listed(found), replacing=None)


def is_as_listed(model: str, digest: str, *, files: Files) -> bool:
    """Whether the snapshot has the files of its list, by name and size, and no other: who may push a branch can add
    files to it, which jobs would read, too. Nobody in CI can take them away again, so it may be asked afterwards."""
    found = files.read(snapshot_key(model, digest), longest=LARGEST_LIST)
    if found is None or hashlib.sha256(found[0]).hexdigest() != digest:
        return False
    try:
        sizes = {path: size for path, size, _ in json.loads(found[0])}
    except (ValueError, TypeError, RecursionError):
        return False
    for stored in files.list(data_prefix(model, digest)):
        path = stored.key.removeprefix(data_prefix(model, digest))
        if path not in sizes or sizes.pop(path) not in (None, stored.size):
            return False
    return not sizes


def copy_all(sources: dict[str, Stored], prefix: str, files: Files) -> None:
    """By target, all of which begin with `prefix`; what is there already is not copied. The first failure ends it: the
    next try goes on from there.

    Raises RefusedError for a target that has other bytes than its source.
    """
    for stored in files.list(prefix):
        source = sources.pop(stored.key, None)
        if source and source.size != stored.size:
            raise RefusedError(f"{stored.key} has other bytes than {source.key}: delete it, then submit again")
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        copies = [pool.submit(files.copy, stored, target) for target, stored in sources.items()]
        try:
            for copy in as_completed(copies):
                copy.result()
        except RetryableError as error:
            pool.shutdown(cancel_futures=True)
            raise RetryableError(f"the data is not all copied yet, submit again: {error}") from None
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def located(found: Iterable[DataFile], files: Files) -> dict[str, Stored]:
    """The files' objects, by path. Raises UsageError if DVC knows of files that nobody has pushed."""
    found = list(found)
    unknown = [one for one in found if one.size is None]
    folders = sorted({_folder(one.key) for one in unknown})
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        pages = pool.map(lambda folder: list(files.list(folder)), folders)
        there = {stored.key: stored for page in pages for stored in page}
    missing = [one.path for one in unknown if one.key not in there]
    if missing:
        raise UsageError(
            f"{len(missing):,} of {len(unknown):,} files that DVC tracks are not in the bucket, such as {missing[0]}: "
            "run `dvc push`, then submit again"
        )
    return {one.path: there[one.key] if one.size is None else Stored(one.key, one.size, one.identity) for one in found}


def _folder(key: str) -> str:
    return f"{key.rpartition('/')[0]}/"
