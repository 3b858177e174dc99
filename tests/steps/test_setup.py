"""`mergemaker setup`: looks before it changes, changes what differs, and says what it did."""

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest

from mergemaker.domain.errors import RefusedError, RetryableError, ServiceError, UsageError
from mergemaker.ports import CiVariable, Identity, Token
from mergemaker.steps.setup import setup
from tests.fakes.care import GOOD, NAMES, SETTINGS, TODAY, FakeAccount, FakeProject

SUBMIT, RELEASE = "MERGEMAKER_SUBMIT_ROLE_ARN", "MERGEMAKER_RELEASE_ROLE_ARN"
DEPLOY, REGION = "MERGEMAKER_DEPLOY_ROLE_ARN", "MERGEMAKER_REGION"
PROVIDER = "OIDC provider for https://gitlab.example.com"
TRAINING, PROCESSING = "/aws/sagemaker/TrainingJobs", "/aws/sagemaker/ProcessingJobs"
LOGS = f"log group {TRAINING}, kept for a time"
CHANGING = {
    "store_secret", "set_variable", "require_pipelines", "create_provider", "add_audience", "keep_logs",
}  # fmt: skip


class Setting:
    """One run after another over the same account and project."""

    def __init__(self) -> None:
        self.account, self.project, self.settings = FakeAccount(), FakeProject(), SETTINGS
        self.account.audiences = None
        self.account.log_groups.clear()
        self.asked: list[str] = []

    def up(self, *answers: str) -> dict[str, str]:
        """What became of each item. Answers that are not given are empty."""
        left = list(answers)
        self.asked.clear()

        def ask(prompt: str) -> str:
            self.asked.append(prompt)
            return f"{left.pop(0)}\n" if left else ""

        items = list(setup(self.settings, account=self.account, connect=self.project.seen_with, ask=ask, today=TODAY))
        return {item.what: item.how for item in items}

    def refused(self, *answers: str) -> str:
        """Why; then nothing may have changed."""
        before = (self.account.stored, dict(self.project.ci), self.project.state)
        with pytest.raises((RefusedError, UsageError, ServiceError)) as caught:
            self.up(*answers)
        assert not CHANGING & {*self.account.calls, *self.project.calls}
        assert (self.account.stored, self.project.ci, self.project.state) == before
        return str(caught.value)


@pytest.fixture
def setting() -> Setting:
    return Setting()


def test_the_first_time_everything_is_made(setting: Setting) -> None:
    done = setting.up(GOOD)
    assert done == {
        "AWS account 111122223333, bootstrap version 21": "was fine",
        "stacks shop-data, shop-platform, shop-identity": "was fine",
        "GitLab token of mergemaker-bot in the secret shop/gitlab-token": "made",
        f"CI variable {SUBMIT}": "made",
        f"CI variable {RELEASE}": "made",
        f"CI variable {DEPLOY}": "made",
        f"CI variable {REGION}": "made",
        '"pipelines must succeed"': "changed",
        PROVIDER: "made",
        LOGS: "made",
        f"log group {PROCESSING}, kept for a time": "made",
    }
    assert setting.account.stored == GOOD
    assert setting.project.ci == {
        SUBMIT: CiVariable(SUBMIT, "arn:aws:iam::111122223333:role/shop-submit", protected=False),
        RELEASE: CiVariable(RELEASE, "arn:aws:iam::111122223333:role/shop-release", protected=True),
        DEPLOY: CiVariable(DEPLOY, "arn:aws:iam::111122223333:role/shop-deploy", protected=True),
        REGION: CiVariable(REGION, "eu-west-1", protected=False),
    }
    assert setting.project.state.pipelines_must_succeed
    assert setting.account.audiences == ("https://gitlab.example.com",)
    assert setting.account.log_groups == {TRAINING: 90, PROCESSING: 90}


@pytest.mark.parametrize("answer", [GOOD, ""])
def test_once_more_changes_nothing(setting: Setting, answer: str) -> None:
    """An empty answer keeps the stored token."""
    setting.up(GOOD)
    setting.account.calls.clear()
    setting.project.calls.clear()
    assert set(setting.up(answer).values()) == {"was fine"}
    assert not CHANGING & {*setting.account.calls, *setting.project.calls}


def test_what_failed_half_way_is_completed_by_the_next_run(setting: Setting) -> None:
    setting.project.fail("set_variable", ServiceError("CI variable: GitLab says 500"))
    with pytest.raises(ServiceError):
        setting.up(GOOD)
    assert setting.up("")[f"CI variable {RELEASE}"] == "made"
    assert setting.project.state.pipelines_must_succeed


