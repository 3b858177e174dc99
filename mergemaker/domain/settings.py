"""``mergemaker.toml``: what the project is called, its GitLab, and its environments."""

import re
from dataclasses import dataclass, fields

from mergemaker.domain.errors import UsageError
from mergemaker.domain.model import instance_fault
from mergemaker.domain.names import ENVIRONMENT_MAX, PROJECT_MAX, Names, name_fault
from mergemaker.domain.toml import Table

FILE = "mergemaker.toml"
MODELS = "models"
"""Where models' folders are, unless the settings say otherwise."""


@dataclass(frozen=True)
class GitLab:
    """The GitLab project that this project serves."""

    url: str
    """The instance, ``https://host``, without a slash at the end."""
    project_id: int
    project: str
    """The path, ``group/project``, as OIDC tokens name it."""
    default_branch: str = "main"
    rotate_token: bool = False
    """Whether Secrets Manager renews the token by itself; else a person does, before it ends."""


@dataclass(frozen=True)
class Environment:
    """A place where endpoints live."""

    name: str
    account: str
    region: str
    instance_type: str
    instance_count: int


@dataclass(frozen=True)
class Network:
    """The VPC in which jobs and endpoints run; without subnets they run in none of the account's."""

    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    functions: bool = False
    """Whether the Lambdas run there, too: they must where only the VPC reaches the GitLab."""


@dataclass(frozen=True)
class Alarms:
    """Who hears of trouble, and from when on an endpoint is in trouble."""

    email: str = ""
    endpoint_errors: int = 5
    """Predictions that may fail by the endpoint's fault (5xx) in five minutes."""
    endpoint_p99_ms: int = 1000
    """Milliseconds that the slowest of a hundred predictions may take in the container."""


@dataclass(frozen=True)
class MaximumConcurrency:
    """How many copies of each Lambda work on its queue at the same time."""

    report: int = 5
    """GitLab takes 60 new notes a minute: few at once are plenty."""
    release: int = 2
    start: int = 2


@dataclass(frozen=True)
class Settings:
    """A project's settings, checked."""

    project: str
    gitlab: GitLab
    environments: tuple[Environment, ...]
    """In the order in which a package goes through them. Never empty."""
    models: str = MODELS
    """The folder of the repository in which each model has its own."""
    keep_data: bool = True
    """Whether bucket, images, run table, token and key outlive `cdk destroy`."""
    network: Network = Network()
    alarms: Alarms = Alarms()
    maximum_concurrency: MaximumConcurrency = MaximumConcurrency()

    @property
    def names(self) -> Names:
        """Names in the account where training happens: the first environment's."""
        first = self.environments[0]
        return Names(project=self.project, account=first.account, region=first.region)

    def environment(self, name: str) -> Environment:
        """Raises UsageError for a name that the settings don't have."""
        for environment in self.environments:
            if environment.name == name:
                return environment
        known = ", ".join(e.name for e in self.environments)
        raise UsageError(f"no environment {name!r} in {FILE}: it has {known}")


def parse_settings(text: str, file: str = FILE) -> Settings:
    """Reads the text of ``mergemaker.toml``. Raises UsageError that names every fault by key."""
    table = Table.parse(text, file)
    project = table.string("project.name", check=lambda v: name_fault(v, PROJECT_MAX))
    gitlab = GitLab(
        url=table.string("gitlab.url", check=_url_fault).rstrip("/"),
        project_id=table.integer("gitlab.project_id", least=1),
        project=table.string("gitlab.project", check=_path_fault),
        default_branch=table.string("gitlab.default_branch", default="main", check=_branch_fault),
        rotate_token=table.boolean("gitlab.rotate_token", default=False),
    )
    environments = tuple(_environment(table, name) for name in table.tables("environments"))
    if not environments:
        table.fault("environments", "name at least one, such as [environments.staging]")
    if len({(e.account, e.region) for e in environments}) > 1:
        table.fault("environments", "all must have the same account and region for now")
    settings = Settings(
        project=project,
        gitlab=gitlab,
        environments=environments,
        models=table.string("project.models", default=MODELS, check=_models_fault),
        keep_data=table.boolean("project.keep_data", default=True),
        network=_network(table),
        alarms=_alarms(table),
        maximum_concurrency=_maximum_concurrency(table),
    )
    table.done()
    return settings


