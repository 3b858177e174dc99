"""Which versions of the tools fit."""

import pytest

from mergemaker.steps.findings import Mark
from mergemaker.steps.tool_checks import fits, tool_findings


class FakeTools:
    """`ports.Tools`."""

    def __init__(self, installed: dict[str, str], wanted: dict[str, str]) -> None:
        self._installed, self._wanted = installed, wanted

    def installed(self, tool: str) -> str | None:
        return self._installed.get(tool)

    def wanted(self, tool: str) -> str | None:
        return self._wanted.get(tool)


WANTED = {"python": ">=3.11", "boto3": "==1.43.106", "aws-cdk": "==2.1148.1"}


def test_a_version_that_does_not_fit_is_told_with_the_one_that_would() -> None:
    python, boto3, cdk = tool_findings(FakeTools({"python": "3.10.9", "boto3": "1.40.0", "aws-cdk": "3.0.0"}, WANTED))
    assert {one.mark for one in (python, boto3, cdk)} == {Mark.WRONG}
    assert python.said == "3.10.9, the project needs >=3.11"
    assert (boto3.check, boto3.said) == ("version of boto3", "1.40.0, the project needs ==1.43.106")
    assert cdk.do == "run `npm ci`"


def test_versions_that_fit_and_a_cdk_that_is_not_there_are_fine() -> None:
    found = tool_findings(FakeTools({"python": "3.12.1", "boto3": "1.43.106"}, WANTED))
    assert {one.mark for one in found} == {Mark.FINE}
    assert found[2].said == "not here: only `cdk deploy` needs it"


def test_without_a_wish_every_version_fits() -> None:
    assert {one.mark for one in tool_findings(FakeTools({"aws-cdk": "2.1"}, {}))} == {Mark.FINE}


@pytest.mark.parametrize(
    ("version", "wanted", "fit"),
    [
        ("3.9.18", ">=3.11", False),
        ("3.11.0", ">=3.11", True),
        ("4.0", ">=3.11", True),
        ("1.43.10", "==1.43.106", False),
        ("1.43.106", "==1.43.106", True),
        ("2.1148.10", "==2.1148.1", False),
    ],
)
def test_versions_are_compared_as_numbers(version: str, wanted: str, fit: bool) -> None:
    assert fits(version, wanted) is fit
