"""The account's adapter: against the laptop cloud, and against what AWS answers when it refuses."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber

from mergemaker.adapters.account import BOOTSTRAP, AwsAccount, read_trust
from mergemaker.adapters.aws import Clients
from mergemaker.bootstrap import Aws
from mergemaker.domain.errors import RetryableError, ServiceError
from mergemaker.domain.names import Names
from mergemaker.domain.settings import Network
from mergemaker.domain.token_secret import managed_secret
from mergemaker.ports import Kind, Trust
from tests.adapters.conftest import NAMES
from tests.local.aws.helpers import client, unique

THERE: list[tuple[Kind, str]] = [
    ("bucket", NAMES.bucket),
    ("table", NAMES.run_table),
    ("repository", NAMES.repository),
    ("secret", NAMES.token_secret),
    ("image builder", NAMES.image_builder),
    ("role", NAMES.role("execution")),
]
KINDS: tuple[Kind, ...] = (*(kind for kind, _ in THERE), "queue", "function")
OTHER = Names(project="other", account=NAMES.account, region=NAMES.region)


@pytest.fixture
def clients(aws_port: int, monkeypatch: pytest.MonkeyPatch) -> Clients:
    keys = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws_port}", "AWS_EC2_METADATA_DISABLED": "true"}
    for name, value in {**keys, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    return Clients(NAMES.region)


@pytest.fixture
def account(clients: Clients) -> AwsAccount:
    return AwsAccount(clients, NAMES)


@pytest.mark.cloud
def test_what_the_stacks_made_is_there_and_what_they_did_not_is_not(account: AwsAccount, clients: Clients) -> None:
    name = unique("queue")
    clients("sqs").create_queue(QueueName=name)
    assert all(account.exists(kind, found) for kind, found in [*THERE, ("queue", name)])
    assert not any(account.exists(kind, "nobody-made-this") for kind in KINDS)


@pytest.mark.cloud
def test_who_asks_is_told(account: AwsAccount) -> None:
    who = account.identity()
    assert who is not None
    assert who.account == NAMES.account


@pytest.mark.cloud
def test_the_bootstraps_version_is_a_number_or_none(account: AwsAccount, clients: Clients) -> None:
    assert account.bootstrap_version() is None
    try:
        clients("ssm").put_parameter(Name=BOOTSTRAP, Value="21", Type="String")
        assert account.bootstrap_version() == 21
        clients("ssm").put_parameter(Name=BOOTSTRAP, Value="new", Type="String", Overwrite=True)
        with pytest.raises(ServiceError, match="is 'new', no number: run `cdk bootstrap` again"):
            account.bootstrap_version()
    finally:
        clients("ssm").delete_parameter(Name=BOOTSTRAP)


@pytest.mark.cloud
def test_an_oidc_provider_is_found_by_its_host(account: AwsAccount, clients: Clients) -> None:
    host = f"{unique('gitlab')}.example.com"
    assert account.provider_audiences(host) is None
    clients("iam").create_open_id_connect_provider(Url=f"https://{host}", ClientIDList=[f"https://{host}"])
    assert account.provider_audiences(host) == (f"https://{host}",)


@pytest.mark.cloud
def test_an_oidc_provider_that_was_made_is_found(account: AwsAccount) -> None:
    """Also at an address that only the laptop's AWS takes."""
    for url in (f"https://{unique('gitlab')}.example.com", f"http://127.0.0.1:{unique('7').removeprefix('7-')}"):
        host = url.partition("://")[2]
        account.create_provider(url, audience=url)
        assert account.provider_audiences(host) == (url,)
        with pytest.raises(ServiceError, match=f"OIDC provider {url}: AWS says EntityAlreadyExists"):
            account.create_provider(url, audience=url)


@pytest.mark.cloud
def test_logs_are_kept_for_ever_until_they_are_not(account: AwsAccount, clients: Clients) -> None:
    group = f"/aws/sagemaker/{unique('jobs')}"
    clients("logs").create_log_group(logGroupName=f"{group}-longer")
    assert account.log_days(group) is None
    account.keep_logs(group, days=90, new=True)
    assert account.log_days(group) == 90
    assert account.log_days(f"{group}-longer") == 0
    account.keep_logs(f"{group}-longer", days=30, new=False)
    assert account.log_days(f"{group}-longer") == 30


@pytest.mark.cloud
def test_a_log_group_that_sagemaker_has_made_in_the_meantime_is_kept(account: AwsAccount, clients: Clients) -> None:
    group = f"/aws/sagemaker/{unique('jobs')}"
    clients("logs").create_log_group(logGroupName=group)
    account.keep_logs(group, days=90, new=True)
    assert account.log_days(group) == 90


def test_an_answer_that_is_no_validation_error_about_a_missing_stack_is_no_missing_stack() -> None:
    with pytest.raises(ServiceError, match="ValidationError: not you: you need cloudformation:DescribeStacks"):
        AwsAccount(Stubbed("cloudformation", "describe_stacks", "ValidationError"), NAMES).stack("s")


