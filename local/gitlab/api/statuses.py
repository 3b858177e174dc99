"""Setting a commit's status."""

from local.gitlab.api.answers import Answer, bad_request, created, not_found
from local.gitlab.api.present import commit_status
from local.gitlab.api.routing import Call, Routes
from local.gitlab.statuses import STATES, Given, StatusNotFoundError, TransitionError, post_status

routes = Routes()
_LONGEST = 255


@routes("POST", "/projects/<part:id>/statuses/<part:sha>")
def set_status(call: Call, sha: str) -> Answer:
    """201, although GitLab's OpenAPI document says 200."""
    given = call.params
    name = given.text("name") or given.text("context") or "default"
    description, url = given.text("description"), given.text("target_url")
    given.require("state")
    state = given.one_of("state", STATES) or ""
    _check_lengths(name=name, description=description or "", target_url=url or "")
    if url and not url.startswith(("http://", "https://")):
        raise bad_request({"target_url": ["is blocked: Only allowed schemes are http, https"]})
    wanted = Given(
        sha=sha,
        state=state,
        name=name,
        ref=given.text("ref") or None,
        pipeline_id=given.integer("pipeline_id"),
        target_url=url,
        description=description,
        coverage=given.number("coverage"),
    )
    try:
        job = post_status(call.at, project=call.project, user=call.user, given=wanted)
    except StatusNotFoundError as error:
        raise not_found(str(error)) from None
    except TransitionError as error:
        raise bad_request(str(error)) from None
    return created(commit_status(call.at, job))


def _check_lengths(**texts: str) -> None:
    for field, text in texts.items():
        if len(text) > _LONGEST:
            raise bad_request({field: [f"is too long (maximum is {_LONGEST} characters)"]})
