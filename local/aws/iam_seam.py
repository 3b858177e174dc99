"""The seam's half for identity: MiniStack's IAM evaluator, and what it lacks of AWS's.

`mend` fills the gaps, each of which is a place where MiniStack 1.5.33 answers otherwise than AWS. Import after
`seam.prepare`, which turns enforcement on.
"""

import secrets
from collections.abc import Callable
from typing import Any

from local.aws import kms_seam, web_identity
from local.aws.answer import Request
from local.aws.clients import Keys

OWN = ("sagemaker", "codebuild")
"""Services that ask for their permissions themselves, through `refusal`: they know more of a request."""


def mend() -> None:
    """Once, before the first request."""
    from ministack.core import iam_actions, iam_evaluator
    from ministack.services import eventbridge, s3, sts

    for service in OWN:
        iam_actions.SERVICE_TO_IAM_NAMESPACE.pop(service, None)
    kms_seam.mend()
    _wrap(iam_evaluator, "enforce", kms_seam.enforce)
    _wrap(iam_evaluator, "_resolve_condition_key", _condition_key)
    _wrap(iam_actions, "s3_service_context", _s3_keys)
    _wrap(iam_actions, "extract_resource_arn", _resource)
    _wrap(eventbridge, "_invoke_target", _deliver)
    _wrap(sts, "_web_identity_trust_denied", _web_identity)
    _wrap(s3, "_copy_object", _copy)


def refusal(request: Request, action: str, *, resource: str, keys: dict[str, Any]) -> str | None:
    """Why the caller of the request may not do this, in AWS's words; None where it may.

    Only while the request is handled: MiniStack keeps its account and signature with it.
    """
    from ministack.core.iam_actions import identity_denial_message
    from ministack.core.iam_evaluator import AuthError, enforce
    from ministack.core.responses import get_region
    from ministack.core.router import extract_access_key_id

    key = extract_access_key_id(request.headers, {})
    judged = enforce(key, action, action.partition(":")[0], get_region(), resource, service_context=keys)
    if judged is None:
        return None
    if isinstance(judged, AuthError):
        return str(judged.message)
    denied = judged.decision == "Deny"
    return str(identity_denial_message(action, judged.principal_arn, resource, denied))


def trusts(role_arn: str, *, account: str, service: str) -> bool:
    """Whether the account has the role, and its trust policy lets the service in."""
    from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
    from ministack.services import iam

    role = iam._roles.get_scoped(account, None, role_arn.rpartition("/")[2])
    if role is None or role["Arn"] != role_arn:
        return False
    # A service is no principal of the account: what the policy gives to the account's own is not for it.
    context = EvalContext(
        principal_arn=service,
        principal_type="Service",
        principal_account="",
        action="sts:AssumeRole",
        resource_arn=role_arn,
        region="",
        service_context={"aws:sourceaccount": account},
    )
    judged = evaluate_resource_policy(role["AssumeRolePolicyDocument"], context, service=service)
    return bool(judged.decision == "Allow")


def session(role_arn: str, *, account: str, name: str) -> Keys:
    """Keys of a role. They live as long as the cloud: services renew theirs."""
    from ministack.services import sts

    keys = Keys(f"ASIA{secrets.token_hex(8).upper()}", secrets.token_hex(20), secrets.token_hex(40))
    role = role_arn.rpartition("/")[2]
    known = {
        "Arn": f"arn:aws:sts::{account}:assumed-role/{role}/{name}",
        "UserId": f"{role}:{name}",
        "SecretAccessKey": keys.secret,
        "SessionToken": keys.token,
        "AccountId": account,
        "PrincipalType": "AssumedRole",
    }
    sts.register_session(keys.id, known)
    return keys


def _wrap(module: Any, name: str, mended: Callable[..., Any]) -> None:
    """Puts `mended` in the place of a function of MiniStack, which it gets as its first argument."""
    original = getattr(module, name)

    def function(*args: Any, **kwargs: Any) -> Any:
        return mended(original, *args, **kwargs)

    setattr(module, name, function)


