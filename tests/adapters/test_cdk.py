"""The real CDK CLI, on stacks that lose something, and what is understood of what it prints."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.tools import CDK, tool_path
from mergemaker.adapters.cdk import CdkCli, read_diff
from mergemaker.domain.errors import ServiceError, UsageError
from mergemaker.domain.stack_diff import Fate, Loss, StackDiff

STACK = "shop-data"
WORDS = (STACK, "--exclusively", "--template", "deployed.json")


def role(*actions: str) -> dict[str, Any]:
    def policy(**said: object) -> dict[str, Any]:
        return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **said}]}

    calls = policy(Action=list(actions), Resource="arn:aws:s3:::shop/*")
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": policy(Action="sts:AssumeRole", Principal={"Service": "lambda.amazonaws.com"}),
            "Policies": [{"PolicyName": "calls", "PolicyDocument": calls}],
        },
    }


def table(name: str) -> dict[str, Any]:
    keys = {
        "AttributeDefinitions": [{"AttributeName": "job", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "job", "KeyType": "HASH"}],
    }
    return {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {"TableName": name, **keys},
        "Metadata": {"aws:cdk:path": f"{STACK}/Runs/Table/Resource"},
    }


def queue(seconds: int, words: str) -> dict[str, Any]:
    tags = [{"Key": "words", "Value": words}]
    return {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": seconds, "Tags": tags}}


DEPLOYED = {
    "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "shop"}},
    "Key": {"Type": "AWS::KMS::Key", "DeletionPolicy": "Retain"},
    "Runs": table("shop-runs"),
    "Role": role("s3:GetObject"),
    "Queue": queue(30, "as it was"),
}
NEXT = {
    "Runs": table("shop-runs-2"),
    "Role": role("s3:GetObject", "s3:DeleteObject"),
    "Queue": queue(
        60, "\n[-] AWS::S3::Bucket Fake will be destroyed\n  shop: AWS::S3::Bucket Fake will be destroyed\n"
    ),
    "Topic": {"Type": "AWS::SNS::Topic"},
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project whose app makes one stack, with the CDK CLI in the PATH."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "cdk.json").write_text(json.dumps({"app": 'cp stacks/* "$CDK_OUTDIR"', "versionReporting": False}))
    (folder / "stacks").mkdir()
    (folder / "deployed.json").write_text(json.dumps({"Resources": DEPLOYED}))
    stack = {
        "type": "aws:cloudformation:stack",
        "environment": "aws://111122223333/eu-west-1",
        "properties": {"templateFile": f"{STACK}.template.json"},
    }
    (folder / "stacks/manifest.json").write_text(json.dumps({"version": "43.0.0", "artifacts": {STACK: stack}}))
    bin_ = folder / "bin"
    bin_.mkdir()
    (bin_ / "cdk").symlink_to(CDK)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{bin_}{os.pathsep}{tool_path()}")
        patch.setenv("HOME", str(folder))
        yield folder


def compare(root: Path, resources: dict[str, Any]) -> StackDiff:
    (root / f"stacks/{STACK}.template.json").write_text(json.dumps({"Resources": resources}))
    return CdkCli(root).diff(*WORDS)


@pytest.fixture(scope="module")
def diff(root: Path) -> StackDiff:
    return compare(root, NEXT)


def test_what_is_deleted_replaced_or_left_behind_is_known_and_nothing_that_only_looks_like_it(diff: StackDiff) -> None:
    assert set(diff.losses) == {
        Loss(STACK, "AWS::S3::Bucket", "Bucket", Fate.DELETED),
        Loss(STACK, "AWS::KMS::Key", "Key", Fate.LEFT),
        Loss(STACK, "AWS::DynamoDB::Table", "Runs/Table Runs", Fate.REPLACED),
    }
    assert all(loss.holds_data for loss in diff.losses)
    assert (diff.stacks, diff.added, diff.changed) == (1, 1, 2)


def test_a_stack_that_lets_somebody_do_more_is_named(diff: StackDiff) -> None:
    assert diff.broadened == (STACK,)


def test_the_diff_is_the_clis_own(diff: StackDiff) -> None:
    assert diff.text.startswith(f"Stack {STACK}\nIAM Statement Changes\n")
    assert " └─ [~] TableName (requires replacement)" in diff.text
    assert "\x1b" not in diff.text


def test_where_nothing_differs_nothing_is_lost(root: Path) -> None:
    same = compare(root, DEPLOYED)
    assert same == StackDiff(0, 0, 0, (), (), same.text)
    assert "There were no differences" in same.text


def test_stacks_that_can_not_be_made_are_the_branchs_fault(root: Path, tmp_path: Path) -> None:
    (tmp_path / "cdk.json").write_text(json.dumps({"app": "echo 'mergemaker.toml: no name' >&2; exit 2"}))
    with pytest.raises(UsageError, match=r"(?s)cdk synth failed:.*mergemaker\.toml: no name"):
        CdkCli(tmp_path).diff()


def test_what_can_not_be_compared_is_not_taken_for_no_difference(root: Path) -> None:
    with pytest.raises(ServiceError, match=r"(?s)cdk diff failed:.*nowhere\.json"):
        CdkCli(root).diff(STACK, "--exclusively", "--template", "nowhere.json")


def test_without_the_cli_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("cdk") is None
    with pytest.raises(UsageError, match="npm ci"):
        CdkCli(tmp_path).diff()


ENDS = "✨  Number of stacks with differences: 1\n"
FOUND = "❌  Found 1 destructive change(s) (--fail-on=destructive):\n  {line}\n"


@pytest.mark.parametrize(
    ("line", "name", "fate"),
    [
        ("shop-data: AWS::S3::Bucket Bucket1 will be destroyed", "Bucket1", Fate.DELETED),
        ("shop-data: AWS::S3::Bucket A/B Bucket1 may be replaced", "A/B Bucket1", Fate.MAY_BE_REPLACED),
        ("shop-data: AWS::S3::Bucket will be destroyed will be orphaned", "will be destroyed", Fate.LEFT),
        (
            "shop-data: AWS::S3::Bucket B will be destroyed (moved to other.B, run 'cdk refactor' to keep it)",
            "B",
            Fate.DELETED,
        ),
    ],
)
def test_each_kind_of_loss_is_read(line: str, name: str, fate: Fate) -> None:
    (loss,) = read_diff(ENDS, FOUND.format(line=line), rights="").losses
    assert loss == Loss("shop-data", "AWS::S3::Bucket", name, fate)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("", ""),
        ("Number of stacks: 1\n", ""),
        (ENDS, FOUND.format(line="shop-data: AWS::S3::Bucket Bucket1 goes away")),
        (ENDS, FOUND.format(line="").rstrip()),
    ],
)
def test_other_words_than_those_that_are_known_are_no_all_clear(said: str, found: str) -> None:
    with pytest.raises(ServiceError, match="another version"):
        read_diff(said, found, rights="")


def test_what_the_cli_says_of_roles_is_no_part_of_the_diff() -> None:
    tried = "current credentials could not be used to assume 'arn:aws:iam::1:role/x', but are for the right account."
    then = "Lookup role arn:x was not assumed. Proceeding with default credentials."
    said = read_diff(f"{tried} Proceeding anyway.\n{then}\nStack a\n{ENDS}", "", rights="")
    assert said.text == f"Stack a\n{ENDS.strip()}"
