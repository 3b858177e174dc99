"""From settings to stacks."""

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from infra.arns import Arns
from infra.code import lambda_code
from infra.data import DataStack
from infra.identity import IdentityStack
from infra.platform import PlatformStack
from mergemaker.domain.settings import Settings

PROJECT_TAG = "mergemaker:project"


def add_stacks(app: cdk.App, settings: Settings, *, code: lambda_.Code | None = None) -> None:
    """Adds the project's stacks to the app. `code` replaces the Lambdas' bundle, for tests."""
    names = settings.names
    arns = Arns(names)
    env = cdk.Environment(account=names.account, region=names.region)
    data = DataStack(app, f"{names.project}-data", env=env, names=names)
    platform = PlatformStack(
        app, f"{names.project}-platform", env=env, settings=settings, arns=arns, code=code or lambda_code()
    )
    platform.add_stack_dependency(data, "the functions read what is in the bucket, the table and the secret")
    IdentityStack(app, f"{names.project}-identity", env=env, gitlab=settings.gitlab, arns=arns)
    cdk.Tags.of(app).add(PROJECT_TAG, names.project)