def test_without_credentials_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert AwsAccount(Clients(NAMES.region), NAMES).identity() is None


def test_an_audience_is_added_to_the_provider_of_its_host() -> None:
    """The laptop's AWS has no such call."""
    iam = boto3.session.Session("test", "test", region_name=NAMES.region).client("iam")
    arn = f"arn:aws:iam::{NAMES.account}:oidc-provider/gitlab.com"
    asked = {"OpenIDConnectProviderArn": arn, "ClientID": "https://gitlab.com"}
    with Stubber(iam) as stubber:
        stubber.add_response("add_client_id_to_open_id_connect_provider", {}, asked)
        AwsAccount(Made(iam), NAMES).add_audience("gitlab.com", "https://gitlab.com")
        stubber.assert_no_pending_responses()


@pytest.mark.cloud
def test_a_secret_is_renewed_from_when_it_is_asked_for(clients: Clients) -> None:
    names = replace(OTHER, project=unique("renewed"))
    account = AwsAccount(clients, names)
    clients("secretsmanager").create_secret(Name=names.token_secret, SecretString="{}")
    assert account.renewed_every() is None
    for days in (30, 7):
        account.renew_secret(role=names.role_arn("token-rotation"), every_days=days, life_days=60)
        assert account.renewed_every() == days


