"""app.py from the outside: settings in, templates out."""

import json
import re
from pathlib import Path

import pytest

from app import read_settings
from bench.synth import MOST_RESOURCES, project, resources, templates, with_models
from mergemaker.domain.errors import UsageError
from tests.infra.conftest import run_app
from tests.infra.stacks import ACCOUNT, PROJECT, REGION, SETTINGS, Stacks


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (SETTINGS.replace('name = "demo"', 'name = "Demo!"'), ":3: project.name: 'Demo!' is not a name"),
        (SETTINGS.replace('account = "111122223333"', 'account = "1"'), "account: an AWS account has 12 digits"),
        ("[project", "not valid TOML"),
        (b"\xff", "not UTF-8"),
        (None, "cannot read the settings"),
    ],
    ids=["a wrong name", "a wrong account", "no TOML", "no text", "no file"],
)
def test_wrong_settings_are_a_usage_error(tmp_path: Path, text: str | bytes | None, complaint: str) -> None:
    settings = tmp_path / "mergemaker.toml"
    if text is not None:
        settings.write_bytes(text.encode() if isinstance(text, str) else text)

    with pytest.raises(UsageError) as caught:
        read_settings(str(settings))
    assert complaint in str(caught.value)
    assert str(caught.value).startswith(str(settings))


def test_wrong_settings_end_the_app_without_a_traceback(tmp_path: Path) -> None:
    settings = tmp_path / "mergemaker.toml"
    settings.write_text("[project")
    run = run_app(settings, tmp_path / "cdk.out")

    assert run.returncode == 2
    assert run.stderr.startswith(f"{settings}: not valid TOML")
    assert "Traceback" not in run.stderr
    assert not list((tmp_path / "cdk.out").glob("*.template.json"))


def test_every_stack_is_bound_to_the_settings_account_and_region(stacks: Stacks) -> None:
    artifacts = json.loads((stacks.folder / "manifest.json").read_text())["artifacts"]
    bound = {name: one["environment"] for name, one in artifacts.items() if one["type"] == "aws:cloudformation:stack"}

    assert bound == {f"{PROJECT}-{part}": f"aws://{ACCOUNT}/{REGION}" for part in ("data", "platform", "identity")}


def test_every_stack_and_resource_that_can_be_tagged_carries_the_project(stacks: Stacks) -> None:
    artifacts = json.loads((stacks.folder / "manifest.json").read_text())["artifacts"]
    tag = {"Key": "mergemaker:project", "Value": PROJECT}
    untaggable = {
        "AWS::S3::BucketPolicy",
        "AWS::SQS::QueuePolicy",
        "AWS::CDK::Metadata",
        "AWS::KMS::Alias",
        "AWS::SNS::TopicPolicy",
    }

    for name in (f"{PROJECT}-data", f"{PROJECT}-platform", f"{PROJECT}-identity"):
        assert artifacts[name]["properties"]["tags"] == {"mergemaker:project": PROJECT}
    for name, one in stacks.resources.items():
        assert one["Type"] in untaggable or tag in one["Properties"].get("Tags", []), f"{name}: {one['Type']}"


def test_the_templates_know_nothing_of_the_machine_that_made_them(stacks: Stacks) -> None:
    text = "".join(path.read_text() for path in stacks.folder.glob("*.template.json"))

    assert str(Path.home()) not in text
    assert str(Path(__file__).parents[2]) not in text
    assert "127.0.0.1" not in text
    assert "localhost" not in text


def test_stacks_share_the_keys_address_and_nothing_else_so_each_can_be_replaced_alone(stacks: Stacks) -> None:
    """A log group knows its key by nothing but the ARN. The key itself is never replaced."""
    exports = []
    for path in stacks.folder.glob("*.template.json"):
        template = json.loads(path.read_text())
        exports += [one["Export"]["Name"] for one in template.get("Outputs", {}).values()]
        assert set(re.findall(r'"Fn::ImportValue": "(.*)"', path.read_text())) <= {f"{PROJECT}-key"}
        assert template["Parameters"].keys() == {"BootstrapVersion"}
    assert exports == [f"{PROJECT}-key"]


def test_nothing_is_deployed_by_a_custom_resource(stacks: Stacks) -> None:
    types = {one["Type"] for one in stacks.resources.values()}

    assert not [kind for kind in types if kind.startswith(("Custom::", "AWS::CloudFormation::"))]


def test_a_thousand_models_give_the_very_templates_that_two_give(stacks: Stacks, tmp_path: Path) -> None:
    """What belongs to a model is made by its first run and its first merge, not by a deploy. Nor is anything asked of
    the clock or git."""
    checkout = with_models(project(tmp_path / "base"), tmp_path / "checkout", 1000)
    (checkout / "mergemaker.toml").write_text(SETTINGS)
    run = run_app(Path("mergemaker.toml"), tmp_path / "cdk.out", validate=False, root=checkout)

    assert run.returncode == 0, run.stderr
    assert len(list((checkout / "models").glob("*/model.toml"))) == 1000
    assert templates(tmp_path / "cdk.out") == templates(stacks.folder)


def test_no_stack_comes_near_cloudformations_limit(stacks: Stacks) -> None:
    counts = {name: resources(template) for name, template in templates(stacks.folder).items()}

    assert len(counts) == 3
    assert max(counts.values()) <= MOST_RESOURCES, counts
