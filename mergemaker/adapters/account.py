"""The AWS account, asked by name for what the stacks make."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError, NoCredentialsError

from mergemaker.adapters.aws import Clients, calling, code_of, message_of
from mergemaker.domain.errors import ServiceError
from mergemaker.domain.names import Names
from mergemaker.ports import Identity, Kind, Trust

BOOTSTRAP = "/cdk-bootstrap/hnb659fds/version"
"""Where `cdk bootstrap` writes its version; the middle is the CDK's default qualifier."""
_LOOK_BACK = timedelta(minutes=15)

_FIND: dict[Kind, tuple[str, Callable[[Any, str], object]]] = {
    "bucket": ("s3", lambda s3, name: s3.head_bucket(Bucket=name)),
    "table": ("dynamodb", lambda dynamodb, name: dynamodb.describe_table(TableName=name)),
    "repository": ("ecr", lambda ecr, name: ecr.describe_repositories(repositoryNames=[name])),
    "secret": ("secretsmanager", lambda secrets, name: secrets.describe_secret(SecretId=name)),
    "queue": ("sqs", lambda sqs, name: sqs.get_queue_url(QueueName=name)),
    "function": ("lambda", lambda functions, name: functions.get_function_configuration(FunctionName=name)),
    "image builder": ("codebuild", lambda builds, name: builds.batch_get_projects(names=[name])["projects"] or None),
    "role": ("iam", lambda iam, name: iam.get_role(RoleName=name)),
}
_MISSING = frozenset(
    {
        "404",
        "AWS.SimpleQueueService.NonExistentQueue",
        "NoSuchBucket",
        "NoSuchEntity",
        "ParameterNotFound",
        "QueueDoesNotExist",
        "RepositoryNotFoundException",
        "ResourceNotFoundException",
    }
)


