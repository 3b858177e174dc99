"""``mergemaker.toml``: what the project is called, its GitLab, and its environments."""

import re
from dataclasses import dataclass

from mergemaker.domain.errors import UsageError
from mergemaker.domain.names import ENVIRONMENT_MAX, PROJECT_MAX, Names, name_fault
from mergemaker.domain.toml import Table

FILE = "mergemaker.toml"


@dataclass(frozen=True)
class GitLab:
    """The GitLab project that this project serves."""

    url: str
    """The instance, ``https://host``, without a slash at the end."""
    project_id: int
    project: str
    """The path, ``group/project``, as OIDC tokens name it."""
    default_branch: str = "main"


@dataclass(frozen=True)
class Environment:
    """A place where endpoints live."""

    name: str
    account: str
    region: str
    instance_type: str
    instance_count: int


@dataclass(frozen=True)
class Settings:
    """A project's settings, checked."""

    project: str
    gitlab: GitLab
    environments: tuple[Environment, ...]
    """In the order in which a package goes through them. Never empty."""

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
    )
    environments = tuple(_environment(table, name) for name in table.tables("environments"))
    if not environments:
        table.fault("environments", "name at least one, such as [environments.staging]")
    if len({(e.account, e.region) for e in environments}) > 1:
        table.fault("environments", "all must have the same account and region for now")
    table.done()
    return Settings(project=project, gitlab=gitlab, environments=environments)


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
        instance_type=table.string(f"{at}.instance_type", default="ml.m5.large"),
        instance_count=table.integer(f"{at}.instance_count", default=1, least=1),
    )


def _account_fault(value: str) -> str | None:
    return None if re.fullmatch(r"[0-9]{12}", value) else "an AWS account has 12 digits, in quotes"


def _region_fault(value: str) -> str | None:
    return None if re.fullmatch(r"[a-z]{2}(-[a-z]+)+-[0-9]", value) else "not an AWS region, such as eu-west-1"


def _url_fault(value: str) -> str | None:
    host = r"(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
    fine = re.fullmatch(rf"https?://{host}(?:/[^\s?#@]*)?", value, re.ASCII)
    return None if fine else "not the address of a GitLab, such as https://gitlab.com"


def _branch_fault(value: str) -> str | None:
    return None if re.fullmatch(r"[\w.-]+(/[\w.-]+)*", value, re.ASCII) else "not a branch's name, such as main"


def _path_fault(value: str) -> str | None:
    return None if re.fullmatch(r"[\w.-]+(/[\w.-]+)+", value) else "not a project's path, such as group/project"
