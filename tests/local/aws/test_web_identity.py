"""STS takes a token only from an issuer that the account has, signed, in time, and as the role's trust policy says."""

import base64
import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.gitlab.id_tokens import Key, discovery, load_key, public_keys
from tests.local.aws.helpers import ACCOUNT, Aws, client, document, unique

pytestmark = pytest.mark.cloud
MAIN = "project_path:team/demo:ref_type:branch:ref:main"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return load_key(tmp_path_factory.mktemp("key") / "key.json")


@pytest.fixture(scope="module")
def issuer(key: Key) -> Iterator[str]:
    """The address of a GitLab that says which key is its own."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said = discovery(url) if self.path.startswith("/.well-known/") else public_keys(key)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield url
        server.shutdown()


@pytest.fixture(scope="module")
def role(aws: Aws, issuer: str) -> str:
    """For main of team/demo, and an account that knows the issuer."""
    aws.iam.create_open_id_connect_provider(Url=issuer, ClientIDList=[issuer, "https://also.here"])
    host = issuer.partition("://")[2]
    trust: Any = {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{host}"},
        "Condition": {"StringEquals": {f"{host}:aud": issuer, f"{host}:sub": MAIN}},
    }
    return aws.iam.create_role(RoleName=unique("release"), AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]


@pytest.fixture
def take(aws: Aws, issuer: str, key: Key, role: str) -> Callable[..., Any]:
    """Shows STS a token of main's; `changed` replaces claims, `header` members of its header."""

    def make(
        *, header: dict[str, str] | None = None, by: Callable[[bytes], bytes] = key.sign, **changed: object
    ) -> Any:
        now = int(time.time())
        claims = {"iss": issuer, "aud": issuer, "sub": MAIN, "exp": now + 60, "nbf": now - 5, **changed}
        parts = ({"alg": "RS256", "typ": "JWT", "kid": key.id, **(header or {})}, claims)
        signed = ".".join(encoded(json.dumps(part).encode()) for part in parts)
        token = f"{signed}.{encoded(by(signed.encode()))}"
        sts = client("sts", aws.port, keys=None)
        return sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="ci", WebIdentityToken=token)

    return make


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_a_token_that_is_all_right_gets_the_role(aws: Aws, take: Callable[..., Any], role: str) -> None:
    made = take()["Credentials"]
    keys = (made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
    assert client("sts", aws.port, keys=keys).get_caller_identity()["Arn"].split("/")[1] == role.rpartition("/")[2]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"sub": "project_path:team/other:ref_type:branch:ref:main"}, "AccessDenied"),
        ({"sub": "project_path:team/demo:ref_type:branch:ref:more-trees"}, "AccessDenied"),
        ({"sub": "project_path:team/demo:ref_type:tag:ref:main"}, "AccessDenied"),
        ({"sub": None}, "AccessDenied"),
        ({"aud": "https://also.here"}, "AccessDenied"),
        ({"aud": "https://elsewhere"}, "InvalidIdentityToken"),
        ({"aud": None}, "InvalidIdentityToken"),
        ({"iss": "http://127.0.0.1:1"}, "InvalidIdentityToken"),
        ({"iss": None}, "InvalidIdentityToken"),
        ({"exp": 1}, "ExpiredTokenException"),
        ({"exp": None}, "InvalidIdentityToken"),
        ({"nbf": 9_999_999_999}, "InvalidIdentityToken"),
        ({"header": {"alg": "none"}}, "InvalidIdentityToken"),
        ({"header": {"alg": "HS256"}}, "InvalidIdentityToken"),
        ({"header": {"kid": "another"}}, "InvalidIdentityToken"),
        ({"by": lambda _: b""}, "InvalidIdentityToken"),
        ({"by": lambda _: b"\0" * 256}, "InvalidIdentityToken"),
    ],
)
def test_any_other_token_is_refused(take: Callable[..., Any], changed: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as caught:
        take(**changed)
    assert caught.value.response["Error"]["Code"] == code


def test_what_another_key_signed_is_refused(take: Callable[..., Any], tmp_path: Path) -> None:
    other = load_key(tmp_path / "other.json")
    with pytest.raises(ClientError, match="Couldn't verify the signature"):
        take(by=other.sign)


@pytest.mark.parametrize("junk", ["a.b.c", "abcd", "é.é.é", "e30.e30.e30", "W10.W10.W10"])
def test_what_is_no_token_is_refused_as_such(aws: Aws, role: str, junk: str) -> None:
    sts = client("sts", aws.port, keys=None)
    with pytest.raises(ClientError, match="InvalidIdentityToken"):
        sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="ci", WebIdentityToken=junk)