def _condition_key(original: Callable[..., Any], key: str, context: Any) -> Any:
    """``aws:PrincipalArn`` of a session is its role's ARN; and loopback, which has no TLS, counts as secure."""
    name = key.lower()
    if name == "aws:securetransport":
        return "true"
    if name == "kms:calleraccount":
        return context.principal_account
    found = original(key, context)
    if name == "aws:principalarn" and ":assumed-role/" in str(found):
        _, _, _, _, account, resource = str(found).split(":", 5)
        return f"arn:aws:iam::{account}:role/{resource.split('/')[1]}"
    return found


def _s3_keys(
    original: Callable[..., Any], action: str, query: Any, path: str = "", headers: dict[str, str] | None = None
) -> Any:
    """What a write says of itself, which MiniStack honours but does not tell its evaluator."""
    keys = dict(original(action, query, path, headers))
    if action == "s3:PutObject":
        for name in ("if-match", "if-none-match"):
            if value := (headers or {}).get(name):
                keys[f"s3:{name}"] = value
        # A multipart upload makes its object at the end; before that it makes none.
        keys["s3:ObjectCreationOperation"] = "false" if {"uploads", "partNumber"} & set(query or ()) else "true"
    return keys


def _copy(original: Callable[..., Any], bucket: str, key: str, headers: dict[str, str]) -> Any:
    """A copy can be asked to replace nothing, as any other write can."""
    from ministack.services import s3

    found = s3._buckets.get(bucket)
    refused = found and s3._check_put_preconditions(headers, found["objects"].get(key))
    return refused or original(bucket, key, headers)


def _resource(original: Callable[..., str], service: str, *args: Any, **kwargs: Any) -> str:
    """Logs asks for a stream of the group, also where the call names none; KMS for the key that an alias stands for."""
    arn = original(service, *args, **kwargs)
    if service == "logs" and ":log-group:" in arn and ":log-stream:" not in arn:
        from ministack.core.iam_actions import _safe_json_field

        return f"{arn.removesuffix(':*')}:log-stream:{_safe_json_field(args[3], 'logStreamName')}"
    if service == "kms" and ":alias/" in arn:
        from ministack.services import kms

        return str((kms._resolve_key(arn) or {}).get("Arn", arn))
    return arn


def _deliver(original: Callable[..., Any], target: dict[str, Any], event: Any, rule: dict[str, Any], *args: Any) -> Any:
    """EventBridge asks a queue's policy, and its key's, before it delivers."""
    from ministack.services import sqs

    arn, source = str(target.get("Arn", "")), str(rule.get("Arn", ""))
    if arn.split(":")[2:3] == ["sqs"]:
        service, account = "events.amazonaws.com", source.split(":")[4]
        if not sqs.queue_policy_allows(arn, service, source, account):
            _logger().warning("EventBridge may not send to %s: its policy does not let %s in", arn, source)
            return None
        if not kms_seam.service_may_send(arn, service=service, source=source):
            _logger().warning("EventBridge may not send to %s: its key's policy does not let it", arn)
            return None
    return original(target, event, rule, *args)


def _web_identity(original: Callable[..., Any], role_arn: str, params: dict[str, Any], use_json: bool) -> Any:
    """STS believes a token only after it has checked who signed it, for whom and until when."""
    from ministack.core.responses import error_response_json
    from ministack.services import iam, sts

    account = role_arn.split(":")[4]

    def audiences(host: str) -> list[str] | None:
        provider = iam._oidc_providers.get_scoped(account, None, f"arn:aws:iam::{account}:oidc-provider/{host}")
        return None if provider is None else list(provider["ClientIDList"])

    try:
        web_identity.check(str(sts._p(params, "WebIdentityToken")), audiences)
    except web_identity.TokenError as error:
        if use_json:
            return error_response_json(error.code, str(error), 400)
        return sts._error(400, error.code, str(error), ns="sts")
    return original(role_arn, params, use_json)


def _logger() -> Any:
    import logging

    return logging.getLogger("local.aws")
