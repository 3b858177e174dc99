"""The access token that is asked with, and the roles of members."""

from datetime import date, timedelta

from local.gitlab.api.answers import not_found
from local.gitlab.api.present import Json, user_json
from local.gitlab.api.routing import Call, Routes
from local.gitlab.instance import Instance
from local.gitlab.records import User

routes = Routes()

LIFE_DAYS = 365
"""The longest that GitLab gives a token by default."""
_OWNER = 50


@routes("GET", "/personal_access_tokens/self")
def myself(call: Call) -> Json:
    """The stand-in has one token, the bot's; like an administrator's on GitLab it may act as others (``sudo``)."""
    bot = call.at.bot()
    return {
        "id": 1,
        "name": "laptop",
        "revoked": False,
        "created_at": bot.created_at,
        "description": None,
        "scopes": ["api", "sudo"],
        "user_id": bot.id,
        "last_used_at": None,
        "active": True,
        "expires_at": end(call.at).isoformat(),
    }


@routes("GET", "/projects/<part:id>/members/all/<int:user_id>")
def member(call: Call, user_id: int) -> Json:
    """Who made the project owns it; nobody else was invited. Being an administrator makes nobody a member."""
    found = call.at.store.first(User, id=user_id)
    if found is None or found.id != call.project.creator:
        raise not_found("Member")
    return user_json(call.at, found) | {
        "access_level": _OWNER,
        "created_at": call.project.created_at,
        "expires_at": None,
        "membership_state": "active",
    }


def end(at: Instance) -> date:
    """The first day on which the token is not taken any more."""
    return date.fromisoformat(at.bot().created_at[:10]) + timedelta(days=LIFE_DAYS)