def test_another_token_replaces_the_stored_one(setting: Setting) -> None:
    setting.up(GOOD)
    setting.project.tokens["glpat-new"] = replace(setting.project.tokens[GOOD], user="other-bot")
    assert setting.up("glpat-new")["GitLab token of other-bot in the secret shop/gitlab-token"] == "changed"
    assert setting.account.stored == "glpat-new"


@pytest.mark.parametrize(
    "wrong",
    [
        CiVariable(RELEASE, "arn:aws:iam::111122223333:role/other", protected=True),
        CiVariable(RELEASE, "arn:aws:iam::111122223333:role/shop-release", protected=False),
    ],
)
def test_a_variable_that_differs_is_changed_and_the_others_are_left(setting: Setting, wrong: CiVariable) -> None:
    setting.up(GOOD)
    setting.project.ci[RELEASE] = wrong
    done = setting.up()
    assert (done[f"CI variable {SUBMIT}"], done[f"CI variable {RELEASE}"]) == ("was fine", "changed")
    assert setting.project.ci[RELEASE].value == NAMES.role_arn("release")
    assert setting.project.ci[RELEASE].protected


# A token with the rights of a Developer: the better one to keep ------------------------------


@pytest.fixture
def weak(setting: Setting) -> str:
    token = "glpat-weak"
    setting.project.tokens[token] = replace(setting.project.tokens[GOOD], user="weak-bot", level=30)
    return token


def test_a_maintainers_token_sets_the_variables_and_is_not_kept(setting: Setting, weak: str) -> None:
    assert "not done" not in setting.up(weak, GOOD).values()
    assert setting.account.stored == weak
    assert set(setting.project.ci) == {SUBMIT, RELEASE, DEPLOY, REGION}
    assert len(setting.asked) == 2


def test_without_a_maintainers_token_it_says_what_is_left_to_do(setting: Setting, weak: str) -> None:
    items = list(
        setup(
            SETTINGS,
            account=setting.account,
            connect=setting.project.seen_with,
            ask=lambda prompt: "" if "Maintainer" in prompt else weak,
            today=TODAY,
        )
    )
    assert [item.how for item in items][2:] == ["made", *["not done"] * 5, *["made"] * 3]
    assert "sets it to arn:aws:iam::111122223333:role/shop-submit, not protected" in items[3].do
    assert "sets it to arn:aws:iam::111122223333:role/shop-release, protected" in items[4].do
    assert "sets it to eu-west-1, not protected" in items[6].do
    assert "Merge checks" in items[7].do
    assert setting.project.ci == {}


def test_of_two_tokens_it_says_which_is_wrong(setting: Setting, weak: str) -> None:
    assert setting.refused(weak, "glpat-wrong").startswith("the second token: GitLab refuses it")
    setting.project.tokens["glpat-narrow"] = replace(setting.project.tokens[GOOD], scopes=("read_api",))
    assert setting.refused(weak, "glpat-narrow").startswith("the second token has the scopes read_api, not api")
    setting.account.stored = "glpat-old"
    assert setting.refused("", GOOD).startswith("the stored token: GitLab refuses it")


def test_a_gitlab_that_is_down_is_blamed_on_no_token(setting: Setting) -> None:
    setting.project.fail("token", RetryableError("https://gitlab.example.com can't be reached: connection refused"))
    assert setting.refused(GOOD) == "https://gitlab.example.com can't be reached: connection refused"


@pytest.mark.parametrize(("days", "warned"), [(14, True), (15, False)])
def test_a_token_that_ends_soon_is_stored_and_told(setting: Setting, days: int, warned: bool) -> None:
    setting.project.tokens[GOOD] = replace(setting.project.tokens[GOOD], expires=TODAY + timedelta(days=days))
    items = list(
        setup(SETTINGS, account=setting.account, connect=setting.project.seen_with, ask=lambda _: GOOD, today=TODAY)
    )
    (item,) = [one for one in items if one.what.startswith("GitLab token")]
    assert (item.how, setting.account.stored) == ("made", GOOD)
    assert item.do.startswith("it expires in 14 days, on 2026-03-15: make one") if warned else item.do == ""


def test_a_second_token_that_is_no_maintainers_is_refused(setting: Setting, weak: str) -> None:
    assert "weak-bot is no Maintainer of team/shop" in setting.refused(weak, weak)


# What other projects of the account use, too ---------------------------------------------------


def test_a_provider_that_takes_no_tokens_for_this_gitlab_learns_to_and_keeps_what_it_took(setting: Setting) -> None:
    others: tuple[str, ...] = ("sts.amazonaws.com",)
    setting.account.audiences = others
    assert setting.up(GOOD)[PROVIDER] == "changed"
    assert setting.account.audiences == (*others, "https://gitlab.example.com")
    assert setting.up(GOOD)[PROVIDER] == "was fine"


