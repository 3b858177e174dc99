"""The project's bucket, in S3."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from mergemaker.adapters.aws import calling, code_of
from mergemaker.domain.errors import RefusedError, RetryableError
from mergemaker.ports import Stored

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CopySourceTypeDef

_MISSING = ("404", "NoSuchKey", "NotFound")
_REFUSED = ("403", "AccessDenied")
_TAKEN = ("PreconditionFailed", "ConditionalRequestConflict", "412")


class S3Files:
    """`ports.Files` over one bucket."""

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        self._s3, self._bucket = s3, bucket

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

    def copy(self, source: Stored, target: str) -> None:
        origin: CopySourceTypeDef = {"Bucket": self._bucket, "Key": source.key}
        with self._calling(source.key):
            try:
                self._s3.copy_object(
                    Bucket=self._bucket,
                    Key=target,
                    CopySource=origin,
                    CopySourceIfMatch=source.etag,
                )
            except ClientError as error:
                if code_of(error) in (*_TAKEN, *_MISSING):
                    raise RetryableError(f"s3://{self._bucket}/{source.key} has changed") from error
                raise

    def delete(self, key: str) -> None:
        with self._calling(key):
            self._s3.delete_object(Bucket=self._bucket, Key=key)