def _models_fault(value: str) -> str | None:
    if value.partition("/")[0] in ("training", "serving"):
        return "is what every image is made of: choose another folder"
    part = r"[\w][\w.-]*"
    fine = re.fullmatch(rf"{part}(/{part})*", value, re.ASCII)
    return None if fine else "not a folder of the repository, such as ml/models"


def _environment(table: Table, name: str) -> Environment:
    if fault := name_fault(name, ENVIRONMENT_MAX):
        table.fault(f"environments.{name}", fault)
    elif "-" in name:
        table.fault(
            f"environments.{name}", "use no dash: an endpoint's name, <model>-<environment>, must split one way"
        )
    at = f"environments.{name}"
    return Environment(
        name=name,
        account=table.string(f"{at}.account", check=_account_fault),
        region=table.string(f"{at}.region", check=_region_fault),
        instance_type=table.string(f"{at}.instance_type", default="ml.m5.large", check=instance_fault),
        instance_count=table.integer(f"{at}.instance_count", default=1, least=1),
    )


def _network(table: Table) -> Network:
    network = Network(
        subnets=table.strings("network.subnets", check=lambda value: _id_fault(value, "subnet")),
        security_groups=table.strings("network.security_groups", check=lambda value: _id_fault(value, "sg")),
        functions=table.boolean("network.functions", default=False),
    )
    if table.faulty("network"):
        return network
    if bool(network.subnets) != bool(network.security_groups):
        missing = "security_groups" if network.subnets else "subnets"
        table.fault(f"network.{missing}", "name at least one: subnets and security groups go together")
    if network.functions and not network.subnets:
        table.fault("network.functions", "needs network.subnets and network.security_groups")
    return network


def _alarms(table: Table) -> Alarms:
    usual = Alarms()
    return Alarms(
        email=table.string("alarms.email", default=usual.email, check=_email_fault),
        endpoint_errors=table.integer("alarms.endpoint_errors", default=usual.endpoint_errors),
        endpoint_p99_ms=table.integer("alarms.endpoint_p99_ms", default=usual.endpoint_p99_ms, least=1),
    )


def _maximum_concurrency(table: Table) -> MaximumConcurrency:
    """Lambda takes 2 to 1,000 (Lambda Developer Guide, maximum concurrency of SQS event sources)."""
    usual, at = MaximumConcurrency(), "maximum_concurrency"
    return MaximumConcurrency(
        **{
            one.name: table.integer(f"{at}.{one.name}", default=getattr(usual, one.name), least=2, most=1000)
            for one in fields(MaximumConcurrency)
        }
    )


def _id_fault(value: str, kind: str) -> str | None:
    fine = re.fullmatch(rf"{kind}-[0-9a-f]{{8}}([0-9a-f]{{9}})?", value, re.ASCII)
    return None if fine else f"{value!r} is no id such as {kind}-0123456789abcdef0"


def _email_fault(value: str) -> str | None:
    return None if re.fullmatch(r"[^\s@]+@[^\s@]+", value) else "not an e-mail address"


def _account_fault(value: str) -> str | None:
    return None if re.fullmatch(r"[0-9]{12}", value) else "an AWS account has 12 digits, in quotes"


def _region_fault(value: str) -> str | None:
    return None if re.fullmatch(r"[a-z]{2}(-[a-z]+)+-[0-9]", value) else "not an AWS region, such as eu-west-1"


def _url_fault(value: str) -> str | None:
    """The token goes there, so http is for this machine only. AWS takes no port in an identity provider's address."""
    path = r"(?:/[^\s?#@]*)?"
    fine = re.fullmatch(rf"https://[\w.-]+{path}", value, re.ASCII)
    own = re.fullmatch(rf"https?://(?:127\.0\.0\.1|localhost|\[::1\])(?::[0-9]{{1,5}})?{path}", value, re.ASCII)
    return None if fine or own else "not the address of a GitLab, such as https://gitlab.com: https, and no port"


def _branch_fault(value: str) -> str | None:
    return None if re.fullmatch(r"[\w.-]+(/[\w.-]+)*", value, re.ASCII) else "not a branch's name, such as main"


def _path_fault(value: str) -> str | None:
    return None if re.fullmatch(r"[\w.-]+(/[\w.-]+)+", value) else "not a project's path, such as group/project"
