"""The bundle as CDK sees it: an asset that is named by its sources' digest and built only when a stack needs it."""

from pathlib import Path
from typing import Any

import aws_cdk as cdk
import jsii
from aws_cdk import aws_lambda as lambda_

from infra import bundle


@jsii.implements(cdk.ILocalBundling)
class _LocalBundling:
    """Builds without Docker."""

    def __init__(self, python: Path) -> None:
        self._python = python

    def try_bundle(self, output_dir: str, *_options: Any, **_more: Any) -> bool:
        bundle.build(bundle.ROOT, Path(output_dir), python=self._python)
        return True


def lambda_code() -> lambda_.Code:
    """One bundle for all functions: they share most of it, and it is built and uploaded once."""
    python = bundle.compiler()
    return lambda_.Code.from_asset(
        str(bundle.ROOT / "lambdas"),
        asset_hash=bundle.digest(bundle.ROOT, python=python),
        asset_hash_type=cdk.AssetHashType.CUSTOM,
        bundling=cdk.BundlingOptions(
            image=cdk.DockerImage.from_registry("never-used"),  # required by the type; the local way always succeeds
            local=_LocalBundling(python),
        ),
    )
