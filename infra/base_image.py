"""``make lock``: writes into a Dockerfile which image its base is today, by digest, where the registry can be asked.

A tag such as 3.11-slim moves with each of Debian's updates; what an image is made of should not. The registry is the
one that `build_image.sh` takes official images from.
"""

import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
import urllib.response
from pathlib import Path

BUILD = Path(__file__).with_name("build_image.sh")
_BASE = re.compile(r"^FROM \$\{REGISTRY\}([\w./-]+):([\w.-]+)\$\{DIGEST\}", re.MULTILINE)
_RECORD = re.compile(r'^ARG DIGEST=".*"$', re.MULTILINE)
_MANIFESTS = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json"


def pin(dockerfile: Path, registry: str, *, scheme: str = "https") -> str:
    """Records the digest; returns it. `registry` is a host and a path, with its slash.

    Raises OSError where the registry can't be asked, ValueError where the Dockerfile or the answer is none.
    """
    text = dockerfile.read_text(encoding="utf-8")
    base = _BASE.search(text)
    if base is None or not _RECORD.search(text):
        raise ValueError(f'{dockerfile} has no FROM ${{REGISTRY}}NAME:TAG${{DIGEST}}, or no ARG DIGEST=""')
    host, _, path = registry.partition("/")
    digest = _digest(f"{scheme}://{host}/v2/{path}{base[1]}/manifests/{base[2]}")
    dockerfile.write_text(_RECORD.sub(f'ARG DIGEST="@{digest}"', text), encoding="utf-8")
    return digest


def _digest(url: str) -> str:
    """As registries answer (OCI Distribution Specification): a first call may say where to get a token."""
    try:
        answer = _ask(url, {})
    except urllib.error.HTTPError as error:
        if error.code != 401:
            raise
        answer = _ask(url, {"Authorization": f"Bearer {_token(error.headers.get('WWW-Authenticate', ''))}"})
    digest = str(answer.headers.get("Docker-Content-Digest", ""))
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        raise ValueError(f"{url} names no digest")
    return digest


def _token(challenge: str) -> str:
    said = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    if not said.get("realm", "").startswith(("https://", "http://127.0.0.1:")):
        raise ValueError("the registry wants no token of a kind that is known")
    query = "&".join(f"{key}={urllib.parse.quote(said[key])}" for key in ("service", "scope") if key in said)
    with urllib.request.urlopen(f"{said['realm']}?{query}", timeout=20) as answer:  # noqa: S310 # looked at above
        return str(json.load(answer)["token"])


def _ask(url: str, headers: dict[str, str]) -> "urllib.response.addinfourl":
    asked = urllib.request.Request(url, headers={"Accept": _MANIFESTS, **headers}, method="HEAD")  # noqa: S310
    answer: urllib.response.addinfourl = urllib.request.urlopen(asked, timeout=20)  # noqa: S310 # https, or a test's
    return answer


def main() -> int:
    registry = re.search(r"REGISTRY=(\S+)", BUILD.read_text(encoding="utf-8"))
    assert registry is not None
    dockerfile = Path(sys.argv[1])
    try:
        print(f"{dockerfile} begins with {pin(dockerfile, registry[1])}")
    except (OSError, ValueError, KeyError) as error:
        print(f"{dockerfile} keeps its base image, {registry[1]} could not be asked: {error}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
