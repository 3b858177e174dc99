"""`keep_data = false`: the data stack takes everything with it, and only when it goes itself."""

import json
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from infra import empty_bucket
from infra.data import KEPT
from mergemaker.domain.names import Names
from tests.infra.conftest import synthesised
from tests.infra.policies import BUCKET as BUCKET_ARN
from tests.infra.policies import arn
from tests.infra.stacks import ACCOUNT as SETTINGS_ACCOUNT
from tests.infra.stacks import PROJECT, SETTINGS, Stacks
from tests.infra.stacks import REGION as SETTINGS_REGION
from tests.local.aws.helpers import ACCOUNT, REGION, client, start_cloud, wait_for

BUCKET = Names(project=PROJECT, account=ACCOUNT, region=REGION).bucket
STACK = f"{PROJECT}-data"


@pytest.fixture(scope="module")
def going(tmp_path_factory: pytest.TempPathFactory) -> Stacks:
    """For the laptop cloud's account."""
    text = SETTINGS.replace("[project]", "[project]\nkeep_data = false")
    text = text.replace(SETTINGS_ACCOUNT, ACCOUNT).replace(SETTINGS_REGION, REGION)
    return synthesised(tmp_path_factory, "going", text, validate=False)


def template(stacks: Stacks) -> Path:
    (found,) = stacks.folder.glob("*-data.template.json")
    return found


# The template -------------------------------------------------------------------------------


def test_everything_that_would_be_kept_is_deleted(strict_stacks: Stacks) -> None:
    policies = {kind: strict_stacks.one(kind)["DeletionPolicy"] for kind in KEPT}

    assert set(policies.values()) == {"Delete"}
    assert strict_stacks.properties("AWS::ECR::Repository")["EmptyOnDelete"] is True


def test_who_keeps_data_has_nothing_that_could_delete_it(stacks: Stacks) -> None:
    assert "s3:DeleteObjectVersion" not in json.dumps(stacks.resources)
    assert not stacks.properties("AWS::ECR::Repository").get("EmptyOnDelete")


def test_the_function_may_empty_this_bucket_and_nothing_else(strict_stacks: Stacks) -> None:
    (policy,) = strict_stacks.properties("AWS::IAM::Role", RoleName=f"{PROJECT}-empty-function")["Policies"]
    granted = {str(one["Action"]): one["Resource"] for one in policy["PolicyDocument"]["Statement"]}

    assert granted == {
        "s3:ListBucketVersions": BUCKET_ARN,
        "['s3:DeleteObject', 's3:DeleteObjectVersion']": f"{BUCKET_ARN}/*",
        "cloudformation:DescribeStacks": arn("cloudformation", f"stack/{STACK}/*"),
        "['logs:CreateLogStream', 'logs:PutLogEvents']": arn("logs", f"log-group:/aws/lambda/{PROJECT}-empty:*"),
    }


# The function, on the laptop cloud ----------------------------------------------------------


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    process, port = start_cloud(tmp_path_factory.mktemp("aws"))
    yield port
    process.send_signal(signal.SIGTERM)
    process.wait(20)


