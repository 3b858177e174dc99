"""Builds what the steps need, from settings and AWS's own configuration. The only place that builds clients."""

from functools import cached_property
from typing import TYPE_CHECKING

from mergemaker.adapters.aws import Clients, calling
from mergemaker.adapters.endpoints import SageMakerEndpoints
from mergemaker.adapters.files import S3Files
from mergemaker.adapters.images import BuiltImages
from mergemaker.adapters.jobs import SageMakerJobs
from mergemaker.adapters.preparations import SageMakerPreparations
from mergemaker.adapters.registry import SageMakerRegistry
from mergemaker.adapters.run_table import DynamoRuns
from mergemaker.domain.errors import UsageError
from mergemaker.domain.names import Names
from mergemaker.domain.settings import Alarms, Network, Settings
from mergemaker.domain.token_secret import read_token

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

    from mergemaker.adapters.account import AwsAccount
    from mergemaker.adapters.watch import CloudWatch
    from mergemaker.ports import Connect, GitLabProject, World


class Aws:
    """The adapters of one account and region."""

    def __init__(self, names: Names, network: Network) -> None:
        """`network`: where jobs and endpoints run."""
        self._names, self._network, self.clients = names, network, Clients(names.region)

    @property
    def files(self) -> S3Files:
        return S3Files(self.clients("s3"), self._names.bucket)

    @property
    def jobs(self) -> SageMakerJobs:
        return SageMakerJobs(self.clients("sagemaker"), self._names, key=lambda: self._key, network=self._network)

    @property
    def preparations(self) -> SageMakerPreparations:
        sagemaker = self.clients("sagemaker")
        return SageMakerPreparations(sagemaker, self._names, key=lambda: self._key, network=self._network)

    @property
    def images(self) -> BuiltImages:
        return BuiltImages(self.clients, self._names)

    @property
    def registry(self) -> SageMakerRegistry:
        return SageMakerRegistry(self.clients("sagemaker"), self._names)

    @property
    def endpoints(self) -> SageMakerEndpoints:
        return SageMakerEndpoints(self.clients("sagemaker"), self._names, key=lambda: self._key, network=self._network)

    @property
    def runs(self) -> DynamoRuns:
        return DynamoRuns(self.clients("dynamodb"), self._names.run_table)

    @cached_property
    def _key(self) -> str:
        """The ARN of the project's key: SageMaker takes no alias for a job's disk (API reference, ResourceConfig)."""
        alias = self._names.key_alias
        with calling(f"KMS key {alias}", "has `cdk deploy` run for this project, account and region?"):
            return str(self.clients("kms").describe_key(KeyId=alias)["KeyMetadata"]["Arn"])

    def watch(self, limits: Alarms) -> "CloudWatch":
        from mergemaker.adapters.watch import CloudWatch

        return CloudWatch(self.clients, self._names, limits=limits, key=lambda: self._key)

    def token(self) -> str:
        """GitLab's access token, as it is in the secret now."""
        secrets: SecretsManagerClient = self.clients("secretsmanager")
        with calling(f"secret {self._names.token_secret}", "put GitLab's token into it with `mergemaker setup`"):
            return read_token(secrets.get_secret_value(SecretId=self._names.token_secret).get("SecretString", ""))


def world(settings: Settings, aws: Aws) -> "World":
    """All that reporting and deploying take. What only they need is imported here: the command does without."""
    from mergemaker.adapters.default_branch import GitLabDefaultBranch
    from mergemaker.adapters.input_table import DynamoInputs
    from mergemaker.adapters.issues import GitLabIssues
    from mergemaker.adapters.merge_requests import GitLabMergeRequests
    from mergemaker.adapters.releases import GitLabReleases
    from mergemaker.ports import World

    return World(
        names=settings.names,
        environment=settings.environments[0].name,
        files=aws.files,
        images=aws.images,
        jobs=aws.jobs,
        preparations=aws.preparations,
        runs=aws.runs,
        registry=aws.registry,
        endpoints=aws.endpoints,
        watch=aws.watch(settings.alarms),
        merge_requests=GitLabMergeRequests(settings.gitlab, aws.token),
        issues=GitLabIssues(settings.gitlab, aws.token),
        releases=GitLabReleases(settings.gitlab, aws.token),
        inputs=DynamoInputs(aws.clients("dynamodb"), settings.names.run_table),
        default_branch=GitLabDefaultBranch(settings.gitlab, settings.models, aws.token),
    )


def account(settings: Settings) -> "AwsAccount":
    """With the caller's own credentials."""
    from mergemaker.adapters.account import AwsAccount

    return AwsAccount(Clients(settings.names.region), settings.names)


def connect(settings: Settings) -> "Connect":
    """What it returns raises UsageError where GitLab's library is not installed: CI's jobs do without."""

    def project(token: str) -> "GitLabProject":
        try:
            from mergemaker.adapters.gitlab_project import GitLabSettings
        except ModuleNotFoundError as error:
            if error.name != "gitlab":
                raise
            raise UsageError(
                "python-gitlab is not installed here: run `make setup`, or `pip install python-gitlab`"
            ) from None
        return GitLabSettings(settings.gitlab, token)

    return project
