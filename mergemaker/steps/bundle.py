"""A bundle of code and the digest that names it: of what is in it, not of how it is packed."""

import hashlib
import io
import tarfile
from collections.abc import Iterable

from mergemaker.domain.errors import RefusedError
from mergemaker.domain.names import code_key
from mergemaker.ports import Files

LARGEST_BUNDLE = 100_000_000
"""Bytes of all files: code is small; data belongs into the bucket."""
MOST_FILES = 50_000
_LARGEST_ARCHIVE = 2 * LARGEST_BUNDLE
_CHUNK = 1 << 20

Entry = tuple[str, bool, str]
"""Path, whether it is executable, SHA-256 of the content in hex."""


def digest_of(entries: Iterable[Entry]) -> str:
    """Of names, contents and executable bits; not of times, owners, or order."""
    whole = hashlib.sha256()
    for path, executable, content in sorted(entries):
        whole.update(f"{path}\0{executable:d}\0{content}\n".encode())
    return whole.hexdigest()


def holds_what_it_is_named_after(model: str, digest: str, files: Files) -> bool:
    """Whether the stored bundle has the digest of its name: who uploads one could name it after another's files.

    It can't change afterwards: what is in that folder is written once.
    """
    try:
        found = files.read(code_key(model, digest), longest=_LARGEST_ARCHIVE)
        return found is not None and digest_of(_entries(found[0])) == digest
    except (RefusedError, tarfile.TarError, OSError, EOFError, ValueError, RecursionError):
        return False


def _entries(archive: bytes) -> Iterable[Entry]:
    """Raises ValueError for an archive that submit does not make; nothing is unpacked, sizes are bounded."""
    size, seen = 0, set[str]()
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r|gz") as members:
        for member in members:
            size += member.size
            if size > LARGEST_BUNDLE or len(seen) >= MOST_FILES or not member.isreg() or member.name in seen:
                raise ValueError(f"{member.name} is no file of a bundle")
            seen.add(member.name)
            yield member.name, bool(member.mode & 0o100), _sha256(members, member)


def _sha256(members: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    content, whole = members.extractfile(member), hashlib.sha256()
    while content and (chunk := content.read(_CHUNK)):
        whole.update(chunk)
    return whole.hexdigest()
