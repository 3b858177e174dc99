"""What an account, a token and a GitLab project must be like, for `setup` and `doctor` alike. Pure."""

from datetime import date

from mergemaker.domain.names import Names
from mergemaker.domain.settings import FILE, GitLab, Settings
from mergemaker.ports import CiVariable, Hosted, Token

DEVELOPER, MAINTAINER = 30, 40
BOOTSTRAP_VERSION = 6
"""The oldest that takes this project's stacks: their templates ask for it (CDK's default synthesizer)."""
SCOPE = "api"
WARN_DAYS = 14
"""Before the token ends."""
TRAINING_LOGS = "/aws/sagemaker/TrainingJobs"
"""SageMaker's log group of all training jobs of an account and region; it is SageMaker that names it."""
LOG_DAYS = 90
PIPELINES_BY_HAND = "a Maintainer turns it on in Settings > Merge requests > Merge checks"


def ci_variables(names: Names) -> tuple[CiVariable, ...]:
    """As ci/mergemaker.gitlab-ci.yml reads them. Two of the roles are for protected branches only."""
    return (
        CiVariable("MERGEMAKER_SUBMIT_ROLE_ARN", names.role_arn("submit"), protected=False),
        CiVariable("MERGEMAKER_RELEASE_ROLE_ARN", names.role_arn("release"), protected=True),
        CiVariable("MERGEMAKER_DEPLOY_ROLE_ARN", names.role_arn("deploy"), protected=True),
        CiVariable("MERGEMAKER_REGION", names.region, protected=False),
    )


def bootstrap_fault(version: int | None, names: Names) -> str | None:
    command = f"run `npx cdk bootstrap aws://{names.account}/{names.region}`"
    if version is None:
        return f"account {names.account} is not bootstrapped for the CDK in {names.region}: {command}"
    if version < BOOTSTRAP_VERSION:
        return f"the CDK's bootstrap is version {version}, {BOOTSTRAP_VERSION} or newer is needed: {command}"
    return None


def account_fault(account: str, names: Names) -> str | None:
    if account == names.account:
        return None
    return f"your AWS credentials are of account {account}, {FILE} says {names.account}: use the right AWS_PROFILE"


def token_faults(token: Token, today: date) -> list[str]:
    """Why the Lambdas could not work with it. GitLab itself refuses an expired one; this one would be from tomorrow."""
    faults = []
    if token.scopes is not None and SCOPE not in token.scopes:
        faults.append(
            f"the token has the scopes {', '.join(token.scopes) or 'none'}, not {SCOPE}: make one with {SCOPE}"
        )
    if token.level < DEVELOPER:
        faults.append(
            f"the token's user {token.user} has role {token.level} in the project, less than Developer ({DEVELOPER}): "
            "make a project access token with the role Developer"
        )
    if token.expires is not None and token.expires <= today:
        faults.append(f"the token expires on {token.expires}: make one that lives longer")
    return faults


def rotation_faults(where: GitLab, token: Token) -> list[str]:
    """Why Secrets Manager could not renew the token, where the settings want that."""
    if not where.rotate_token:
        return []
    faults = []
    if token.id is None:
        faults.append("this GitLab does not tell the token's number, which AWS needs: set gitlab.rotate_token = false")
    if not where.url.startswith("https://"):
        faults.append(f"AWS renews tokens over https only, gitlab.url is {where.url}: set gitlab.rotate_token = false")
    return faults


def project_faults(settings: Settings, hosted: Hosted) -> list[str]:
    """CI's roles trust the path, everything else uses the number: both must be of the same project."""
    where, faults = settings.gitlab, []
    if hosted.path != where.project:
        faults.append(f"project {where.project_id} is {hosted.path!r}, {FILE} says {where.project!r}: correct it there")
    if hosted.default_branch not in (None, where.default_branch):
        faults.append(
            f"the default branch is {hosted.default_branch!r}, {FILE} says {where.default_branch!r}: "
            "set gitlab.default_branch, then `npx cdk deploy --all`"
        )
    return faults


def branch_faults(where: GitLab, protected: bool | None) -> list[str]:
    """`protected` is None where nobody has pushed the branch yet: GitLab protects a first one by itself."""
    if protected is not False:
        return []
    return [
        f"{where.default_branch} is not protected: whoever may push to it can take the roles that release and deploy. "
        "Protect it in Settings > Repository > Protected branches"
    ]


def by_hand(variable: CiVariable) -> str:
    kind = "protected" if variable.protected else "not protected"
    return f"a Maintainer sets it to {variable.value}, {kind}, in Settings > CI/CD > Variables"