@pytest.fixture(scope="module")
def deployed(port: int, going: Stacks) -> str:
    """The stack's id; its bucket holds three versions and the mark of a deletion."""
    client("ssm", port).put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String")
    body, cloudformation = template(going).read_text(), client("cloudformation", port)
    made = cloudformation.create_stack(StackName=STACK, TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"])
    wait_for(lambda: status(port, made["StackId"]) == "CREATE_COMPLETE")
    s3 = client("s3", port)
    for n in range(3):
        s3.put_object(Bucket=BUCKET, Key="model/data/rows.csv", Body=b"%d" % n)
    s3.delete_object(Bucket=BUCKET, Key="model/data/rows.csv")
    client("ecr", port).put_image(repositoryName=PROJECT, imageManifest="{}", imageTag="model-0123456789abcdef")
    return str(made["StackId"])


def status(port: int, stack: str) -> str:
    found: str = client("cloudformation", port).describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    return found


def versions(port: int) -> int:
    found = client("s3", port).list_object_versions(Bucket=BUCKET)
    return len(found.get("Versions", [])) + len(found.get("DeleteMarkers", []))


class Listener:
    """Where CloudFormation would wait for the function's answers."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        heard = self.heard

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_words: object) -> None:
                """Not into the tests' output."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def listener(port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """The function's surroundings."""
    surroundings = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
    }  # fmt: skip
    for name, value in surroundings.items():
        monkeypatch.setenv(name, value)
    listener = Listener()
    yield listener
    listener.server.shutdown()
    listener.server.server_close()


def ask(listener: Listener, request: str, stack: str) -> dict[str, Any]:
    """What the function answers."""
    event = {
        "RequestType": request, "StackId": stack, "RequestId": "r-1", "LogicalResourceId": "Empty",
        "ResponseURL": f"http://127.0.0.1:{listener.server.server_port}/", "ResourceProperties": {"Bucket": BUCKET},
    }  # fmt: skip
    empty_bucket.handler(event, lasting(900_000))
    (answer,) = listener.heard
    return answer


def lasting(milliseconds: int) -> Any:
    """Lambda's context, of which the function asks one thing."""
    return SimpleNamespace(get_remaining_time_in_millis=lambda: milliseconds)


@pytest.mark.cloud
@pytest.mark.parametrize("request_type", ["Create", "Update", "Delete"])
def test_nothing_is_deleted_while_the_stack_stays(
    port: int, deployed: str, listener: Listener, request_type: str
) -> None:
    """CloudFormation asks to delete the resource also when `keep_data = true` is deployed."""
    answer = ask(listener, request_type, deployed)

    assert (answer["Status"], answer["RequestId"], versions(port)) == ("SUCCESS", "r-1", 4)


@pytest.mark.cloud
def test_a_function_that_cannot_look_says_so_and_deletes_nothing(port: int, deployed: str, listener: Listener) -> None:
    answer = ask(listener, "Delete", deployed.replace(STACK, "no-such-stack"))

    assert answer["Status"] == "FAILED"
    assert "no-such-stack" in answer["Reason"]
    assert versions(port) == 4


@pytest.mark.cloud
def test_what_takes_too_long_fails_in_time_and_asks_for_another_go(
    port: int, deployed: str, listener: Listener
) -> None:
    with pytest.raises(RuntimeError, match="destroy once more"):
        empty_bucket.empty(BUCKET, lasting(59_000))
    assert versions(port) == 4


@pytest.mark.cloud
def test_a_bucket_that_is_empty_already_is_not_asked_to_delete_nothing(port: int, listener: Listener) -> None:
    """S3 takes a list of nothing for a malformed request."""
    client("s3", port).create_bucket(Bucket="empty")
    asked: list[Any] = []
    boto3.setup_default_session()
    assert boto3.DEFAULT_SESSION
    boto3.DEFAULT_SESSION.events.register("before-call.s3.DeleteObjects", lambda **call: asked.append(call))
    empty_bucket.empty("empty", lasting(900_000))
    assert asked == []


@pytest.mark.cloud
def test_the_stack_takes_a_full_bucket_and_everything_else_with_it(port: int, deployed: str) -> None:
    client("cloudformation", port).delete_stack(StackName=STACK)
    ended = wait_for(lambda: status(port, deployed).partition("DELETE_IN_PROGRESS")[0])

    assert ended == "DELETE_COMPLETE"
    assert BUCKET not in [one["Name"] for one in client("s3", port).list_buckets()["Buckets"]]
    assert client("ecr", port).describe_repositories()["repositories"] == []
    assert client("dynamodb", port).list_tables()["TableNames"] == []
    assert client("secretsmanager", port).list_secrets()["SecretList"] == []
    (key,) = client("kms", port).list_keys()["Keys"]
    assert client("kms", port).describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] == "PendingDeletion"