@pytest.mark.cloud
def test_whom_a_role_trusts_is_read_from_its_policy(account: AwsAccount, clients: Clients) -> None:
    name = unique("role")
    assert account.trust(name) is None
    clients("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(POLICY))
    assert account.trust(name) == TRUST


@pytest.mark.cloud
def test_messages_are_counted_and_a_queue_that_is_not_there_has_none(account: AwsAccount, clients: Clients) -> None:
    name = unique("dead")
    assert account.waiting(name) is None
    url = clients("sqs").create_queue(QueueName=name)["QueueUrl"]
    assert account.waiting(name) == 0
    for _ in range(2):
        clients("sqs").send_message(QueueUrl=url, MessageBody="x")
    assert account.waiting(name) == 2


@pytest.mark.cloud
def test_the_age_of_the_oldest_message_is_the_highest_of_the_last_minutes(
    account: AwsAccount, clients: Clients
) -> None:
    name = unique("slow")
    assert account.oldest_seconds(name) == 0
    for value in (100, 2500, 30):
        clients("cloudwatch").put_metric_data(
            Namespace="AWS/SQS",
            MetricData=[
                {
                    "MetricName": "ApproximateAgeOfOldestMessage",
                    "Dimensions": [{"Name": "QueueName", "Value": name}],
                    "Value": value,
                }
            ],
        )
    assert account.oldest_seconds(name) == 2500


@pytest.mark.cloud
def test_a_secret_is_stored_and_read_and_an_empty_one_holds_nothing(clients: Clients, aws_port: int) -> None:
    account = AwsAccount(clients, OTHER)
    assert account.secret() is None
    client("secretsmanager", aws_port).create_secret(Name=OTHER.token_secret)
    assert account.secret() is None
    account.store_secret("glpat-1")
    assert account.secret() == "glpat-1"
    account.store_secret("glpat-2")
    assert account.secret() == "glpat-2"


@pytest.mark.cloud
def test_a_secret_that_waits_for_its_deletion_is_told_until_it_is_restored(clients: Clients) -> None:
    names = replace(OTHER, project=unique("waits"))
    account, name = AwsAccount(clients, names), names.token_secret
    assert not account.secret_is_deleted()
    clients("secretsmanager").create_secret(Name=name, SecretString="glpat-1")
    assert not account.secret_is_deleted()
    clients("secretsmanager").delete_secret(SecretId=name, RecoveryWindowInDays=7)
    assert account.secret_is_deleted()
    assert account.exists("secret", name)
    clients("secretsmanager").restore_secret(SecretId=name)
    assert not account.secret_is_deleted()
    assert account.secret() == "glpat-1"


@pytest.mark.cloud
def test_a_stack_has_a_status_and_none_before_it_is_made_and_after_it_is_deleted(
    account: AwsAccount, clients: Clients
) -> None:
    name = unique("stack")
    assert account.stack(name) is None
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}}
    clients("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps({"Resources": {"Queue": queue}}))
    clients("cloudformation").get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    assert account.stack(name) == "CREATE_COMPLETE"
    clients("cloudformation").delete_stack(StackName=name)
    clients("cloudformation").get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    assert account.stack(name) is None


@pytest.mark.cloud
def test_the_lambdas_read_the_token_from_either_form(clients: Clients) -> None:
    names = replace(OTHER, project=unique("forms"))
    account, aws = AwsAccount(clients, names), Aws(names, Network())
    clients("secretsmanager").create_secret(Name=names.token_secret)
    for text in ("glpat-1\n", managed_secret("glpat-1", token_id=3, user="bot", url="https://gitlab.com")):
        account.store_secret(text)
        assert aws.token() == "glpat-1"


# Answers of an AWS that refuses ---------------------------------------------------------------


CALLS: dict[str, tuple[str, str, Callable[[AwsAccount], object]]] = {
    "identity": ("sts", "get_caller_identity", lambda a: a.identity()),
    "stack": ("cloudformation", "describe_stacks", lambda a: a.stack("s")),
    "deleted": ("secretsmanager", "describe_secret", lambda a: a.secret_is_deleted()),
    "bootstrap": ("ssm", "get_parameter", lambda a: a.bootstrap_version()),
    "bucket": ("s3", "head_bucket", lambda a: a.exists("bucket", "b")),
    "function": ("lambda", "get_function_configuration", lambda a: a.exists("function", "f")),
    "provider": ("iam", "get_open_id_connect_provider", lambda a: a.provider_audiences("gitlab.com")),
    "make provider": (
        "iam",
        "create_open_id_connect_provider",
        lambda a: a.create_provider("https://gitlab.com", audience="https://gitlab.com"),
    ),
    "add audience": (
        "iam",
        "add_client_id_to_open_id_connect_provider",
        lambda a: a.add_audience("gitlab.com", "https://gitlab.com"),
    ),
    "logs": ("logs", "describe_log_groups", lambda a: a.log_days("/aws/sagemaker/TrainingJobs")),
    "keep": ("logs", "put_retention_policy", lambda a: a.keep_logs("group", days=90, new=False)),
    "make and keep": ("logs", "create_log_group", lambda a: a.keep_logs("group", days=90, new=True)),
    "trust": ("iam", "get_role", lambda a: a.trust("r")),
    "waiting": ("sqs", "get_queue_url", lambda a: a.waiting("q")),
    "age": ("cloudwatch", "get_metric_statistics", lambda a: a.oldest_seconds("q")),
    "token": ("secretsmanager", "get_secret_value", lambda a: a.secret()),
    "store": ("secretsmanager", "put_secret_value", lambda a: a.store_secret("glpat-1")),
}


class Made(Clients):
    """One client for whatever is asked."""

    def __init__(self, client: object) -> None:
        self._client = client

    def __call__(self, _service: str) -> Any:
        return self._client


class Stubbed(Clients):
    """One service, whose next answer is an error."""

    def __init__(self, service: str, operation: str, code: str) -> None:
        self._service = service
        session = boto3.session.Session("test", "test", region_name=NAMES.region)
        self._client = session.client(service, config=Config(retries={"total_max_attempts": 1}))  # type: ignore[call-overload]
        stubber = Stubber(self._client)
        stubber.add_client_error(operation, code, "not you", 403 if code == "AccessDenied" else 400)
        stubber.activate()

    def __call__(self, service: str) -> Any:
        assert service == self._service
        return self._client


@pytest.mark.parametrize("call", sorted(CALLS))
def test_what_the_caller_may_not_do_is_told_and_never_taken_for_missing(call: str) -> None:
    service, operation, ask = CALLS[call]
    with pytest.raises(ServiceError, match="AWS says AccessDenied: not you") as caught:
        ask(AwsAccount(Stubbed(service, operation, "AccessDenied"), NAMES))
    assert not caught.value.retryable
    assert "glpat" not in str(caught.value)


@pytest.mark.parametrize("call", ["bootstrap", "trust", "waiting", "token"])
def test_what_passes_is_retryable(call: str) -> None:
    service, operation, ask = CALLS[call]
    with pytest.raises(RetryableError):
        ask(AwsAccount(Stubbed(service, operation, "ThrottlingException"), NAMES))


# Trust policies -------------------------------------------------------------------------------

PROVIDER = "arn:aws:iam::111122223333:oidc-provider/gitlab.com"
SUBJECT = "project_path:team/shop:ref_type:branch:ref:*"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Federated": PROVIDER},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {"gitlab.com:aud": "https://gitlab.com"},
                "StringLike": {"gitlab.com:sub": [SUBJECT]},
            },
        }
    ],
}
TRUST = Trust((PROVIDER,), ("https://gitlab.com",), (SUBJECT,))


def test_a_policy_is_read_as_text_too() -> None:
    assert read_trust(json.dumps(POLICY)) == TRUST


def test_a_single_statement_needs_no_list() -> None:
    assert read_trust({"Statement": POLICY["Statement"][0]}) == TRUST


def test_what_a_policy_denies_is_no_trust() -> None:
    denied = [{**POLICY["Statement"][0], "Effect": "Deny"}]  # type: ignore[dict-item]
    assert read_trust({"Statement": denied}) == Trust((), (), ())


@pytest.mark.parametrize(
    "policy",
    [None, "", "{", "[]", "1", {}, {"Statement": None}, {"Statement": ["x", 1]},
     {"Statement": {"Effect": "Allow", "Principal": "*", "Condition": [1]}},
     {"Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Condition": {"StringEquals": "x"}}}],
)  # fmt: skip
def test_a_policy_of_another_shape_says_nothing(policy: object) -> None:
    assert read_trust(policy) == Trust((), (), ())
