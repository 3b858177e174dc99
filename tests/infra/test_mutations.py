"""The gates, gated: each protection is taken away in turn, and the other tests of this folder have to notice.

A mutation changes the synthesised templates, not the code: what is tried is whether a check would catch it, however it
came about. The checks are the tests' own functions, called here with the changed templates.
"""

import copy
import importlib
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.infra.policies import Role, Simulator
from tests.infra.stacks import PROJECT, Stacks

Resources = dict[str, dict[str, Any]]
Templates = Mapping[str, Stacks]
"""By the name of their fixture."""
Change = Callable[[Resources], None]
GATES = (
    *("data", "functions", "key", "rules", "monitoring", "emptied", "token_secret", "roles", "identity", "conditions"),
    *("network", "image_builder", "key_matrix", "matrix"),
)
"""Test modules, the quick ones first."""
CAUGHT = 0.95


def properties(resources: Resources, kind: str, **wanted: str) -> Iterator[dict[str, Any]]:
    for one in resources.values():
        if one["Type"] == kind and wanted.items() <= one["Properties"].items():
            yield one["Properties"]


def without(kind: str, *path: str, **wanted: str) -> Change:
    """Every such resource that has something at the path loses it."""

    def change(resources: Resources) -> None:
        for one in properties(resources, kind, **wanted):
            if path[0] not in one:
                continue
            found = one
            for step in path[:-1]:
                found = found[step]
            del found[path[-1]]

    return change


def having(kind: str, value: object, *path: str, **wanted: str) -> Change:
    """Every such resource has another value at the path."""

    def change(resources: Resources) -> None:
        for one in properties(resources, kind, **wanted):
            found = one
            for step in path[:-1]:
                found = found[step]
            found[path[-1]] = value

    return change


def no_denials(kind: str) -> Change:
    def change(resources: Resources) -> None:
        for one in properties(resources, kind):
            document = one["PolicyDocument"]
            document["Statement"] = [each for each in document["Statement"] if each["Effect"] != "Deny"]

    return change


def statements(resources: Resources, role: str) -> list[dict[str, Any]]:
    (one,) = properties(resources, "AWS::IAM::Role", RoleName=f"{PROJECT}-{role}")
    return [each for policy in one["Policies"] for each in policy["PolicyDocument"]["Statement"]]


def unconditional(role: str, action: str) -> Change:
    def change(resources: Resources) -> None:
        for one in statements(resources, role):
            if action in one["Action"]:
                one.pop("Condition", None)

    return change


def everywhere(role: str, action: str) -> Change:
    def change(resources: Resources) -> None:
        for one in statements(resources, role):
            if action in one["Action"]:
                one["Resource"] = "*"

    return change


def also(role: str, action: str) -> Change:
    """A role gets one more call, on everything."""

    def change(resources: Resources) -> None:
        statements(resources, role)
        (one,) = properties(resources, "AWS::IAM::Role", RoleName=f"{PROJECT}-{role}")
        more = {"Effect": "Allow", "Action": action, "Resource": "*"}
        one["Policies"][0]["PolicyDocument"]["Statement"].append(more)

    return change


def no_deny(role: str) -> Change:
    def change(resources: Resources) -> None:
        (one,) = properties(resources, "AWS::IAM::Role", RoleName=f"{PROJECT}-{role}")
        for policy in one["Policies"]:
            kept = [each for each in policy["PolicyDocument"]["Statement"] if each["Effect"] != "Deny"]
            policy["PolicyDocument"]["Statement"] = kept

    return change


def undenied(role: str, ending: str) -> Change:
    """What a role is denied is denied no more in one folder of the models, or in what is denied of it."""

    def change(resources: Resources) -> None:
        for one in statements(resources, role):
            if one["Effect"] == "Deny" and "Resource" in one:
                one["Resource"] = [each for each in one["Resource"] if not re.search(rf"/{ending}/\*", str(each))]

    return change


def undenied_below(role: str, folder: str) -> Change:
    return undenied(role, rf"{folder}/(\*/)?(output|checkpoints)")


def anywhere(role: str) -> Change:
    """A role may write to any folder of the models that its other statements let it write to."""

    def change(resources: Resources) -> None:
        (one,) = properties(resources, "AWS::IAM::Role", RoleName=f"{PROJECT}-{role}")
        for policy in one["Policies"]:
            kept = [each for each in policy["PolicyDocument"]["Statement"] if "NotResource" not in each]
            policy["PolicyDocument"]["Statement"] = kept

    return change


def gone(kind: str, said: str) -> Change:
    """Resources that say this are not there."""

    def change(resources: Resources) -> None:
        for name in [name for name, one in resources.items() if one["Type"] == kind and said in str(one)]:
            del resources[name]

    return change