class AwsAccount:
    """`ports.Account` with the caller's own credentials."""

    def __init__(self, clients: Clients, names: Names) -> None:
        self._clients, self._names = clients, names

    def identity(self) -> Identity | None:
        with calling(""):
            try:
                said = self._clients("sts").get_caller_identity()
            except NoCredentialsError:
                return None
        return Identity(account=str(said["Account"]), arn=str(said["Arn"]))

    def stack(self, name: str) -> str | None:
        with calling(f"stack {name}", "you need cloudformation:DescribeStacks"):
            try:
                found = self._clients("cloudformation").describe_stacks(StackName=name)["Stacks"]
            except ClientError as error:
                # CloudFormation has no code of its own for this.
                if code_of(error) == "ValidationError" and "does not exist" in message_of(error):
                    return None
                raise
        return str(found[0]["StackStatus"])

    def bootstrap_version(self) -> int | None:
        found = self._find(
            f"SSM parameter {BOOTSTRAP}", lambda: self._clients("ssm").get_parameter(Name=BOOTSTRAP)["Parameter"]
        )
        if found is None:
            return None
        value = str(found.get("Value", ""))
        if not value.isdecimal():
            raise ServiceError(f"SSM parameter {BOOTSTRAP} is {value[:40]!r}, no number: run `cdk bootstrap` again")
        return int(value)

    def exists(self, kind: Kind, name: str) -> bool:
        service, ask = _FIND[kind]
        return self._find(f"{kind} {name}", lambda: ask(self._clients(service), name)) is not None

    def provider_audiences(self, host: str) -> tuple[str, ...] | None:
        found = self._find(
            f"OIDC provider {host}",
            lambda: self._clients("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=self._provider(host)),
        )
        return None if found is None else tuple(found.get("ClientIDList", ()))

    def create_provider(self, url: str, *, audience: str) -> None:
        with calling(f"OIDC provider {url}", "you need iam:CreateOpenIDConnectProvider"):
            self._clients("iam").create_open_id_connect_provider(Url=url, ClientIDList=[audience])

    def add_audience(self, host: str, audience: str) -> None:
        with calling(f"OIDC provider {host}", "you need iam:AddClientIDToOpenIDConnectProvider"):
            self._clients("iam").add_client_id_to_open_id_connect_provider(
                OpenIDConnectProviderArn=self._provider(host), ClientID=audience
            )

    def _provider(self, host: str) -> str:
        return f"arn:{self._names.partition}:iam::{self._names.account}:oidc-provider/{host}"

    def log_days(self, group: str) -> int | None:
        with calling(f"log group {group}"):
            # Names come in order, so that the one which is the prefix itself comes first.
            found = self._clients("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        return next((int(one.get("retentionInDays", 0)) for one in found if one["logGroupName"] == group), None)

    def keep_logs(self, group: str, *, days: int, new: bool) -> None:
        with calling(f"log group {group}", "you need logs:CreateLogGroup and logs:PutRetentionPolicy"):
            if new:
                self._create_log_group(group)
            self._clients("logs").put_retention_policy(logGroupName=group, retentionInDays=days)

    def _create_log_group(self, group: str) -> None:
        try:
            self._clients("logs").create_log_group(logGroupName=group)
        except ClientError as error:
            # SageMaker was faster: a first job has just begun.
            if code_of(error) != "ResourceAlreadyExistsException":
                raise

    def trust(self, role: str) -> Trust | None:
        found = self._find(f"role {role}", lambda: self._clients("iam").get_role(RoleName=role)["Role"])
        return None if found is None else read_trust(found.get("AssumeRolePolicyDocument"))

    def waiting(self, queue: str) -> int | None:
        name = "ApproximateNumberOfMessages"

        def ask() -> Any:
            sqs = self._clients("sqs")
            url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
            return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]

        found = self._find(f"queue {queue}", ask)
        return None if found is None else int(found)

    def oldest_seconds(self, queue: str) -> float:
        now = datetime.now(UTC)
        with calling(f"age of the messages in {queue}"):
            found = self._clients("cloudwatch").get_metric_statistics(
                Namespace="AWS/SQS",
                MetricName="ApproximateAgeOfOldestMessage",
                Dimensions=[{"Name": "QueueName", "Value": queue}],
                StartTime=now - _LOOK_BACK,
                EndTime=now,
                Period=300,
                Statistics=["Maximum"],
            )
        return max((float(point["Maximum"]) for point in found["Datapoints"]), default=0.0)

    def secret(self) -> str | None:
        name = self._names.token_secret
        found = self._find(
            f"secret {name}",
            lambda: self._clients("secretsmanager").get_secret_value(SecretId=name).get("SecretString"),
        )
        return str(found) if found else None

    def secret_is_deleted(self) -> bool:
        found = self._find(
            f"secret {self._names.token_secret}",
            lambda: self._clients("secretsmanager").describe_secret(SecretId=self._names.token_secret),
        )
        return found is not None and "DeletedDate" in found

    def store_secret(self, text: str) -> None:
        name = self._names.token_secret
        with calling(f"secret {name}", "you need secretsmanager:PutSecretValue on it"):
            self._clients("secretsmanager").put_secret_value(SecretId=name, SecretString=text)

    def renewed_every(self) -> int | None:
        name = self._names.token_secret
        with calling(f"secret {name}"):
            said = self._clients("secretsmanager").describe_secret(SecretId=name)
        return said.get("RotationRules", {}).get("AutomaticallyAfterDays") if said.get("RotationEnabled") else None

    def renew_secret(self, *, role: str, every_days: int, life_days: int) -> None:
        name = self._names.token_secret
        with calling(f"renewal of secret {name}", "you need secretsmanager:RotateSecret on it, and to pass its role"):
            self._clients("secretsmanager").rotate_secret(
                SecretId=name,
                ExternalSecretRotationRoleArn=role,
                ExternalSecretRotationMetadata=[{"Key": "daysToExpiry", "Value": str(life_days)}],
                RotationRules={"AutomaticallyAfterDays": every_days},
                RotateImmediately=False,
            )

    def _find(self, what: str, ask: Callable[[], Any]) -> Any:
        """What `ask` returns, or None if AWS says that it isn't there."""
        with calling(what):
            try:
                return ask()
            except ClientError as error:
                if code_of(error) in _MISSING:
                    return None
                raise


def read_trust(policy: object) -> Trust:
    """From a trust policy's JSON, as text or read. What has another shape says nothing."""
    if isinstance(policy, str):
        try:
            policy = json.loads(policy)
        except ValueError:
            policy = None
    statements = policy.get("Statement", []) if isinstance(policy, dict) else []
    allowed = [one for one in _list(statements) if isinstance(one, dict) and one.get("Effect") == "Allow"]
    providers = [name for one in allowed for name in _list(_dict(one.get("Principal")).get("Federated"))]
    conditions = [pair for one in allowed for pair in _conditions(one)]
    return Trust(
        providers=tuple(str(name) for name in providers),
        audiences=tuple(value for key, value in conditions if key.endswith(":aud")),
        subjects=tuple(value for key, value in conditions if key.endswith(":sub")),
    )


def _conditions(statement: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for operands in _dict(statement.get("Condition")).values():
        for key, values in _dict(operands).items():
            yield from ((str(key).lower(), str(value)) for value in _list(values))


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
