"""GitLab's token as the secret holds it.

A person's secret is the token and nothing else. A secret that AWS renews is JSON, in the fields that Secrets Manager
prescribes for its type ``GitLabAccessToken`` (User Guide, managed external secrets partners). Either can be read.
"""

import json
import re

MANAGED_TYPE = "GitLabAccessToken"
ROTATION_ROLE = "token-rotation"
"""Purpose of the role under which AWS renews it."""
EVERY_DAYS = 30
LIFE_DAYS = 60
"""Of each new token. Where a renewal fails, 30 days are left, and the daily check tells 14 days before the end."""


def read_token(text: str) -> str:
    """Empty if there is none in it."""
    said = _fields(text)
    token = said.get("token") if isinstance(said, dict) else said
    return token.strip() if isinstance(token, str) else ""


def is_managed(text: str) -> bool:
    """Whether AWS could renew it."""
    said = _fields(text)
    return isinstance(said, dict) and all(said.get(name) for name in ("token", "tokenId", "gitlabUrl"))


def managed_secret(token: str, *, token_id: int, user: str, url: str) -> str:
    """What AWS takes to renew the token. `user` is the token's: the bot of a project's or group's token names it."""
    owner = re.fullmatch(r"(project|group)_([0-9]+)_bot(_.*)?", user, re.ASCII)
    whose = {f"{owner[1]}Id": owner[2]} if owner else {}
    return json.dumps({"token": token, "tokenId": str(token_id), "gitlabUrl": url, **whose})


def same_secret(one: str, other: str) -> bool:
    """Whatever the order of the fields: AWS writes them anew."""
    return _fields(one) == _fields(other)


def _fields(text: str) -> object:
    """A token alone is no JSON object."""
    text = text.strip()
    if not text.startswith("{"):
        return text
    try:
        said: object = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return said