def trusting(role: str, operator: str, claim: str, value: str | None) -> Change:
    """A claim that CI's token must have is not asked for, or only for a pattern."""

    def change(resources: Resources) -> None:
        (one,) = properties(resources, "AWS::IAM::Role", RoleName=f"{PROJECT}-{role}")
        (statement,) = one["AssumeRolePolicyDocument"]["Statement"]
        key = next(each for each in statement["Condition"][operator] if each.endswith(f":{claim}"))
        del statement["Condition"][operator][key]
        if value is not None:
            statement["Condition"].setdefault("StringLike", {})[key] = value

    return change


def key_for_all(through: str) -> Change:
    def change(resources: Resources) -> None:
        (key,) = properties(resources, "AWS::KMS::Key")
        for one in key["KeyPolicy"]["Statement"]:
            if through in str(one.get("Condition", "")):
                del one["Condition"]

    return change


def unkept(kind: str) -> Change:
    def change(resources: Resources) -> None:
        for one in resources.values():
            if one["Type"] == kind:
                one["DeletionPolicy"] = "Delete"

    return change


def first_target(change_target: Callable[[dict[str, Any]], object]) -> Change:
    def change(resources: Resources) -> None:
        for one in properties(resources, "AWS::Events::Rule"):
            change_target(one["Targets"][0])

    return change


S3, ECR, SQS, LOGS = "AWS::S3::Bucket", "AWS::ECR::Repository", "AWS::SQS::Queue", "AWS::Logs::LogGroup"
RULE, LAMBDA, SOURCE, ALARM = (
    "AWS::Events::Rule",
    "AWS::Lambda::Function",
    "AWS::Lambda::EventSourceMapping",
    "AWS::CloudWatch::Alarm",
)
TOPIC, TABLE, SECRET, KEY = "AWS::SNS::Topic", "AWS::DynamoDB::Table", "AWS::SecretsManager::Secret", "AWS::KMS::Key"

