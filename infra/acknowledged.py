"""Findings of the gates that are as they should be here, each with the reason why, beside the construct that has it.

The gates are tests: `tests/infra/test_gates.py`. A reason is for a stranger who audits the account, and stands in the
template, too.
"""

from collections.abc import Mapping

import aws_cdk as cdk
from constructs import Construct, IConstruct

REASONS = "acknowledged"
"""Key of a resource's metadata: finding to reason."""


def acknowledge(construct: Construct, reasons: Mapping[str, str]) -> None:
    """Finding to reason, for one resource. Ids are as the gates print them.

    Those with ``::`` are cdk-nag's, ``CKV…`` checkov's, ``parliament …`` parliament's, all others cfn-lint's.
    """
    resource = _template(construct)
    known: dict[str, str] = resource.get_metadata(REASONS) or {}
    every = {**known, **reasons}
    resource.add_metadata(REASONS, every)
    for finding, reason in reasons.items():
        if "::" in finding:
            cdk.Validations.of(resource).acknowledge(cdk.Acknowledgment(id=finding, reason=reason))
    skipped = [{"id": finding, "comment": reason} for finding, reason in every.items() if finding.startswith("CKV")]
    if skipped:
        resource.add_metadata("checkov", {"skip": skipped})
    ignored = [finding for finding in every if "::" not in finding and not finding.startswith(("CKV", "parliament "))]
    if ignored:
        resource.add_metadata("cfn-lint", {"config": {"ignore_checks": ignored}})


def _template(construct: IConstruct) -> cdk.CfnResource:
    resource = construct if isinstance(construct, cdk.CfnResource) else construct.node.default_child
    assert isinstance(resource, cdk.CfnResource), f"{construct.node.path} stands for no single resource"
    return resource
