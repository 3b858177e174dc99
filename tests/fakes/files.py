"""A bucket in memory."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from mergemaker.domain.errors import RefusedError, RetryableError
from mergemaker.ports import Stored
from tests.fakes.faults import Fake


class FakeFiles(Fake):
    """`ports.Files`."""

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[str, bytes] = {}
        self.copied: list[str] = []
        """Targets of all copies."""
        self.pushed: dict[str, str] = {}
        """Digests that came with what was pushed."""

    def __contains__(self, key: str) -> bool:
        return key in self.objects

    def __getitem__(self, key: str) -> bytes:
        return self.objects[key]

    def put(self, key: str, content: bytes) -> None:
        """What a person or SageMaker puts there."""
        self.objects[key] = content
        self.pushed.pop(key, None)

    def read(self, key: str, *, longest: int) -> tuple[bytes, str] | None:
        with self._called("read"):
            if key not in self.objects:
                return None
            content = self.objects[key]
            if len(content) > longest:
                raise RefusedError(f"{key} has {len(content):,} bytes")
            return content, _etag(content)

    def write(self, key: str, content: bytes, *, replacing: str | None) -> bool:
        with self._called("write"):
            now = self.objects.get(key)
            if (None if now is None else _etag(now)) != replacing:
                return False
            self.objects[key] = content
        return True

    def etag(self, key: str) -> str | None:
        with self._called("etag"):
            return _etag(self.objects[key]) if key in self.objects else None

    def list(self, prefix: str) -> Iterator[Stored]:
        with self._called("list"):
            for key, content in sorted(self.objects.items()):
                if key.startswith(prefix):
                    yield Stored(key, len(content), _etag(content))

    def read_at(self, source: Stored, *, first: int, length: int) -> bytes:
        with self._called("read_at"):
            return self._as_listed(source)[first : first + length]

    def copy(self, source: Stored, target: str, *, length: int | None = None) -> bool:
        with self._called("copy"):
            if target in self.objects:
                return False
            self.objects[target] = self._as_listed(source)[:length]
            self.copied.append(target)
        return True

    def _as_listed(self, source: Stored) -> bytes:
        now = self.objects.get(source.key)
        if now is None or _etag(now) != source.etag:
            raise RetryableError(f"{source.key} has changed")
        return now

    def newest(self, folder: str) -> str | None:
        """A dict keeps the order in which keys first came, and none here is written twice."""
        with self._called("newest"):
            there = [key for key in self.objects if key.startswith(folder) and "/" not in key.removeprefix(folder)]
        return there[-1] if there else None

    def pushed_digest(self, key: str) -> str | None:
        with self._called("pushed_digest"):
            return self.pushed.get(key)

    def push(self, key: str, file: Path, *, digest: str) -> None:
        with self._called("push"):
            self.objects[key] = file.read_bytes()
            self.pushed[key] = digest

    def delete(self, key: str) -> None:
        with self._called("delete"):
            self.objects.pop(key, None)


def _etag(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
