"""What each role may do, as statements on plain ARNs. One module per kind of role.

Nobody in CI can both train and approve; no role can pass a role but *execution*, and that only to SageMaker.
"""

from collections.abc import Mapping, Sequence

from aws_cdk import aws_iam as iam

Statements = Sequence[iam.PolicyStatement]
Conditions = Mapping[str, Mapping[str, str | list[str]]]


def allow(*actions: str, on: str | Sequence[str], when: Conditions | None = None) -> iam.PolicyStatement:
    """Actions allowed on resources; `when` holds IAM's conditions, all of which must be true."""
    resources = [on] if isinstance(on, str) else list(on)
    return iam.PolicyStatement(actions=list(actions), resources=resources, conditions=when)


def deny(*actions: str, on: Sequence[str], when: Conditions | None = None) -> iam.PolicyStatement:
    """What the patterns of other statements would let through: a star in them also stands for slashes."""
    return iam.PolicyStatement(effect=iam.Effect.DENY, actions=list(actions), resources=list(on), conditions=when)


def deny_all_but(*actions: str, on: Sequence[str]) -> iam.PolicyStatement:
    """What the patterns of other statements let through beside these resources. Allows nothing by itself."""
    return iam.PolicyStatement(effect=iam.Effect.DENY, actions=list(actions), not_resources=list(on))


def documents(statements: Statements) -> dict[str, iam.PolicyDocument]:
    """A role's one inline policy: it comes with the role, so that nothing ever runs under half of it."""
    return {"calls": iam.PolicyDocument(statements=list(statements))}
