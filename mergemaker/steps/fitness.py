"""What an account, a token and a GitLab project must be like, for `setup` and `doctor` alike. Pure."""

from datetime import date

from mergemaker.domain.names import Names
from mergemaker.domain.settings import FILE, GitLab, Settings
from mergemaker.ports import CiVariable, Hosted, Identity, Token
from mergemaker.steps.findings import SIGN_IN, Fault

ROLES = {
    5: "Minimal Access",
    10: "Guest",
    15: "Planner",
    20: "Reporter",
    25: "Security Manager",
    30: "Developer",
    40: "Maintainer",
    50: "Owner",
}
"""GitLab's numbers for its roles (API, "Roles")."""
DEVELOPER, MAINTAINER = 30, 40
BOOTSTRAP_VERSION = 6
"""The oldest that takes this project's stacks: their templates ask for it (CDK's default synthesizer)."""
SCOPE = "api"
WARN_DAYS = 14
"""Before the token ends."""
JOB_LOGS = ("/aws/sagemaker/TrainingJobs", "/aws/sagemaker/ProcessingJobs")
"""SageMaker's log groups of all jobs of an account and region; it is SageMaker that names them."""
LOG_DAYS = 90
BY_HAND = "Settings > CI/CD > Variables"
PIPELINES_BY_HAND = "a Maintainer turns it on in Settings > Merge requests > Merge checks"


def ci_variables(names: Names) -> tuple[CiVariable, ...]:
    """As ci/mergemaker.gitlab-ci.yml reads them. Two of the roles are for protected branches only."""
    return (
        CiVariable("MERGEMAKER_SUBMIT_ROLE_ARN", names.role_arn("submit"), protected=False),
        CiVariable("MERGEMAKER_RELEASE_ROLE_ARN", names.role_arn("release"), protected=True),
        CiVariable("MERGEMAKER_DEPLOY_ROLE_ARN", names.role_arn("deploy"), protected=True),
        CiVariable("MERGEMAKER_REGION", names.region, protected=False),
    )


def bootstrap_faults(version: int | None, names: Names) -> list[Fault]:
    command = f"run `npx cdk bootstrap aws://{names.account}/{names.region}`"
    if version is None:
        return [Fault(f"account {names.account} is not bootstrapped for the CDK in {names.region}", command)]
    if version < BOOTSTRAP_VERSION:
        return [Fault(f"the CDK's bootstrap is version {version}, {BOOTSTRAP_VERSION} or newer is needed", command)]
    return []


def account_faults(who: Identity | None, names: Names) -> list[Fault]:
    if who is None:
        return [Fault("no AWS credentials", SIGN_IN)]
    if who.account == names.account:
        return []
    said = f"your AWS credentials are of account {who.account}, {FILE} says {names.account}"
    return [Fault(said, "use the right AWS_PROFILE")]


def role_name(level: int) -> str:
    return ROLES.get(level, f"number {level}")


def role_faults(token: Token, where: GitLab, which: str = "the token") -> list[Fault]:
    if token.level == 0:
        return [
            Fault(
                f"{which}'s user {token.user} is no member of project {where.project_id}",
                f"make a token in {where.project}, with the role Developer; or correct gitlab.project_id in {FILE}",
            )
        ]
    if token.level < DEVELOPER:
        said = f"{which}'s user {token.user} has the role {role_name(token.level)}, less than Developer"
        return [Fault(said, "make a project access token with the role Developer")]
    return []


def token_faults(token: Token, *, where: GitLab, today: date, which: str) -> list[Fault]:
    """Why the Lambdas could not work with it. GitLab itself refuses an expired one; this one would be from tomorrow."""
    faults = []
    if token.scopes is not None and SCOPE not in token.scopes:
        said = f"{which} has the scopes {', '.join(token.scopes) or 'none'}, not {SCOPE}"
        faults.append(Fault(said, f"make one with {SCOPE}"))
    faults += role_faults(token, where, which)
    if token.expires is not None and token.expires <= today:
        faults.append(Fault(f"{which} expires on {token.expires}", "make one that lives longer"))
    return faults


def rotation_faults(where: GitLab, token: Token) -> list[Fault]:
    """Why Secrets Manager could not renew the token, where the settings want that."""
    if not where.rotate_token:
        return []
    faults, do = [], "set gitlab.rotate_token = false"
    if token.id is None:
        faults.append(Fault("this GitLab does not tell the token's number, which AWS needs", do))
    if not where.url.startswith("https://"):
        faults.append(Fault(f"AWS renews tokens over https only, gitlab.url is {where.url}", do))
    return faults


def project_faults(settings: Settings, hosted: Hosted) -> list[Fault]:
    """CI's roles trust the path, everything else uses the number: both must be of the same project."""
    where, faults = settings.gitlab, []
    if hosted.path != where.project:
        said = f"project {where.project_id} is {hosted.path!r}, {FILE} says {where.project!r}"
        faults.append(Fault(said, "correct it there"))
    if hosted.default_branch not in (None, where.default_branch):
        said = f"the default branch is {hosted.default_branch!r}, {FILE} says {where.default_branch!r}"
        faults.append(Fault(said, "set gitlab.default_branch, then `npx cdk deploy --all`"))
    return faults


def branch_faults(where: GitLab, protected: bool | None) -> list[Fault]:
    """`protected` is None where nobody has pushed the branch yet: GitLab protects a first one by itself."""
    if protected is not False:
        return []
    branch = where.default_branch
    said = f"{branch} is not protected: whoever may push to it can take the roles that release and deploy"
    return [Fault(said, "protect it in Settings > Repository > Protected branches")]


def by_hand(variable: CiVariable) -> str:
    kind = "protected" if variable.protected else "not protected"
    return f"a Maintainer sets it to {variable.value}, {kind}, in {BY_HAND}"
