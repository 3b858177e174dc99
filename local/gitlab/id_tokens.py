"""CI's OpenID Connect tokens (GitLab's ``id_tokens:``), RS256.

The signature is made here, by hand, because the laptop cloud has no cryptography library and a token that nobody can
verify would let a wrong trust policy pass. The key protects nothing: it is made for one laptop and dies with it.
"""

import base64
import hashlib
import json
import secrets
import time
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

from local.gitlab.instance import Instance, person
from local.gitlab.predefined import protected, source_ref
from local.gitlab.records import Namespace, Pipeline, Project

_BITS = 2048
_EXPONENT = 65537
_VALID_SECONDS = 3600
_SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
"""DigestInfo of SHA-256, RFC 8017, section 9.2."""

_SMALL_PRIMES = [n for n in range(3, 2000, 2) if all(n % d for d in range(3, int(n**0.5) + 1, 2))]


@dataclass(frozen=True)
class Key:
    modulus: int
    private: int

    @property
    def id(self) -> str:
        """The JWK thumbprint (RFC 7638)."""
        public = {"e": _number(_EXPONENT), "kty": "RSA", "n": _number(self.modulus)}
        return _base64(hashlib.sha256(json.dumps(public, separators=(",", ":")).encode()).digest())

    def sign(self, message: bytes) -> bytes:
        size = _BITS // 8
        digest = _SHA256_INFO + hashlib.sha256(message).digest()
        padded = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
        return pow(int.from_bytes(padded, "big"), self.private, self.modulus).to_bytes(size, "big")


def load_key(file: Path) -> Key:
    """Made once, within a second or two, then read."""
    if not file.exists():
        first, second = _prime(_BITS // 2), _prime(_BITS // 2)
        key = Key(modulus=first * second, private=pow(_EXPONENT, -1, (first - 1) * (second - 1)))
        file.touch(mode=0o600)
        file.write_text(json.dumps(asdict(key)))
    return Key(**json.loads(file.read_text()))


def public_keys(key: Key) -> dict[str, object]:
    """The JSON Web Key Set."""
    return {
        "keys": [
            {
                "kty": "RSA",
                "kid": key.id,
                "e": _number(_EXPONENT),
                "n": _number(key.modulus),
                "use": "sig",
                "alg": "RS256",
            }
        ]
    }


def discovery(url: str) -> dict[str, object]:
    return {
        "issuer": url,
        "jwks_uri": f"{url}/oauth/discovery/keys",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }


def id_token(at: Instance, *, pipeline: Pipeline, audience: str, key: Key) -> str:
    header = {"kid": key.id, "typ": "JWT", "alg": "RS256"}
    parts = [_base64(json.dumps(part).encode()) for part in (header, claims(at, pipeline=pipeline, audience=audience))]
    signed = ".".join(parts)
    return f"{signed}.{_base64(key.sign(signed.encode()))}"


def claims(at: Instance, *, pipeline: Pipeline, audience: str) -> dict[str, object]:
    """GitLab's claims; ids are strings there (doc/ci/secrets/id_token_authentication.md)."""
    project, user = at.store.get(Project, pipeline.project), at.user(pipeline.user)
    branch, started = source_ref(at, pipeline), int(time.time())
    safe = pipeline.merge_request is None and protected(project, branch)
    return {
        "namespace_id": str(project.namespace),
        "namespace_path": at.store.get(Namespace, project.namespace).path,
        "project_id": str(project.id),
        "project_path": project.path,
        "user_id": str(user.id),
        "user_login": user.username,
        "user_email": person(user).email,
        "pipeline_id": str(pipeline.id),
        "pipeline_source": pipeline.source,
        "ref": branch,
        "ref_type": "branch",
        "ref_path": f"refs/heads/{branch}",
        "ref_protected": "true" if safe else "false",
        "runner_id": 1,
        "runner_environment": "self-hosted",
        "sha": pipeline.sha,
        "project_visibility": project.visibility,
        "jti": str(uuid.uuid4()),
        "iss": at.url,
        "iat": started,
        "nbf": started - 5,
        "exp": started + _VALID_SECONDS,
        "sub": f"project_path:{project.path}:ref_type:branch:ref:{branch}",
        "aud": audience,
    }


def _prime(bits: int) -> int:
    while True:
        # The two highest bits set, so that the product of two has its full length.
        number = secrets.randbits(bits) | (3 << (bits - 2)) | 1
        if (number - 1) % _EXPONENT and all(number % p for p in _SMALL_PRIMES) and _miller_rabin(number):
            return number


def _miller_rabin(number: int, rounds: int = 8) -> bool:
    """Eight rounds are ample for random numbers of this size (Handbook of Applied Cryptography, table 4.4)."""
    twos = ((number - 1) & -(number - 1)).bit_length() - 1
    odd = (number - 1) >> twos
    return all(_passes(number, odd, twos) for _ in range(rounds))


def _passes(number: int, odd: int, twos: int) -> bool:
    x = pow(secrets.randbelow(number - 3) + 2, odd, number)
    if x in (1, number - 1):
        return True
    for _ in range(twos - 1):
        x = x * x % number
        if x == number - 1:
            return True
    return False


def _number(value: int) -> str:
    return _base64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
