"""The seam's part for encryption: what lies encrypted is for those alone whom the key's policy lets in, too.

AWS's services call KMS in their caller's name. MiniStack encrypts nothing; this asks its evaluator what KMS would ask.
"""

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

_NEEDED = {
    "s3:GetObject": "kms:Decrypt",
    "s3:PutObject": "kms:GenerateDataKey",
    "secretsmanager:GetSecretValue": "kms:Decrypt",
    "secretsmanager:PutSecretValue": "kms:GenerateDataKey",
    "dynamodb:GetItem": "kms:Decrypt",
    "dynamodb:PutItem": "kms:Decrypt",
    "dynamodb:UpdateItem": "kms:Decrypt",
    "dynamodb:Query": "kms:Decrypt",
}
"""What a call needs of the key of what it reads or writes (each service's guide, encryption at rest).

DynamoDB keeps a table's key encrypted with the project's, and opens it for writing, too.
"""


def mend() -> None:
    """CloudFormation's buckets get the encryption that their template asks for."""
    from ministack.services import s3
    from ministack.services.cloudformation import provisioners

    encryption = ("BucketEncryption", _own_key, _encrypt, s3._delete_bucket_encryption)
    provisioners._S3_BUCKET_CONFIGURATIONS = (*provisioners._S3_BUCKET_CONFIGURATIONS, encryption)


def _own_key(asked: dict[str, Any]) -> str | None:
    """The account's own key that a template asks for; of AWS's, which let everybody in, MiniStack has none."""
    default = asked["ServerSideEncryptionConfiguration"][0].get("ServerSideEncryptionByDefault", {})
    key: str | None = default.get("KMSMasterKeyID")
    return key


def _encrypt(bucket: str, key: str | None) -> None:
    from ministack.services import s3

    if key is None:
        return
    root = ElementTree.Element("ServerSideEncryptionConfiguration")
    rule = ElementTree.SubElement(ElementTree.SubElement(root, "Rule"), "ApplyServerSideEncryptionByDefault")
    ElementTree.SubElement(rule, "SSEAlgorithm").text = "aws:kms"
    ElementTree.SubElement(rule, "KMSMasterKeyID").text = key
    s3._put_bucket_encryption(bucket, ElementTree.tostring(root))


def enforce(
    original: Callable[..., Any],
    access_key: str,
    action: str,
    service: str,
    region: str,
    resource_arn: str = "*",
    service_context: dict[str, Any] | None = None,
) -> Any:
    """In the place of MiniStack's ``enforce``: None where the call may be made."""
    refused = original(access_key, action, service, region, resource_arn, service_context)
    needed = _NEEDED.get(action)
    if refused is not None or needed is None:
        return refused
    key = _key(service, resource_arn)
    if key is None:
        return None
    refused = original(access_key, needed, "kms", region, key, {"kms:ViaService": f"{service}.{region}.amazonaws.com"})
    if refused is not None:
        _logger().warning("%s on %s: the key %s is not for %s", action, resource_arn, key, refused.principal_arn)
    return refused


def service_may_send(queue_arn: str, *, service: str, source: str) -> bool:
    """Whether a service of AWS may use the key of an encrypted queue; true of a queue without one."""
    from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
    from ministack.services import kms, sqs

    queue = sqs._queue_by_arn(queue_arn) or {"attributes": {}}
    key = kms._resolve_key(queue["attributes"].get("KmsMasterKeyId"))
    if key is None:
        return True
    _, _, _, region, account, _ = queue_arn.split(":", 5)
    for action in ("kms:GenerateDataKey", "kms:Decrypt"):
        context = EvalContext(
            principal_arn=service,
            principal_type="Service",
            principal_account="",
            action=action,
            resource_arn=key["Arn"],
            region=region,
            service_context={"aws:sourcearn": source, "aws:sourceaccount": account},
        )
        if evaluate_resource_policy(key["Policy"], context, service=service).decision != "Allow":
            return False
    return True


def _key(service: str, arn: str) -> str | None:
    """The ARN of the account's own key that encrypts this; None where AWS's does."""
    from ministack.services import dynamodb, kms, s3, secretsmanager

    name = arn.partition(":::" if service == "s3" else "table/")[2].partition("/")[0]
    if service == "s3":
        named = s3._bucket_default_sse_headers(name).get("x-amz-server-side-encryption-aws-kms-key-id")
    elif service == "secretsmanager":
        named = (secretsmanager._resolve(arn)[1] or {}).get("KmsKeyId")
    else:
        named = ((dynamodb._tables.get(name) or {}).get("SSEDescription") or {}).get("KMSMasterKeyArn")
    return (kms._resolve_key(named) or {}).get("Arn")


def _logger() -> Any:
    import logging

    return logging.getLogger("local.aws")