MUTATIONS: dict[str, Change] = {
    # encryption and transport
    "bucket: plain HTTP is taken": no_denials("AWS::S3::BucketPolicy"),
    "queues: plain HTTP is taken": no_denials("AWS::SQS::QueuePolicy"),
    "topic: plain HTTP is taken": no_denials("AWS::SNS::TopicPolicy"),
    "bucket: not encrypted": without(S3, "BucketEncryption"),
    "queues: not encrypted": without(SQS, "KmsMasterKeyId"),
    "topic: not encrypted": without(TOPIC, "KmsMasterKeyId"),
    "table: AWS's key instead of the project's": without(TABLE, "SSESpecification", "KMSMasterKeyId"),
    "secret: AWS's key instead of the project's": without(SECRET, "KmsKeyId"),
    "log groups: not encrypted": without(LOGS, "KmsKeyId"),
    "images: not encrypted with the key": without(ECR, "EncryptionConfiguration"),
    "key: never turned over": without(KEY, "EnableKeyRotation"),
    "key: any role may read objects": key_for_all("s3."),
    "key: any role may read the secret": key_for_all("secretsmanager."),
    "key: grants to anybody": key_for_all("kms:GrantIsForAWSResource"),
    "key: any account's alarms may use it": key_for_all("aws:SourceAccount"),
    # the bucket, the images, the table
    "bucket: public access not blocked": without(S3, "PublicAccessBlockConfiguration"),
    "bucket: public policies not blocked": having(S3, False, "PublicAccessBlockConfiguration", "BlockPublicPolicy"),
    "bucket: not versioned": without(S3, "VersioningConfiguration"),
    "bucket: access lists are back": without(S3, "OwnershipControls"),
    "bucket: nothing is forgotten": without(S3, "LifecycleConfiguration"),
    "images: tags can move": having(ECR, "MUTABLE", "ImageTagMutability"),
    "images: not scanned": without(ECR, "ImageScanningConfiguration"),
    "table: no way back": without(TABLE, "PointInTimeRecoverySpecification"),
    "bucket: goes with its stack": unkept(S3),
    "images: go with their stack": unkept(ECR),
    "table: goes with its stack": unkept(TABLE),
    "key: goes with its stack": unkept(KEY),
    # events, queues, functions
    "queues: no dead letters": without(SQS, "RedrivePolicy", QueueName=f"{PROJECT}-report"),
    "rules: no dead letters": first_target(lambda target: target.pop("DeadLetterConfig")),
    "queues: seen again too soon": having(SQS, 60, "VisibilityTimeout", QueueName=f"{PROJECT}-release"),
    "queues: a batch fails as a whole": without(SOURCE, "FunctionResponseTypes"),
    "queues: as many functions as there are messages": without(SOURCE, "ScalingConfig"),
    "rules: events of any account": without(RULE, "EventPattern", "account"),
    "rules: jobs of any role": without(RULE, "EventPattern", "detail"),
    "rules: preparations are not heard": gone(RULE, "SageMaker Processing Job State Change"),
    "rules: the end of smoke runs is not heard": gone(RULE, "TrainingJobStatus"),
    "functions: too short for copying": having(LAMBDA, 60, "Timeout", FunctionName=f"{PROJECT}-start"),
    "log groups: kept for ever": without(LOGS, "RetentionInDays"),
    "functions: told a token": having(LAMBDA, "glpat-1", "Environment", "Variables", "GITLAB_TOKEN"),
    "alarms: nobody hears": without(ALARM, "AlarmActions"),
    "alarms: dead letters may pile up": having(ALARM, 1000, "Threshold", AlarmName=f"{PROJECT}-report-dead-letters"),
    "alarms: failed releases go unseen": having(ALARM, 1000, "Threshold", AlarmName=f"{PROJECT}-failed-releases"),
    # who may do what
    "submit: passes the execution role to any service": unconditional("submit", "iam:PassRole"),
    "submit: passes any role": everywhere("submit", "iam:PassRole"),
    "submit: starts jobs without the project's tag": unconditional("submit", "sagemaker:CreateTrainingJob"),
    "submit: prepares without the project's tag": unconditional("submit", "sagemaker:CreateProcessingJob"),
    "submit: replaces code": unconditional("submit", "s3:PutObject"),
    "submit: adds to inputs and to what was prepared": no_deny("submit"),
    "submit: adds to inputs": undenied("submit", "input"),
    "submit: adds to what was prepared": anywhere("submit"),
    "submit: writes anywhere": everywhere("submit", "s3:PutObject"),
    "submit: lists everything": unconditional("submit", "s3:ListBucket"),
    "submit: replaces the build's script": unconditional("submit", "codebuild:StartBuild"),
    "submit: reads any stack": everywhere("submit", "cloudformation:GetTemplate"),
    "submit: deploys": also("submit", "cloudformation:ExecuteChangeSet"),
    "submit: approves": also("submit", "sagemaker:UpdateModelPackage"),
    "submit: reads the token": also("submit", "secretsmanager:GetSecretValue"),
    "release: rejects, and approves others' packages": unconditional("release", "sagemaker:UpdateModelPackage"),
    "release: trains": also("release", "sagemaker:CreateTrainingJob"),
    "deploy: becomes any role": everywhere("deploy", "sts:AssumeRole"),
    "report: makes packages that are approved": unconditional("report-function", "sagemaker:CreateModelPackage"),
    "report: stops others' jobs": unconditional("report-function", "sagemaker:StopTrainingJob"),
    "rules: nobody looks for closed merge requests": gone(RULE, "Every 5 minutes"),
    "report: replaces what a package serves": unconditional("report-function", "s3:PutObject"),
    "release function: endpoints that reach the network": unconditional("release-function", "sagemaker:CreateModel"),
    "release function: changes others' endpoints": unconditional("release-function", "sagemaker:UpdateEndpoint"),
    "release function: alarms that call anybody": unconditional("release-function", "cloudwatch:PutMetricAlarm"),
    "execution: writes code and data": no_deny("execution"),
    "execution: writes packages": undenied_below("execution", "packages"),
    "execution: writes what was prepared": undenied_below("execution", "prepared"),
    "execution: adds requests of runs": undenied_below("execution", "code"),
    "start: replaces what was prepared": unconditional("start-function", "s3:PutObject"),
    "start: adds to snapshots": anywhere("start-function"),
    "start: adds to inputs": no_deny("start-function"),
    "start: prepares without the project's tag": unconditional("start-function", "sagemaker:CreateProcessingJob"),
    "start: deletes what was prepared": everywhere("start-function", "s3:DeleteObject"),
    "execution: reads every object": everywhere("execution", "s3:GetObject"),
    "image builder: pushes to any repository": everywhere("image-builder", "ecr:PutImage"),
    # who CI is
    "submit: any audience": trusting("submit", "StringEquals", "aud", None),
    "submit: any project": trusting("submit", "StringLike", "sub", None),
    "submit: projects that begin the same": trusting("submit", "StringLike", "sub", "project_path:group/project*"),
    "release: any branch": trusting("release", "StringEquals", "sub", "project_path:group/project:*"),
    "deploy: branches that begin the same": trusting(
        "deploy", "StringEquals", "sub", "project_path:group/project:ref_type:branch:ref:trunk*"
    ),
}
WITH_EVERYTHING: dict[str, Change] = {
    "submit: trains outside the network": unconditional("submit", "sagemaker:CreateTrainingJob"),
    "release function: serves outside the network": unconditional("release-function", "sagemaker:CreateModel"),
    "functions: outside the network": without(LAMBDA, "VpcConfig"),
    "report function: its code may use interfaces": no_deny("report-function"),
    "execution: interfaces in any subnet": everywhere("execution", "ec2:CreateNetworkInterface"),
    "rotation: any secret": everywhere("token-rotation", "secretsmanager:PutSecretValue"),
    "emptying: any bucket": everywhere("empty-function", "s3:DeleteObjectVersion"),
}
"""With a network, a token that is renewed, and data that is not kept."""
ON_GITLAB_COM: dict[str, Change] = {
    "submit: whoever has the path now": trusting("submit", "StringEquals", "project_id", None),
    "release: a branch that anybody may push to": trusting("release", "StringEquals", "ref_protected", None),
    "deploy: merge requests of forks": trusting("deploy", "StringEquals", "pipeline_source", None),
}
"""Of whose tokens STS reads more."""


