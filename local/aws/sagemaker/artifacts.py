"""What a job leaves: the model and output folders of all its containers, one archive each."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.aws.archives import pack_tar
from local.aws.sagemaker.checks import split_s3

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def upload_model(s3: "S3Client", record: dict[str, Any], bases: Sequence[Path]) -> str | None:
    """The address of model.tar.gz; None where the job left no model."""
    return _upload(s3, record, [base / "model" for base in bases], "model.tar.gz")


def upload_output(s3: "S3Client", record: dict[str, Any], bases: Sequence[Path]) -> str | None:
    return _upload(s3, record, [base / "output" / "data" for base in bases], "output.tar.gz")


def _upload(s3: "S3Client", record: dict[str, Any], folders: Sequence[Path], name: str) -> str | None:
    source = _merged(folders)
    if not source.is_dir() or not any(source.iterdir()):
        return None
    archive = source.with_name(name)
    pack_tar(source, archive)
    path = str(record["OutputDataConfig"]["S3OutputPath"]).rstrip("/")
    url = f"{path}/{record['TrainingJobName']}/output/{name}"
    bucket, key = split_s3(url)
    s3.upload_file(str(archive), bucket, key)
    archive.unlink()
    return url


def _merged(folders: Sequence[Path]) -> Path:
    """The first folder, with what only later ones have: where two wrote the same file, the first host's stays."""
    first, *others = folders
    for other in others:
        for file in sorted(other.rglob("*")):
            target = first / file.relative_to(other)
            if file.is_file() and not file.is_symlink() and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)
    return first
