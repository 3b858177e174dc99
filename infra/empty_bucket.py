"""The function behind ``infra/emptied.py``: empties the bucket when CloudFormation deletes the stack, and only then.

CloudFormation also asks to delete when an update leaves the resource out, as `keep_data = true` does: nothing may be
lost then. This file is the whole function, inside the template: Lambda's own Python and boto3 are all that it needs.
"""

import json
import urllib.request
from typing import Any

import boto3

NEEDED_MS = 60_000
"""Left for one more page of a thousand versions, and for the answer."""


def handler(event: dict[str, Any], context: Any) -> None:
    """Answers always: CloudFormation would wait an hour for an answer that never comes."""
    try:
        if event["RequestType"] == "Delete" and _stack_goes(event["StackId"]):
            empty(event["ResourceProperties"]["Bucket"], context)
        _answer(event, "SUCCESS", "")
    except Exception as error:
        _answer(event, "FAILED", f"{type(error).__name__}: {error}")


def empty(bucket: str, context: Any) -> None:
    """Deletes every version of every object. Raises RuntimeError if something is left."""
    for page in boto3.resource("s3").Bucket(bucket).object_versions.pages():
        if context.get_remaining_time_in_millis() < NEEDED_MS:
            raise RuntimeError(f"there is more in {bucket} than goes in a quarter of an hour: destroy once more")
        versions = [{"Key": one.object_key, "VersionId": one.id} for one in page]
        if not versions:  # S3's answer for an empty bucket is a page, too
            continue
        asked: Any = {"Objects": versions, "Quiet": True}
        errors = boto3.client("s3").delete_objects(Bucket=bucket, Delete=asked).get("Errors", [])
        if errors:
            raise RuntimeError(f"{bucket}: {errors[0].get('Key')}: {errors[0].get('Message')}")


def _stack_goes(stack: str) -> bool:
    found = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return [one["StackStatus"] for one in found] == ["DELETE_IN_PROGRESS"]


def _answer(event: dict[str, Any], status: str, reason: str) -> None:
    asked = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    said = json.dumps({**asked, "Status": status, "Reason": reason, "PhysicalResourceId": "emptied"}).encode()
    # The address is CloudFormation's own, signed without a type.
    request = urllib.request.Request(event["ResponseURL"], said, {"Content-Type": ""}, method="PUT")  # noqa: S310
    urllib.request.urlopen(request, timeout=30).close()  # noqa: S310
