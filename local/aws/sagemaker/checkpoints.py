"""A job's checkpoints: there before it starts, and in S3 soon after it writes or deletes one.

After "Checkpoints in Amazon SageMaker AI": what others add to the prefix meanwhile does not come to the container.
"""

import time
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING

from local.aws.sagemaker.checks import split_s3
from local.aws.sagemaker.paths import inside, keys_below

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_INTERVAL = 1.0
"""Seconds between two looks at the folder."""


class Checkpoints:
    """Keeps `folder` and the prefix `url` alike, with the rights of the job's role."""

    def __init__(self, s3: "S3Client", url: str, folder: Path) -> None:
        self._s3, self._folder = s3, folder
        self._bucket, prefix = split_s3(url)
        self._prefix = f"{prefix.rstrip('/')}/"
        self._known: dict[str, tuple[int, int]] = {}
        """Path -> size and time of its last change, as it is in S3."""
        self._looked = 0.0

    def restore(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for key in keys_below(self._s3, self._bucket, self._prefix):
            path = inside(self._folder, key.removeprefix(self._prefix))
            path.parent.mkdir(parents=True, exist_ok=True)
            self._s3.download_file(self._bucket, key, str(path))
        self._known = self._there()

    def sync_if_due(self) -> None:
        if time.monotonic() - self._looked >= _INTERVAL:
            self.sync()

    def sync(self) -> None:
        there = self._there()
        for path in [path for path, state in there.items() if self._known.get(path) != state]:
            try:
                self._s3.upload_file(str(self._folder / path), self._bucket, self._prefix + path)
            except FileNotFoundError:  # it was renamed meanwhile, as who writes with care does
                del there[path]
        for path in self._known.keys() - there.keys():
            self._s3.delete_object(Bucket=self._bucket, Key=self._prefix + path)
        self._known = there
        self._looked = time.monotonic()

    def _there(self) -> dict[str, tuple[int, int]]:
        found: dict[str, tuple[int, int]] = {}
        for file in self._folder.rglob("*"):
            with suppress(FileNotFoundError):
                state = file.lstat()
                if not S_ISREG(state.st_mode):
                    continue
                found[file.relative_to(self._folder).as_posix()] = state.st_size, state.st_mtime_ns
        return found
