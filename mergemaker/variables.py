"""The environment variables of the Lambdas: the stack sets them, the handlers read them, the names exist only here."""

from enum import StrEnum


class Variable(StrEnum):
    """Name of an environment variable. None holds a secret."""

    PROJECT = "MERGEMAKER_PROJECT"
    ACCOUNT = "MERGEMAKER_ACCOUNT"
    ENVIRONMENTS = "MERGEMAKER_ENVIRONMENTS"
    """Names of the environments, in order, joined by commas."""
    GITLAB_URL = "MERGEMAKER_GITLAB_URL"
    GITLAB_PROJECT_ID = "MERGEMAKER_GITLAB_PROJECT_ID"
