"""What STS checks of an OpenID Connect token before it reads a role's trust policy.

The account must have the token's issuer as a provider, with the token's audience; the issuer must have signed it
(RS256), and its time must be now. The laptop cloud has no cryptography library, and checking needs none.
"""

import base64
import binascii
import hashlib
import hmac
import json
import time
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

LEEWAY = 60
"""Seconds that two clocks may differ."""
_SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
"""DigestInfo of SHA-256, RFC 8017, section 9.2."""

Audiences = Callable[[str], list[str] | None]
"""The audiences of the account's provider for a host, with its path; None where it has no such provider."""
Fetch = Callable[[str], Any]


class TokenError(Exception):
    """STS refuses the token; `code` is its error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def fetch_json(url: str) -> Any:
    """Raises OSError or ValueError."""
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - only of providers that an account trusts
        return json.load(answer)


def check(token: str, audiences: Audiences, *, fetch: Fetch = fetch_json, now: Callable[[], float] = time.time) -> None:
    """Raises TokenError."""
    signed, header, claims, signature = _parts(token)
    issuer = str(claims.get("iss", ""))
    allowed = audiences(issuer.partition("://")[2].rstrip("/"))
    if allowed is None:
        raise _invalid(f"No OpenIDConnect provider found in your account for {issuer}")
    if claims.get("aud") not in allowed:
        raise _invalid("Incorrect token audience")
    if not _signed(signed, signature, _key(issuer, str(header.get("kid")), fetch), header.get("alg")):
        raise _invalid("Couldn't verify the signature of the token")
    _check_time(claims, now())


def _parts(token: str) -> tuple[bytes, Mapping[str, Any], Mapping[str, Any], bytes]:
    """What is signed, the header, the claims and the signature."""
    signed, _, signature = token.rpartition(".")
    try:
        header, claims = (json.loads(_decoded(part)) for part in signed.split("."))
        parts = signed.encode(), header, claims, _decoded(signature)
    except (ValueError, binascii.Error):
        raise _invalid("The ID Token provided is not a valid JWT") from None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise _invalid("The ID Token provided is not a valid JWT")
    return parts


def _key(issuer: str, wanted: str, fetch: Fetch) -> tuple[int, int]:
    """Modulus and exponent of the issuer's key with this id."""
    try:
        address = fetch(f"{issuer}/.well-known/openid-configuration")["jwks_uri"]
        for key in fetch(address)["keys"]:
            if key["kid"] == wanted and key["kty"] == "RSA":
                return _number(key["n"]), _number(key["e"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"Couldn't retrieve verification key from your identity provider: {error}"
        raise TokenError("IDPCommunicationError", message) from None
    raise _invalid("Couldn't find the key that signed the token among your identity provider's")


def _signed(message: bytes, signature: bytes, key: tuple[int, int], algorithm: object) -> bool:
    modulus, exponent = key
    size = (modulus.bit_length() + 7) // 8
    if algorithm != "RS256" or len(signature) != size:
        return False
    digest = _SHA256_INFO + hashlib.sha256(message).digest()
    padded = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
    return hmac.compare_digest(pow(int.from_bytes(signature, "big"), exponent, modulus).to_bytes(size, "big"), padded)


def _check_time(claims: Mapping[str, Any], now: float) -> None:
    begin, end = claims.get("nbf", 0), claims.get("exp")
    if not isinstance(begin, int | float) or not isinstance(end, int | float):
        raise _invalid("The ID Token provided is not a valid JWT")
    if now > end:
        raise TokenError("ExpiredTokenException", f"Token expired: current date/time {now:.0f} must be before {end}")
    if now + LEEWAY < begin:
        raise _invalid("The token is not valid yet")


def _invalid(message: str) -> TokenError:
    return TokenError("InvalidIdentityToken", message)


def _number(text: str) -> int:
    return int.from_bytes(_decoded(text), "big")


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
