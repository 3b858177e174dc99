"""The AWS calls of `mergemaker submit` and nothing else: what it costs to make them from a short script with boto3.

Everything that `mergemaker submit` has to find out is in the JSON file that the first argument names. There is no
check, no translation of errors, and no time limit for a call.
"""

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError


def main() -> None:
    said = json.loads(Path(sys.argv[1]).read_text())
    s3, sagemaker = boto3.client("s3"), boto3.client("sagemaker")
    bucket, job = said["bucket"], said["job"]
    s3.list_objects_v2(Bucket=bucket, Prefix=said["input"])
    with suppress(ClientError):
        found = sagemaker.describe_training_job(TrainingJobName=job)
        sagemaker.list_tags(ResourceArn=found["TrainingJobArn"])
        with suppress(ClientError):  # a later attempt would be the one that counts
            sagemaker.describe_training_job(TrainingJobName=f"{job}-2")
        put(s3, bucket, said["submission"])
        print("found")
        return
    put(s3, bucket, said["code"])
    put(s3, bucket, said["settings"])
    s3.head_object(Bucket=bucket, Key=said["snapshot"])
    ecr = boto3.client("ecr")
    images = ecr.describe_images(repositoryName=said["repository"], imageIds=[{"imageTag": said["tag"]}])
    image = f"{said['registry']}/{said['repository']}@{images['imageDetails'][0]['imageDigest']}"
    said["request"]["AlgorithmSpecification"]["TrainingImage"] = image
    key = boto3.client("kms").describe_key(KeyId=said["key"])["KeyMetadata"]["Arn"]
    said["request"]["OutputDataConfig"]["KmsKeyId"] = key
    said["request"]["ResourceConfig"]["VolumeKmsKeyId"] = key
    sagemaker.create_training_job(**{**said["request"], "TrainingJobName": job})
    print("started")


def put(s3: Any, bucket: str, said: dict[str, str]) -> None:
    """Where it is there already, it is the same."""
    with suppress(ClientError):
        s3.put_object(Bucket=bucket, Key=said["key"], Body=Path(said["file"]).read_bytes(), IfNoneMatch="*")


main()
