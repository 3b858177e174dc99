"""Comparing tokens."""

import hmac


def same(given: str, expected: str) -> bool:
    """In constant time, whatever characters came in."""
    return hmac.compare_digest(given.encode(), expected.encode())