@pytest.mark.parametrize("group", [TRAINING, PROCESSING])
@pytest.mark.parametrize(("days", "how", "then"), [(0, "changed", 90), (7, "was fine", 7), (3653, "was fine", 3653)])
def test_logs_that_are_kept_for_ever_get_an_end_and_a_time_that_somebody_chose_stays(
    setting: Setting, group: str, days: int, how: str, then: int
) -> None:
    setting.account.log_groups[group] = days
    assert setting.up(GOOD)[f"log group {group}, kept for a time"] == how
    assert setting.account.log_groups[group] == then


@pytest.mark.parametrize(("call", "what"), [("create_provider", PROVIDER), ("keep_logs", LOGS), ("log_days", LOGS)])
def test_who_may_not_touch_what_others_use_is_told_and_the_rest_is_done(setting: Setting, call: str, what: str) -> None:
    setting.account.fail(call, ServiceError("AWS says AccessDenied"))
    items = list(
        setup(SETTINGS, account=setting.account, connect=setting.project.seen_with, ask=lambda _: GOOD, today=TODAY)
    )
    (left,) = [item for item in items if item.how == "not done"]
    assert (left.what, left.do) == (what, "AWS says AccessDenied")
    assert setting.up(GOOD)[what] == "made"


# A token that AWS renews -----------------------------------------------------------------------


@pytest.fixture
def renewed(setting: Setting) -> Setting:
    setting.settings = replace(SETTINGS, gitlab=replace(SETTINGS.gitlab, rotate_token=True))
    setting.project.tokens[GOOD] = Token("project_5_bot_0a1b", ("api",), date(2026, 12, 31), level=40, id=31)
    return setting


SECRET = "GitLab token of project_5_bot_0a1b in the secret shop/gitlab-token"


def test_a_token_that_aws_renews_is_stored_with_what_aws_needs_for_that(renewed: Setting) -> None:
    assert renewed.up(GOOD)[SECRET] == "made"
    assert json.loads(renewed.account.stored or "") == {
        "token": GOOD, "tokenId": "31", "gitlabUrl": "https://gitlab.example.com", "projectId": "5",
    }  # fmt: skip
    assert renewed.up("")[SECRET] == "was fine"


def test_the_renewal_is_switched_on_once_there_is_a_token(renewed: Setting) -> None:
    what = "renewal of the token every 30 days"
    assert renewed.up(GOOD)[what] == "made"
    assert renewed.up("")[what] == "was fine"
    renewed.account.renewal = 7
    assert renewed.up("")[what] == "changed"


def test_a_default_branch_that_anybody_may_push_to_is_refused(setting: Setting) -> None:
    setting.project.protected["main"] = False
    assert "main is not protected: whoever may push to it can take the roles" in setting.refused(GOOD)
    del setting.project.protected["main"]
    assert setting.up(GOOD)


def test_after_aws_has_renewed_it_nothing_is_left_to_change(renewed: Setting) -> None:
    renewed.up(GOOD)
    renewed.project.tokens["glpat-next"] = replace(renewed.project.tokens[GOOD], id=32)
    fields = {"projectId": "5", "gitlabUrl": "https://gitlab.example.com", "tokenId": "32", "token": "glpat-next"}
    renewed.account.stored = json.dumps(fields, indent=1)
    assert renewed.up("")[SECRET] == "was fine"


def test_the_form_of_the_secret_follows_the_settings_without_a_new_token(renewed: Setting) -> None:
    renewed.account.stored = GOOD
    assert renewed.up("")[SECRET] == "changed"
    renewed.settings = SETTINGS
    assert renewed.up("")[SECRET] == "changed"
    assert renewed.account.stored == GOOD


def test_a_token_that_aws_could_not_renew_is_refused(renewed: Setting) -> None:
    renewed.project.tokens[GOOD] = replace(renewed.project.tokens[GOOD], id=None)
    assert "does not tell the token's number" in renewed.refused(GOOD)


def test_a_gitlab_that_aws_does_not_speak_to_is_refused(renewed: Setting) -> None:
    where = replace(renewed.settings.gitlab, url="http://gitlab.example.com")
    renewed.settings = replace(renewed.settings, gitlab=where)
    assert "AWS renews tokens over https only" in renewed.refused(GOOD)


# What is refused, before anything is changed --------------------------------------------------


