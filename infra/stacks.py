"""From settings to stacks."""

import aws_cdk as cdk

from infra.arns import Arns
from infra.code import lambda_code
from infra.data import DataStack
from infra.identity import IdentityStack
from infra.permissions.stars import acknowledge_stars
from infra.platform import PlatformStack
from mergemaker.domain.settings import Settings

PROJECT_TAG = "mergemaker:project"


def add_stacks(app: cdk.App, settings: Settings) -> None:
    """Adds the project's stacks to the app."""
    names, arns = settings.names, Arns(settings.names)
    env = cdk.Environment(account=names.account, region=names.region)
    data = DataStack(
        app,
        f"{names.project}-data",
        env=env,
        arns=arns,
        keep=settings.keep_data,
        rotate_token=settings.gitlab.rotate_token,
    )
    platform = PlatformStack(
        app, f"{names.project}-platform", env=env, settings=settings, arns=arns, code=lambda_code()
    )
    platform.add_stack_dependency(data, "the functions read what is in the bucket, the table and the secret")
    identity = IdentityStack(app, f"{names.project}-identity", env=env, settings=settings, arns=arns)
    for stack in (data, platform, identity):
        acknowledge_stars(stack, arns)
        stack.add_stack_tag(PROJECT_TAG, names.project)
    cdk.Tags.of(app).add(PROJECT_TAG, names.project)
