"""Runs app.py's stacks past the rule packs of cdk-nag, without bundling; a finding makes the synthesis fail.

A process of its own, like every synthesis: jsii starts Node. Called with the settings' file and a folder for the rest.
"""

import json
import sys
from pathlib import Path

import aws_cdk as cdk
import cdk_nag

from app import read_settings
from infra.stacks import add_stacks

PACKS = (cdk_nag.AwsSolutionsChecks, cdk_nag.ServerlessChecks, cdk_nag.NIST80053R5Checks)
ROOT = Path(__file__).parents[2]


def main(settings: str, into: str) -> None:
    context = {
        **json.loads((ROOT / "cdk.json").read_text())["context"],
        "@aws-cdk/core:validateAgainstDefaultRules": False,  # CDK's own rules have a test of their own
        "aws:cdk:bundling-stacks": [],
    }
    app = cdk.App(analytics_reporting=False, context=context, outdir=into)
    cdk.Validations.of(app).add_plugins(*(pack(app) for pack in PACKS))
    add_stacks(app, read_settings(settings))
    app.synth()


if __name__ == "__main__":
    main(*sys.argv[1:])
