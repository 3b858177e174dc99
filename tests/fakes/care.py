"""An AWS account and a GitLab project as `setup` and `doctor` see them, in memory; all is well at first."""

from dataclasses import replace
from datetime import date

from mergemaker.domain.errors import ServiceError
from mergemaker.domain.names import Names
from mergemaker.domain.settings import Environment, GitLab, Settings
from mergemaker.ports import CiVariable, GitLabProject, Hosted, Identity, Kind, Token, Trust
from mergemaker.steps.aws_checks import CI_ROLES, FUNCTIONS, resources
from mergemaker.steps.findings import Patient
from mergemaker.steps.fitness import JOB_LOGS, ci_variables
from mergemaker.steps.stacks import stack_names
from tests.fakes.faults import Fake

SETTINGS = Settings(
    project="shop",
    gitlab=GitLab("https://gitlab.example.com", 5, "team/shop"),
    environments=(Environment("staging", "111122223333", "eu-west-1", "ml.m5.large", 1),),
)
NAMES = SETTINGS.names
TODAY = date(2026, 3, 1)
GOOD = "glpat-good"


class FakeAccount(Fake):
    """`ports.Account`."""

    def __init__(self, names: Names = NAMES) -> None:
        super().__init__()
        self.who: Identity | None = Identity(names.account, f"arn:aws:sts::{names.account}:assumed-role/Admin/ann")
        self.bootstrap: int | None = 21
        self.stacks: dict[str, str] = dict.fromkeys(stack_names(names), "UPDATE_COMPLETE")
        self.there = set(resources(names))
        self.audiences: tuple[str, ...] | None = (SETTINGS.gitlab.url,)
        provider = f"arn:aws:iam::{names.account}:oidc-provider/gitlab.example.com"
        trust = Trust((provider,), (SETTINGS.gitlab.url,), ("project_path:team/shop:ref_type:branch:ref:*",))
        self.trusts = {names.role(purpose): trust for purpose in CI_ROLES}
        self.messages = {names.dead_letter_queue(function): 0 for function in FUNCTIONS}
        self.ages: dict[str, float] = {}
        self.stored: str | None = None
        """In the token's secret."""
        self.deleted = False
        """Whether that waits for its deletion."""
        self.renewal: int | None = None
        """Days."""
        self.log_groups = dict.fromkeys(JOB_LOGS, 90)
        """Name to days; 0 for ever."""

    def identity(self) -> Identity | None:
        with self._called("identity"):
            return self.who

    def bootstrap_version(self) -> int | None:
        with self._called("bootstrap_version"):
            return self.bootstrap

    def stack(self, name: str) -> str | None:
        with self._called("stack"):
            return self.stacks.get(name)

    def exists(self, kind: Kind, name: str) -> bool:
        with self._called("exists"):
            return (kind, name) in self.there

    def provider_audiences(self, host: str) -> tuple[str, ...] | None:
        with self._called("provider_audiences"):
            return self.audiences if host == "gitlab.example.com" else None

    def create_provider(self, url: str, *, audience: str) -> None:
        with self._called("create_provider"):
            assert (url, self.audiences) == (SETTINGS.gitlab.url, None)
            self.audiences = (audience,)

    def add_audience(self, host: str, audience: str) -> None:
        with self._called("add_audience"):
            assert host == "gitlab.example.com"
            assert self.audiences is not None
            self.audiences = (*self.audiences, audience)

    def log_days(self, group: str) -> int | None:
        with self._called("log_days"):
            return self.log_groups.get(group)

    def keep_logs(self, group: str, *, days: int, new: bool) -> None:
        with self._called("keep_logs"):
            assert new == (group not in self.log_groups)
            self.log_groups[group] = days

    def trust(self, role: str) -> Trust | None:
        with self._called("trust"):
            return self.trusts.get(role)

    def waiting(self, queue: str) -> int | None:
        with self._called("waiting"):
            return self.messages.get(queue)

    def oldest_seconds(self, queue: str) -> float:
        with self._called("oldest_seconds"):
            return self.ages.get(queue, 0.0)

    def secret(self) -> str | None:
        with self._called("secret"):
            if self.deleted:
                raise ServiceError("AWS says InvalidRequestException: it was marked for deletion")
            return self.stored

    def secret_is_deleted(self) -> bool:
        with self._called("secret_is_deleted"):
            return self.deleted

    def store_secret(self, text: str) -> None:
        with self._called("store_secret"):
            assert not self.deleted
            self.stored = text

    def renewed_every(self) -> int | None:
        with self._called("renewed_every"):
            return self.renewal

    def renew_secret(self, *, role: str, every_days: int, life_days: int) -> None:
        with self._called("renew_secret"):
            assert role == NAMES.role_arn("token-rotation")
            assert self.stored, "AWS tries it at once"
            assert life_days > every_days
            self.renewal = every_days


class FakeProject(Fake):
    """A GitLab project; `seen_with` gives `ports.GitLabProject` for one of its tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = {GOOD: Token("mergemaker-bot", ("api",), date(2026, 12, 31), level=40)}
        self.state = Hosted("team/shop", "main", pipelines_must_succeed=False)
        self.protected: dict[str, bool] = {"main": True}
        self.ci: dict[str, CiVariable] = {}

    def seen_with(self, token: str) -> GitLabProject:
        return _Seen(self, token)

    def set_up(self) -> None:
        """As `setup` leaves it."""
        self.ci = {variable.key: variable for variable in ci_variables(NAMES)}
        self.state = replace(self.state, pipelines_must_succeed=True)

    def asked(self, call: str, token: str, *, level: int = 0) -> Token:
        """Who asks; as GitLab does, this refuses a token that it does not know or whose role is too low."""
        with self._called(call):
            owner = self.tokens.get(token)
            if owner is None:
                raise ServiceError("GitLab refuses it: it is wrong, expired or revoked")
            if owner.level == 0 and call != "token":
                raise ServiceError(f"{call}: GitLab says 404: 404 Project Not Found")
            if owner.level < level:
                raise ServiceError(f"{call}: GitLab says 403: 403 Forbidden")
            return owner

    # The port's own calls, so that a test can let them fail --------------------------------

    def token(self) -> None: ...

    def hosted(self) -> None: ...

    def branch_is_protected(self) -> None: ...

    def variables(self) -> None: ...

    def set_variable(self) -> None: ...

    def require_pipelines(self) -> None: ...


class _Seen:
    def __init__(self, project: FakeProject, token: str) -> None:
        self._project, self._token = project, token

    def token(self) -> Token:
        return self._project.asked("token", self._token)

    def hosted(self) -> Hosted:
        self._project.asked("hosted", self._token)
        return self._project.state

    def branch_is_protected(self, branch: str) -> bool | None:
        self._project.asked("branch_is_protected", self._token)
        return self._project.protected.get(branch)

    def variables(self) -> dict[str, CiVariable]:
        self._project.asked("variables", self._token, level=40)
        return dict(self._project.ci)

    def set_variable(self, variable: CiVariable, *, new: bool) -> None:
        self._project.asked("set_variable", self._token, level=40)
        assert new == (variable.key not in self._project.ci)
        self._project.ci[variable.key] = variable

    def require_pipelines(self) -> None:
        self._project.asked("require_pipelines", self._token, level=40)
        self._project.state = replace(self._project.state, pipelines_must_succeed=True)


def patient(account: FakeAccount, project: FakeProject) -> Patient:
    return Patient(SETTINGS, account, project.seen_with, TODAY)
