"""The base image is recorded by digest, as a registry says it: here one on loopback that wants a token first."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from infra.base_image import pin
from tests.infra.conftest import ROOT

DIGEST = f"sha256:{'a1' * 32}"
DOCKERFILE = ROOT / "training/Dockerfile"


class Registry(BaseHTTPRequestHandler):
    """Knows one image."""

    def do_HEAD(self) -> None:
        if self.headers.get("Authorization") != "Bearer let-me":
            host = self.headers["Host"]
            challenge = f'Bearer realm="http://{host}/token/",service="here",scope="repository:library/python:pull"'
            self._answer(401, {"WWW-Authenticate": challenge})
        elif self.path == "/v2/library/python/manifests/3.11-slim" and "image.index.v1" in self.headers["Accept"]:
            self._answer(200, {"Docker-Content-Digest": DIGEST})
        else:
            self._answer(404, {})

    def do_GET(self) -> None:
        if self.path == "/token/?service=here&scope=repository%3Alibrary/python%3Apull":
            self._answer(200, {}, json.dumps({"token": "let-me"}).encode())
        else:
            self._answer(404, {})

    def _answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the tests' output is theirs."""


@pytest.fixture
def registry() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Registry)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_port}/library/"
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def dockerfile(tmp_path: Path) -> Path:
    """The project's own."""
    copy = tmp_path / "Dockerfile"
    copy.write_text(DOCKERFILE.read_text())
    return copy


def test_the_digest_is_written_into_the_dockerfile_and_nothing_else_changes(dockerfile: Path, registry: str) -> None:
    before = dockerfile.read_text()
    assert pin(dockerfile, registry, scheme="http") == DIGEST
    after = dockerfile.read_text()
    assert f'ARG DIGEST="@{DIGEST}"\n' in after
    assert re.sub('DIGEST=".*"', "", after) == re.sub('DIGEST=".*"', "", before)
    pin(dockerfile, registry, scheme="http")
    assert dockerfile.read_text() == after, "once more is the same"


def test_a_registry_that_does_not_know_the_image_leaves_the_dockerfile_alone(dockerfile: Path, registry: str) -> None:
    before = dockerfile.read_text()
    with pytest.raises(OSError, match="404"):
        pin(dockerfile, registry.replace("library", "other"), scheme="http")
    assert dockerfile.read_text() == before


def test_a_dockerfile_without_a_place_for_it_is_told(tmp_path: Path, registry: str) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.11-slim\n")
    with pytest.raises(ValueError, match="has no FROM"):
        pin(tmp_path / "Dockerfile", registry, scheme="http")
