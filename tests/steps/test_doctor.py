"""`mergemaker doctor`: each thing that can be missing or broken is told, with what mends it, and nothing else is."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from mergemaker.domain.errors import RetryableError, ServiceError
from mergemaker.domain.token_secret import managed_secret
from mergemaker.ports import CiVariable, Identity, Kind, Token, Trust
from mergemaker.steps.doctor import checks, doctor
from mergemaker.steps.findings import Finding, Mark
from mergemaker.steps.fitness import ci_variables
from tests.fakes.care import GOOD, NAMES, SETTINGS, TODAY, FakeAccount, FakeProject, patient


class Ward:
    """A project that is set up and well."""

    def __init__(self) -> None:
        self.account, self.project = FakeAccount(), FakeProject()
        self.account.stored = GOOD
        self.project.set_up()

    def findings(self) -> list[Finding]:
        return list(doctor(patient(self.account, self.project)))

    def ill(self) -> list[Finding]:
        return [one for one in self.findings() if one.mark != Mark.FINE]

    def token(self, **changes: object) -> None:
        self.project.tokens[GOOD] = replace(self.project.tokens[GOOD], **changes)  # type: ignore[arg-type]


@pytest.fixture
def ward() -> Ward:
    return Ward()


def test_a_project_that_is_set_up_is_fine_in_everything(ward: Ward) -> None:
    assert ward.ill() == []
    assert len(ward.findings()) == len(checks(NAMES))


def test_every_check_has_a_name_of_its_own_and_needs_one_that_comes_before(ward: Ward) -> None:
    known: set[str] = set()
    for check in checks(NAMES):
        assert check.name not in known
        assert check.needs in known | {""}
        known.add(check.name)


def trust(ward: Ward, **changes: tuple[str, ...]) -> None:
    ward.account.trusts["shop-release"] = replace(ward.account.trusts["shop-release"], **changes)


def variable(ward: Ward, index: int, **changes: object) -> None:
    wanted = ci_variables(NAMES)[index]
    ward.project.ci[wanted.key] = replace(wanted, **changes)  # type: ignore[arg-type]


Harm = Callable[[Ward], object]
HARMS: dict[str, tuple[Harm, str, str, str]] = {
    "no bootstrap": (
        lambda w: setattr(w.account, "bootstrap", None),
        "CDK bootstrap", "not bootstrapped", "run `npx cdk bootstrap",
    ),
    "no provider": (
        lambda w: setattr(w.account, "audiences", None),
        "OIDC provider", "the account has none for gitlab.example.com", "mergemaker setup",
    ),
    "another audience": (
        lambda w: setattr(w.account, "audiences", ("https://other.example.com",)),
        "OIDC provider", "no tokens for the audience https://gitlab.example.com", "mergemaker setup",
    ),
    "no log group": (
        lambda w: w.account.log_groups.pop("/aws/sagemaker/TrainingJobs"),
        "log group /aws/sagemaker/TrainingJobs", "not there", "mergemaker setup",
    ),
    "logs for ever": (
        lambda w: w.account.log_groups.update({"/aws/sagemaker/TrainingJobs": 0}),
        "log group /aws/sagemaker/TrainingJobs", "kept for ever", "mergemaker setup",
    ),
    "logs of preparations for ever": (
        lambda w: w.account.log_groups.update({"/aws/sagemaker/ProcessingJobs": 0}),
        "log group /aws/sagemaker/ProcessingJobs", "kept for ever", "mergemaker setup",
    ),
    "role gone": (
        lambda w: w.account.trusts.pop("shop-release"),
        "trust of role shop-release", "deleted by hand", "--revert-drift",
    ),
    "role of another host": (
        lambda w: trust(w, providers=("arn:aws:iam::111122223333:oidc-provider/gitlab.com",)),
        "trust of role shop-release", "does not trust gitlab.example.com", "cdk deploy",
    ),
    "role of another audience": (
        lambda w: trust(w, audiences=("sts.amazonaws.com",)),
        "trust of role shop-release", "no tokens for https://gitlab.example.com", "cdk deploy",
    ),
    "role of another project": (
        lambda w: trust(w, subjects=("project_path:team/shop-evil:ref_type:branch:ref:main",)),
        "trust of role shop-release", "does not trust team/shop", "cdk deploy",
    ),
    "dead letters": (
        lambda w: w.account.messages.update({"shop-report-dead": 3}),
        "dead letters of report", "3 in shop-report-dead", "redrive them to shop-report",
    ),
    "stuck": (
        lambda w: w.account.ages.update({"shop-start": 31 * 60}),
        "backlog of start", "31 minutes old", "/aws/lambda/shop-start",
    ),
    "expires soon": (
        lambda w: w.token(expires=TODAY + timedelta(days=14)),
        "token's end", "expires in 14 days, on 2026-03-15", "mergemaker setup",
    ),
    "no api scope": (
        lambda w: w.token(scopes=("read_api",)),
        "token's scope", "read_api: api is missing", "mergemaker setup",
    ),
    "a guest": (
        lambda w: w.token(level=20),
        "token's role", "has the role Reporter, less than Developer", "mergemaker setup",
    ),
    "another project": (
        lambda w: setattr(w.project, "state", replace(w.project.state, path="team/other")),
        "GitLab project", "project 5 is 'team/other'", "correct it there",
    ),
    "no member": (
        lambda w: w.token(level=0),
        "token's role", "mergemaker-bot is no member of project 5", "correct gitlab.project_id",
    ),
    "a secret that waits for its deletion": (
        lambda w: setattr(w.account, "deleted", True),
        "secret shop/gitlab-token", "marked for deletion", "restore-secret --secret-id shop/gitlab-token`, then",
    ),
    "no such branch": (
        lambda w: w.project.protected.clear(),
        "default branch", "there is no branch main", "push it",
    ),
    "an open branch": (
        lambda w: w.project.protected.update(main=False),
        "default branch", "main is not protected", "Protected branches",
    ),
    "no variable": (
        lambda w: w.project.ci.pop("MERGEMAKER_SUBMIT_ROLE_ARN"),
        "CI variable MERGEMAKER_SUBMIT_ROLE_ARN", "not set", "mergemaker setup",
    ),
    "another role": (
        lambda w: variable(w, 0, value="arn:aws:iam::111122223333:role/other"),
        "CI variable MERGEMAKER_SUBMIT_ROLE_ARN", "another value", "role/shop-submit, not protected",
    ),
    "a submit role that merge requests don't see": (
        lambda w: variable(w, 0, protected=True),
        "CI variable MERGEMAKER_SUBMIT_ROLE_ARN", "merge requests don't see it", "mergemaker setup",
    ),
    "a release role that every branch sees": (
        lambda w: variable(w, 1, protected=False),
        "CI variable MERGEMAKER_RELEASE_ROLE_ARN", "every branch sees it", "mergemaker setup",
    ),
    "merging what failed": (
        lambda w: setattr(w.project, "state", replace(w.project.state, pipelines_must_succeed=False)),
        "pipelines must succeed", "off", "mergemaker setup",
    ),
}  # fmt: skip


@pytest.mark.parametrize("harm", sorted(HARMS))
def test_what_is_wrong_is_told_once_with_what_mends_it(ward: Ward, harm: str) -> None:
    do_harm, check, said, do = HARMS[harm]
    do_harm(ward)
    (found,) = [one for one in ward.findings() if one.mark == Mark.WRONG]
    assert found.check == check
    assert said in found.said
    assert do in f"{found.said}: {found.do}"


@pytest.mark.parametrize("kind", ["bucket", "table", "repository", "secret", "image builder", "role", "function"])
def test_what_the_stacks_should_have_made_is_told_by_name(ward: Ward, kind: str) -> None:
    gone = next(one for one in sorted(ward.account.there) if one[0] == kind)
    ward.account.there.discard(gone)
    (found,) = [one for one in ward.findings() if one.mark == Mark.WRONG]
    assert (found.check, found.do) == (f"{kind} {gone[1]}", "run `npx cdk deploy --all --revert-drift`")
    assert found.said == "deleted by hand, or newer than the last deploy"
    assert {one.because for one in ward.ill() if one != found} <= {found.check}


def test_a_queue_that_is_gone_is_not_called_empty(ward: Ward) -> None:
    ward.account.there.discard(("queue", "shop-report"))
    marks = {one.check: one.mark for one in ward.ill()}
    assert marks == {"queue shop-report": Mark.WRONG, "backlog of report": Mark.UNKNOWN}


@pytest.mark.parametrize("minutes", [0, 20, 30])
def test_a_message_that_is_still_being_tried_is_no_stuck_queue(ward: Ward, minutes: int) -> None:
    ward.account.ages["shop-report"] = minutes * 60
    assert ward.ill() == []


@pytest.mark.parametrize(
    "token",
    [Token("bot", ("api",), None, level=30), Token("bot", ("api", "read_api"), date(2026, 3, 16), level=40)],
)
def test_a_token_with_time_and_rights_is_fine(ward: Ward, token: Token) -> None:
    """A Developer's token can't read CI variables: that is told, and is no fault."""
    ward.project.tokens[GOOD] = token
    ill = ward.ill()
    assert {one.mark for one in ill} <= {Mark.UNKNOWN}
    told = [(one.check, one.said) for one in ill if not one.because]
    assert told == ([("CI variables", "a Developer's token can't read them")] if token.level < 40 else [])
    assert {one.because for one in ill if one.because} == ({"CI variables"} if token.level < 40 else set())


def test_a_gitlab_that_tells_nothing_of_its_tokens_leaves_two_questions_open(ward: Ward) -> None:
    ward.token(scopes=None, expires=None)
    assert [(one.check, one.mark) for one in ward.ill()] == [
        ("token's scope", Mark.UNKNOWN),
        ("token's end", Mark.UNKNOWN),
    ]


# One cause, one fault -----------------------------------------------------------------------


def wrong(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(one.check, one.said) for one in findings if one.mark == Mark.WRONG]


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda a: setattr(a, "who", None), "no AWS credentials"),
        (lambda a: a.fail("identity", ServiceError("AWS says ExpiredToken")), "AWS says ExpiredToken"),
        (lambda a: setattr(a, "down", RetryableError("AWS can't be reached")), "AWS can't be reached"),
        (lambda a: setattr(a, "who", Identity("999999999999", "arn")), "your AWS credentials are of account 999"),
    ],
)
def test_without_aws_one_line_says_why_and_nothing_else_is_asked(
    ward: Ward, harm: Callable[[FakeAccount], object], said: str
) -> None:
    harm(ward.account)
    found = ward.findings()
    ((check, why),) = wrong(found)
    assert check == "AWS credentials"
    assert why.startswith(said)
    assert {one.mark for one in found} == {Mark.WRONG, Mark.UNKNOWN}
    assert (ward.account.calls, ward.project.calls) == (["identity"], [])


def test_what_was_not_looked_at_names_the_first_cause(ward: Ward) -> None:
    ward.account.fail("identity", ServiceError("AWS says ExpiredToken"))
    _, *others = [one for one in ward.findings() if one.check != "version of python"]
    assert {one.because for one in others} == {"AWS credentials"}


def test_who_is_no_member_is_told_so_and_nothing_of_the_project(ward: Ward) -> None:
    ward.token(level=0)
    others = [one for one in ward.ill() if one.because == "token's role"]
    assert {"GitLab project", "default branch", "CI variables", "pipelines must succeed"} <= {o.check for o in others}
    assert ward.project.calls == ["token"] * len(ward.project.calls)


# Stacks ---------------------------------------------------------------------------------------


def of_stacks(ward: Ward) -> Finding:
    """The one fault; all that needs the stacks is not looked at."""
    (found,) = [one for one in ward.findings() if one.check == "stacks"]
    assert found.mark != Mark.FINE
    others = [one for one in ward.ill() if one != found]
    assert len(others) > 30
    assert {one.because for one in others} == {"stacks"}
    return found


def test_an_account_where_nothing_is_deployed_is_one_fault(ward: Ward) -> None:
    ward.account.stacks.clear()
    ward.account.there.clear()
    found = of_stacks(ward)
    assert (found.said, found.do) == (
        "nothing is deployed in account 111122223333, eu-west-1", "run `npx cdk deploy --all`"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("state", "first"),
    [(None, "adopt it with `npx cdk import shop-data`"), ("ROLLBACK_COMPLETE", "clear what a deploy left with")],
)
def test_data_that_was_kept_is_to_be_adopted_first(ward: Ward, state: str | None, first: str) -> None:
    ward.account.stacks = {"shop-data": state} if state else {}
    ward.account.there = {("bucket", "shop-111122223333-eu-west-1"), ("table", "shop-runs")}
    found = of_stacks(ward)
    kept = "bucket shop-111122223333-eu-west-1, table shop-runs"
    assert found.said == f"shop-data was destroyed, what holds its data was kept: {kept}"
    assert found.do.startswith(first)
    assert "`npx cdk import shop-data`, then run `npx cdk deploy --all`" in found.do


@pytest.mark.parametrize(
    ("there", "do"),
    [
        (
            {("secret", "shop/gitlab-token")},
            "run `aws secretsmanager delete-secret --secret-id shop/gitlab-token --force",
        ),
        ({("secret", "shop/gitlab-token"), ("table", "shop-runs")}, "run `aws secretsmanager restore-secret"),
    ],
)
def test_a_secret_whose_name_is_still_taken_is_told(ward: Ward, there: set[tuple[Kind, str]], do: str) -> None:
    ward.account.stacks.clear()
    ward.account.there, ward.account.deleted = there, True
    assert of_stacks(ward).do.startswith(do)


@pytest.mark.parametrize(
    ("state", "said", "do"),
    [
        (None, "shop-platform is not there", "run `npx cdk deploy --all`"),
        (
            "UPDATE_ROLLBACK_FAILED",
            "shop-platform is UPDATE_ROLLBACK_FAILED",
            "describe-stack-events --stack-name shop-pl",
        ),
        ("DELETE_FAILED", "shop-platform is DELETE_FAILED", "describe-stack-events --stack-name shop-platform"),
        ("UPDATE_IN_PROGRESS", "shop-platform is UPDATE_IN_PROGRESS", "wait until that has ended"),
    ],
)
def test_a_stack_that_is_not_whole_is_named(ward: Ward, state: str | None, said: str, do: str) -> None:
    del ward.account.stacks["shop-platform"]
    if state:
        ward.account.stacks["shop-platform"] = state
    found = of_stacks(ward)
    assert found.said == said
    assert do in found.do
    assert found.mark == (Mark.UNKNOWN if state == "UPDATE_IN_PROGRESS" else Mark.WRONG)


@pytest.mark.parametrize(
    "state", ["UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"]
)
def test_a_stack_that_is_whole_will_do_whatever_happened_to_its_last_change(ward: Ward, state: str) -> None:
    ward.account.stacks["shop-data"] = state
    assert ward.ill() == []


def test_who_may_not_see_the_stacks_is_told_and_nothing_is_called_wrong(ward: Ward) -> None:
    ward.account.fail("stack", ServiceError("AWS says AccessDenied: you need cloudformation:DescribeStacks"))
    ill = ward.ill()
    assert ill[0].said == "can't be told: AWS says AccessDenied: you need cloudformation:DescribeStacks"
    assert {one.mark for one in ill} == {Mark.UNKNOWN}


def test_an_empty_secret_is_one_fault(ward: Ward) -> None:
    ward.account.stored = None
    assert wrong(ward.findings()) == [
        ("stored token", "shop/gitlab-token holds none: nothing reaches the merge requests")
    ]


@pytest.mark.parametrize("stored", ["", " ", "{", "{}", '{"token": ""}', '{"token": 3}', '{"a":' * 100_000])
def test_a_secret_without_a_token_in_it_is_one_fault(ward: Ward, stored: str) -> None:
    ward.account.stored = stored
    assert len(wrong(ward.findings())) == 1


def test_a_token_that_aws_can_not_renew_is_told_where_it_should(ward: Ward) -> None:
    settings = replace(SETTINGS, gitlab=replace(SETTINGS.gitlab, rotate_token=True))
    rotating = replace(patient(ward.account, ward.project), settings=settings)
    (found,) = wrong(list(doctor(rotating)))
    assert found == ("stored token", "shop/gitlab-token holds it in a form that AWS can't renew")
    ward.account.stored = managed_secret(GOOD, token_id=3, user="project_5_bot", url=SETTINGS.gitlab.url)
    assert wrong(list(doctor(rotating))) == [("stored token", "AWS does not renew shop/gitlab-token")]
    ward.account.renewal = 30
    assert {one.mark for one in doctor(replace(rotating))} == {Mark.FINE}


def test_a_token_that_gitlab_refuses_is_one_fault(ward: Ward) -> None:
    ward.account.stored = "glpat-old"
    assert wrong(ward.findings()) == [("GitLab token", "GitLab refuses it: it is wrong, expired or revoked")]


def test_a_gitlab_that_can_not_be_reached_is_not_blamed_on_the_token(ward: Ward) -> None:
    ward.project.down = RetryableError("https://gitlab.example.com can't be reached")
    (found,) = [one for one in ward.findings() if one.mark == Mark.WRONG]
    assert (found.check, found.do) == (
        "GitLab token", "see that https://gitlab.example.com is up, and reached from here"
    )  # fmt: skip


ACCOUNT_CALLS = (
    "bootstrap_version", "exists", "provider_audiences", "log_days", "trust", "waiting", "oldest_seconds", "secret",
)  # fmt: skip


@pytest.mark.parametrize("call", ACCOUNT_CALLS)
def test_what_may_not_be_seen_is_told_and_stops_no_other_check(ward: Ward, call: str) -> None:
    ward.account.fail(call, ServiceError("AWS says AccessDenied"))
    found = ward.findings()
    assert len(found) == len(checks(NAMES))
    first = next(one for one in found if one.mark != Mark.FINE)
    assert (first.mark, first.said) == (Mark.UNKNOWN, "can't be told: AWS says AccessDenied")
    assert wrong(found) == []
    assert len([one for one in found if one.mark == Mark.FINE]) > len(found) / 2


def test_only_the_variables_own_checks_suffer_where_they_can_not_be_read(ward: Ward) -> None:
    ward.project.fail("variables", ServiceError("GitLab says 403"))
    (found, *others) = ward.ill()
    assert (found.check, found.mark, found.said) == ("CI variables", Mark.UNKNOWN, "can't be told: GitLab says 403")
    assert {(one.check.partition(" ")[0], one.because) for one in others} == {("CI", "CI variables")}


def test_a_variable_with_the_right_value_for_another_key_does_not_count(ward: Ward) -> None:
    ward.project.ci = {"OTHER": CiVariable("OTHER", NAMES.role_arn("submit"), protected=False)}
    assert [check for check, _ in wrong(ward.findings())] == [
        "CI variable MERGEMAKER_SUBMIT_ROLE_ARN",
        "CI variable MERGEMAKER_RELEASE_ROLE_ARN",
        "CI variable MERGEMAKER_DEPLOY_ROLE_ARN",
        "CI variable MERGEMAKER_REGION",
    ]


def test_a_role_that_trusts_nobody_is_not_called_fine(ward: Ward) -> None:
    ward.account.trusts["shop-submit"] = Trust((), (), ())
    assert [check for check, _ in wrong(ward.findings())] == ["trust of role shop-submit"]
