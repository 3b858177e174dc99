"""REST under /api/v4: each file registers its views, `create` joins them."""

from flask import Blueprint

from local.gitlab.api import (
    environments,
    issues,
    merge_requests,
    notes,
    pipelines,
    projects,
    releases,
    repository,
    statuses,
    tokens,
    uploads,
    users,
    variables,
)
from local.gitlab.api.routing import Routes, blueprint
from local.gitlab.instance import Instance

TOPICS: tuple[Routes, ...] = (
    environments.routes,
    issues.routes,
    merge_requests.routes,
    notes.routes,
    pipelines.routes,
    projects.routes,
    releases.routes,
    repository.routes,
    statuses.routes,
    tokens.routes,
    uploads.routes,
    users.routes,
    variables.routes,
)


def create(at: Instance) -> Blueprint:
    return blueprint(at, TOPICS)
