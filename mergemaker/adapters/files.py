"""The project's bucket, in S3."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import ClientError

from mergemaker.adapters.aws import calling, code_of
from mergemaker.domain.errors import RefusedError, RetryableError, ServiceError
from mergemaker.ports import Stored

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef, CopyObjectRequestTypeDef, CopySourceTypeDef

_MISSING = ("404", "NoSuchKey", "NotFound")
_REFUSED = ("403", "AccessDenied")
_TAKEN = ("PreconditionFailed", "ConditionalRequestConflict", "412")
_DIGEST = "mergemaker-sha256"
PART = 256 * 1024 * 1024
"""Bytes that one call copies of a large object: it answers within seconds, and 10,000 of them make 2.5 TB."""


class S3Files:
    """`ports.Files` over one bucket."""

    def __init__(self, s3: "S3Client", bucket: str, *, part: int = PART) -> None:
        """`part`: how many bytes of an object are copied at a time, if it has more than four times as many."""
        self._s3, self._bucket, self._part = s3, bucket, part

    def _calling(self, key: str) -> AbstractContextManager[None]:
        return calling(f"s3://{self._bucket}/{key}", "has `cdk deploy` run for this project, account and region?")

    def read(self, key: str, *, longest: int) -> tuple[bytes, str] | None:
        with self._calling(key):
            try:
                answer = self._s3.get_object(Bucket=self._bucket, Key=key)
            except ClientError as error:
                if self._missing(key, error):
                    return None
                raise
            with answer["Body"] as body:
                if answer["ContentLength"] > longest:
                    raise RefusedError(f"s3://{self._bucket}/{key} has {answer['ContentLength']:,} bytes")
                return body.read(), answer["ETag"].strip('"')

    def write(self, key: str, content: bytes, *, replacing: str | None) -> bool:
        with self._calling(key):
            try:
                if replacing is None:
                    self._s3.put_object(Bucket=self._bucket, Key=key, Body=content, IfNoneMatch="*")
                else:
                    self._s3.put_object(Bucket=self._bucket, Key=key, Body=content, IfMatch=f'"{replacing}"')
            except ClientError as error:
                if code_of(error) in (*_TAKEN, *_MISSING):
                    return False
                raise
        return True

    def etag(self, key: str) -> str | None:
        with self._calling(key):
            try:
                return self._s3.head_object(Bucket=self._bucket, Key=key)["ETag"].strip('"')
            except ClientError as error:
                if self._missing(key, error):
                    return None
                raise

    def _missing(self, key: str, error: ClientError) -> bool:
        """S3 says 403 of what isn't there to a role that may list only some prefixes: then the listing tells."""
        if code_of(error) in _REFUSED:
            return not any(stored.key == key for stored in self.list(key))
        return code_of(error) in _MISSING

    def list(self, prefix: str) -> Iterator[Stored]:
        with self._calling(prefix):
            for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
                for one in page.get("Contents", []):
                    yield Stored(one["Key"], one["Size"], one["ETag"].strip('"'))

    def newest(self, folder: str) -> str | None:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=folder, Delimiter="/")
        with self._calling(folder):
            found = [one for page in pages for one in page.get("Contents", [])]
        return max(found, key=lambda one: one["LastModified"])["Key"] if found else None

    def read_at(self, source: Stored, *, first: int, length: int) -> bytes:
        bytes_ = f"bytes={first}-{first + length - 1}"
        with self._calling(source.key):
            try:
                answer = self._s3.get_object(
                    Bucket=self._bucket, Key=source.key, Range=bytes_, IfMatch=f'"{source.etag}"'
                )
            except ClientError as error:
                if code_of(error) not in (*_TAKEN, *_MISSING):
                    raise
                raise RetryableError(f"s3://{self._bucket}/{source.key} has changed") from error
            with answer["Body"] as body:
                return body.read()

    def copy(self, source: Stored, target: str, *, length: int | None = None) -> bool:
        with self._calling(source.key):
            try:
                if length is not None or source.size > 4 * self._part:
                    self._copy_parts(source, target, source.size if length is None else length)
                else:
                    self._copy_whole(source, target)
            except ClientError as error:
                if code_of(error) not in (*_TAKEN, *_MISSING):
                    raise
                # The answer does not say which of the two conditions it is about.
                if any(stored.key == target for stored in self.list(target)):
                    return False
                raise RetryableError(f"s3://{self._bucket}/{source.key} has changed") from error
        return True

    def _copy_whole(self, source: Stored, target: str) -> None:
        """Tags and annotations stay behind: copying them would take rights to read and write them."""
        asked: CopyObjectRequestTypeDef = {
            "Bucket": self._bucket,
            "Key": target,
            "CopySource": self._from(source),
            "CopySourceIfMatch": source.etag,
            "IfNoneMatch": "*",
            "TaggingDirective": "REPLACE",
        }
        # A Lambda's own boto3 may be older than S3's annotations; then it can't ask for them to be left out.
        known = self._s3.meta.service_model.operation_model("CopyObject").input_shape
        if known is not None and "AnnotationDirective" in known.members:
            asked["AnnotationDirective"] = "EXCLUDE"
        self._s3.copy_object(**asked)

    def _copy_parts(self, source: Stored, target: str, size: int) -> None:
        """CopyObject ends at 5 GB, answers only when it is done, and copies all or nothing. What breaks off, the
        bucket's rules remove."""
        upload = self._s3.create_multipart_upload(Bucket=self._bucket, Key=target)["UploadId"]

        def copy(number: int) -> "CompletedPartTypeDef":
            first = (number - 1) * self._part
            last = min(first + self._part, size) - 1
            answer = self._s3.upload_part_copy(
                Bucket=self._bucket,
                Key=target,
                UploadId=upload,
                PartNumber=number,
                CopySource=self._from(source),
                CopySourceIfMatch=source.etag,
                CopySourceRange=f"bytes={first}-{last}",
            )
            return {"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]}

        with ThreadPoolExecutor(max_workers=10) as pool:
            parts = list(pool.map(copy, range(1, -(-size // self._part) + 1)))
        self._s3.complete_multipart_upload(
            Bucket=self._bucket, Key=target, UploadId=upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*"
        )

    def _from(self, source: Stored) -> "CopySourceTypeDef":
        return {"Bucket": self._bucket, "Key": source.key}

    def pushed_digest(self, key: str) -> str | None:
        with self._calling(key):
            try:
                return self._s3.head_object(Bucket=self._bucket, Key=key)["Metadata"].get(_DIGEST)
            except ClientError as error:
                if self._missing(key, error):
                    return None
                raise

    def push(self, key: str, file: Path, *, digest: str) -> None:
        with self._calling(key):
            try:
                self._s3.upload_file(str(file), self._bucket, key, ExtraArgs={"Metadata": {_DIGEST: digest}})
            except S3UploadFailedError as error:
                raise ServiceError(f"s3://{self._bucket}/{key}: {error}") from error

    def delete(self, key: str) -> None:
        with self._calling(key):
            self._s3.delete_object(Bucket=self._bucket, Key=key)