def test_an_account_that_is_not_ready_is_told_with_all_that_is_missing(setting: Setting) -> None:
    setting.account.bootstrap = None
    setting.account.there.discard(("table", "shop-runs"))
    setting.account.there.discard(("secret", "shop/gitlab-token"))
    bootstrap, table, secret = setting.refused(GOOD).splitlines()
    assert bootstrap.endswith("run `npx cdk bootstrap aws://111122223333/eu-west-1`")
    assert table.startswith("table shop-runs is deleted by hand")
    assert secret.startswith("secret shop/gitlab-token is deleted by hand")
    assert setting.asked == []


def test_an_account_without_credentials_is_told_what_to_do(setting: Setting) -> None:
    setting.account.who = None
    assert setting.refused(GOOD) == "no AWS credentials: run `aws sso login`, or set AWS_PROFILE"


@pytest.mark.parametrize(
    ("state", "fault"),
    [
        (None, "shop-platform is not there: run `npx cdk deploy"),
        ("ROLLBACK_COMPLETE", "is ROLLBACK_COMPLETE: read why"),
    ],
)
def test_a_stack_that_is_missing_or_failed_is_refused(setting: Setting, state: str | None, fault: str) -> None:
    del setting.account.stacks["shop-platform"]
    if state:
        setting.account.stacks["shop-platform"] = state
    assert fault in setting.refused(GOOD)
    assert setting.asked == []


def test_a_secret_that_waits_for_its_deletion_is_refused(setting: Setting) -> None:
    setting.account.deleted = True
    assert setting.refused(GOOD) == (
        "secret shop/gitlab-token is marked for deletion: run `aws secretsmanager restore-secret --secret-id "
        "shop/gitlab-token`, then run `mergemaker setup`"
    )


def test_what_can_not_be_read_is_told_before_the_token_is_stored(setting: Setting) -> None:
    setting.project.fail("variables", ServiceError("CI variables: GitLab says 403: 403 Forbidden"))
    assert "GitLab says 403" in setting.refused(GOOD)


def test_a_bootstrap_that_is_too_old_is_told(setting: Setting) -> None:
    setting.account.bootstrap = 5
    assert "version 5, 6 or newer is needed" in setting.refused(GOOD)
    setting.account.bootstrap = 6
    assert setting.up(GOOD)


def test_credentials_of_another_account_are_refused_before_anything_is_looked_at(setting: Setting) -> None:
    setting.account.who = Identity("999999999999", "arn:aws:iam::999999999999:user/ann")
    assert "of account 999999999999, mergemaker.toml says 111122223333" in setting.refused(GOOD)
    assert setting.account.calls == ["identity"]


def test_without_any_token_it_says_which_to_make(setting: Setting) -> None:
    assert "make a project access token (role Developer, scope api)" in setting.refused("")


def test_a_token_that_gitlab_refuses_is_not_stored(setting: Setting) -> None:
    assert setting.refused("glpat-wrong").startswith("the token: GitLab refuses it")


@pytest.mark.parametrize(
    ("token", "fault"),
    [
        (Token("bot", ("read_api",), None, level=40), "the token has the scopes read_api, not api"),
        (Token("bot", (), None, level=40), "the token has the scopes none, not api"),
        (Token("bot", ("api",), None, level=20), "bot has the role Reporter, less than Developer"),
        (Token("bot", ("api",), None, level=0), "bot is no member of project 5: make a token in team/shop"),
        (Token("bot", ("api",), TODAY, level=40), "the token expires on 2026-03-01"),
    ],
)
def test_a_token_that_would_not_do_is_refused(setting: Setting, token: Token, fault: str) -> None:
    setting.project.tokens[GOOD] = token
    assert fault in setting.refused(GOOD)


@pytest.mark.parametrize(
    "token",
    [
        Token("bot", ("read_api", "api"), date(2026, 3, 2), level=40),
        Token("bot", None, None, level=50),
    ],
)
def test_a_token_that_will_do_is_taken(setting: Setting, token: Token) -> None:
    setting.project.tokens[GOOD] = token
    setting.up(GOOD)
    assert setting.account.stored == GOOD


def test_another_project_than_the_settings_name_is_refused(setting: Setting) -> None:
    setting.project.state = replace(setting.project.state, path="team/other")
    assert "project 5 is 'team/other', mergemaker.toml says 'team/shop'" in setting.refused(GOOD)


def test_another_default_branch_than_the_release_role_trusts_is_refused(setting: Setting) -> None:
    setting.project.state = replace(setting.project.state, default_branch="trunk")
    assert "the default branch is 'trunk', mergemaker.toml says 'main'" in setting.refused(GOOD)


def test_a_project_without_a_first_push_is_set_up(setting: Setting) -> None:
    setting.project.state = replace(setting.project.state, default_branch=None)
    assert "not done" not in setting.up(GOOD).values()
