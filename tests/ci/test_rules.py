"""The evaluator of GitLab's rules, by the examples of GitLab's documentation."""

import pytest

from tests.ci.rules import Pipeline, holds

VARIABLES = {"SET": "value", "EMPTY": "", "BRANCH": "feature/x", "ZERO": "0"}


@pytest.mark.parametrize(
    "expression",
    [
        "$SET",
        "$ZERO",
        '$SET == "value"',
        "$SET == 'value'",
        '"value" == $SET',
        "$SET == $SET",
        "$UNSET == null",
        "$UNSET == $ALSO_UNSET",
        "$SET != null",
        '$EMPTY == ""',
        "$EMPTY != null",
        "$BRANCH =~ /^feature/",
        "$BRANCH =~ /^FEATURE/i",
        "$BRANCH =~ /feature\\/x$/",
        "$BRANCH !~ /^hotfix/",
        "$UNSET !~ /x/",
        "$UNSET && $UNSET || $SET",
        "$SET || $UNSET && $UNSET",
        "$SET && ($UNSET || $SET)",
    ],
)
def test_what_holds(expression: str) -> None:
    assert holds(expression, VARIABLES)


@pytest.mark.parametrize(
    "expression",
    [
        "$UNSET",
        "$EMPTY",
        '$UNSET == ""',
        "$EMPTY == null",
        '$SET == "other"',
        '$SET != "value"',
        "$BRANCH =~ /^hotfix/",
        "$UNSET =~ /x/",
        "$BRANCH =~ /^FEATURE/",
        "($SET || $UNSET) && $UNSET",
    ],
)
def test_what_does_not_hold(expression: str) -> None:
    assert not holds(expression, VARIABLES)


@pytest.mark.parametrize("expression", ["", "$SET =", "${SET}", "$SET $SET", "($SET", "== $SET", "SET"])
def test_what_is_no_expression_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"what is|no value|not closed"):
        holds(expression, VARIABLES)


def jobs(*rules: dict[str, object], changed: tuple[str, ...] | None = ()) -> bool:
    """Whether a job with these rules runs."""
    return "job" in Pipeline(VARIABLES, changed).jobs({"job": {"rules": list(rules)}})


def test_the_first_rule_that_applies_decides() -> None:
    assert jobs({"if": "$UNSET", "when": "never"}, {"if": "$SET"})
    assert not jobs({"if": "$SET", "when": "never"}, {"if": "$SET"})
    assert not jobs({"if": "$UNSET"})
    assert jobs({"when": "always"})


@pytest.mark.parametrize(
    ("pattern", "path", "runs"),
    [
        ("infra/**/*", "infra/a/b.py", True),
        ("infra/**/*", "infra/a.py", True),
        ("infra/**/*", "infra/.hidden", True),
        ("infra/**/*", "infrastructure/a.py", False),
        ("infra/*", "infra/a/b.py", False),
        ("app.py", "app.py", True),
        ("app.py", "lib/app.py", False),
        ("app.py", "appxpy", False),
    ],
)
def test_changes_are_paths_from_the_root(pattern: str, path: str, runs: bool) -> None:
    assert jobs({"changes": [pattern]}, changed=(path,)) is runs


def test_where_gitlab_cannot_compare_all_has_changed() -> None:
    assert jobs({"changes": ["app.py"]}, changed=None)
    assert not jobs({"changes": ["app.py"]}, changed=())


def test_what_is_compared_with_a_ref_does_not_depend_on_the_last_push() -> None:
    job = {"job": {"rules": [{"changes": {"paths": ["infra/**/*"], "compare_to": "refs/heads/main"}}]}}
    assert Pipeline({}, changed=(), compared={"refs/heads/main": ("infra/a.py",)}).jobs(job)
    assert not Pipeline({}, changed=("infra/a.py",), compared={"refs/heads/main": ()}).jobs(job)
    assert Pipeline({}, changed=("infra/a.py",)).jobs({"job": {"rules": [{"changes": {"paths": ["infra/*"]}}]}})


def test_without_any_rules_a_merge_request_has_no_jobs() -> None:
    of_a_merge_request = Pipeline({"CI_MERGE_REQUEST_ID": "1"})
    assert of_a_merge_request.jobs({"job": {}}) == {}
    assert Pipeline({}).jobs({"job": {}}) == {"job": {}}
    assert of_a_merge_request.jobs({"job": {}, "workflow": {"rules": [{"when": "always"}]}}) == {"job": {}}
    assert of_a_merge_request.jobs({"job": {}, "workflow": {"rules": [{"if": "$UNSET"}]}}) == {}