@dataclass(frozen=True)
class Gate:
    """A test of this folder with one set of its parameters."""

    test: Callable[..., None]
    given: dict[str, Any]

    def catches(self, templates: Templates, simulator: Simulator) -> bool:
        fixtures = fixtures_of(templates, simulator)
        try:
            self.test(**{name: self.given.get(name, fixtures.get(name)) for name in _arguments(self.test)})
        except Exception:
            return True
        return False


def _arguments(test: Callable[..., None]) -> tuple[str, ...]:
    return test.__code__.co_varnames[: test.__code__.co_argcount]


def fixtures_of(templates: Templates, simulator: Simulator) -> dict[str, object]:
    """What `conftest.py` would give, made of these templates."""

    def role(stacks: Stacks) -> Callable[[str], Role]:
        return lambda name: Role.read(stacks, name, simulator)

    return {
        **templates,
        "simulator": simulator,
        "role": role(templates["stacks"]),
        "strict_role": role(templates["strict_stacks"]),
        "com_role": role(templates["on_gitlab_com"]),
        "key": templates["stacks"].properties(KEY)["KeyPolicy"]["Statement"],
    }


FIXTURES = {"stacks", "strict_stacks", "on_gitlab_com", "simulator", "role", "strict_role", "com_role", "key"}


def gates() -> Iterator[Gate]:
    """Tests that take nothing but the templates, each with every set of its parameters."""
    for name in GATES:
        module = importlib.import_module(f"tests.infra.test_{name}")
        for test in [one for key, one in vars(module).items() if key.startswith("test_")]:
            parameters = [list(_sets(mark)) for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
            for chosen in itertools.product(*parameters):
                given = {key: value for one in chosen for key, value in one.items()}
                wanted = set(_arguments(test)) - set(given)
                if wanted and wanted <= FIXTURES:
                    yield Gate(test, given)


def _sets(mark: pytest.Mark) -> Iterator[dict[str, Any]]:
    names, values = mark.args[:2]
    split = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    for value in values:
        yield {split[0]: value} if len(split) == 1 else dict(zip(split, value, strict=True))


def mutants(templates: Templates) -> Iterator[tuple[str, Templates]]:
    changes = {"stacks": MUTATIONS, "strict_stacks": WITH_EVERYTHING, "on_gitlab_com": ON_GITLAB_COM}
    for which, name, change in [(which, *one) for which, some in changes.items() for one in some.items()]:
        before = templates[which]
        resources = copy.deepcopy(before.resources)
        change(resources)
        assert resources != before.resources, f"{name}: this changes nothing"
        yield name, {**templates, which: Stacks(before.folder, resources)}


def test_a_protection_that_is_taken_away_is_missed(
    stacks: Stacks, strict_stacks: Stacks, on_gitlab_com: Stacks, simulator: Simulator
) -> None:
    templates = {"stacks": stacks, "strict_stacks": strict_stacks, "on_gitlab_com": on_gitlab_com}
    checks = list(gates())
    assert len(checks) > 400
    loud = [one.test.__name__ for one in checks if one.catches(templates, simulator)]
    assert not loud, "nothing is wrong as it is"

    changed = dict(mutants(templates))
    unseen = []
    for name, mutant in changed.items():
        caught = next((at for at, gate in enumerate(checks) if gate.catches(mutant, simulator)), None)
        if caught is None:
            unseen.append(name)
        else:
            checks.insert(0, checks.pop(caught))  # what catches one often catches the next

    print(f"{len(changed) - len(unseen)} of {len(changed)} caught; not caught: {unseen or 'none'}")
    assert len(changed) >= 20
    assert len(changed) - len(unseen) >= CAUGHT * len(changed), unseen
