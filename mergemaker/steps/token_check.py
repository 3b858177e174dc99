"""Once a day: does GitLab's token end soon? Then the project is told, in an issue, while the token can still do so.

A token that has ended is refused by GitLab: that ends in the dead-letter queue, like all that fails.
"""

from datetime import date

from mergemaker.ports import World
from mergemaker.steps.fitness import WARN_DAYS
from mergemaker.steps.issue import open_once

_TEXT = """\
The GitLab access token in the AWS secret `{secret}` ends on **{end}**. From that day on nothing is told on merge \
requests: no report, no commit status, no release.

1. Make a new project access token, with the role **Developer** and the scope **api**.
2. Run `mergemaker setup` and give it the new token.
3. Run `mergemaker doctor`: it says whether the token fits, and when it ends. Then close this issue."""


def check_token(world: World, *, today: date) -> str:
    """What was found. There is one issue for each date on which a token ends."""
    end = world.issues.token_ends()
    if end is None:
        return "the token has no end that GitLab tells of"
    days = (end - today).days
    if days > WARN_DAYS:
        return f"the token ends in {days} days"
    number = open_once(
        f"token-ends {end}",
        title=f"Mergemaker's GitLab token ends on {end}",
        text=_TEXT.format(secret=world.names.token_secret, end=end),
        world=world,
    )
    return f"the token ends in {days} days: issue #{number}"
