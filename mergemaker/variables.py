"""The environment variables of the Lambdas: the stack sets them, the handlers read them, the names exist only here.

None holds a secret. The region comes from Lambda itself.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from enum import StrEnum
from typing import Any

from mergemaker.domain.errors import UsageError
from mergemaker.domain.settings import MODELS, Alarms, Environment, GitLab, Network, Settings


class Variable(StrEnum):
    """Name of an environment variable."""

    PROJECT = "MERGEMAKER_PROJECT"
    GITLAB = "MERGEMAKER_GITLAB"
    ENVIRONMENTS = "MERGEMAKER_ENVIRONMENTS"
    MODELS = "MERGEMAKER_MODELS"
    NETWORK = "MERGEMAKER_NETWORK"
    ALARMS = "MERGEMAKER_ALARMS"


def lambda_environment(settings: Settings) -> dict[str, str]:
    """What a Lambda is told of the settings: what only a deploy can change is left out."""
    return {
        Variable.PROJECT: settings.project,
        Variable.GITLAB: json.dumps(asdict(settings.gitlab)),
        Variable.ENVIRONMENTS: json.dumps([asdict(environment) for environment in settings.environments]),
        Variable.MODELS: settings.models,
        Variable.NETWORK: json.dumps(asdict(settings.network)),
        Variable.ALARMS: json.dumps(asdict(settings.alarms)),
    }


def read_environment(environ: Mapping[str, str]) -> Settings:
    """What `lambda_environment` wrote of the settings. Raises UsageError if they are not there or not whole."""
    try:
        settings = Settings(
            project=environ[Variable.PROJECT],
            gitlab=GitLab(**_known(GitLab, json.loads(environ[Variable.GITLAB]))),
            environments=tuple(
                Environment(**_known(Environment, one)) for one in json.loads(environ[Variable.ENVIRONMENTS])
            ),
            models=environ.get(Variable.MODELS, MODELS),  # not there before it was a setting
            network=Network(**_tuples(_known(Network, json.loads(environ[Variable.NETWORK])))),
            alarms=Alarms(**_known(Alarms, json.loads(environ[Variable.ALARMS]))),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"the function's environment is not as `cdk deploy` sets it: {error!r}") from None
    if not settings.environments:
        raise UsageError("the function's environment is not as `cdk deploy` sets it: no environments")
    return settings


def _known(shape: type, values: dict[str, Any]) -> dict[str, Any]:
    """Only the fields of `shape`: while a deployment is on, a function may see the next version's environment."""
    names = {field.name for field in fields(shape)}
    return {key: value for key, value in values.items() if key in names}


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    """JSON knows lists only."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
