"""ARNs of one project's resources, as plain text: the account and the region are known when the stacks are made."""

from dataclasses import dataclass

from mergemaker.domain.names import Names


@dataclass(frozen=True)
class Arns:
    """Each is exact, or confined to the project's name as far as AWS's names allow."""

    names: Names

    def _arn(self, service: str, resource: str) -> str:
        names = self.names
        return f"arn:{names.partition}:{service}:{names.region}:{names.account}:{resource}"

    # Data ------------------------------------------------------------------------------------

    @property
    def bucket(self) -> str:
        return f"arn:{self.names.partition}:s3:::{self.names.bucket}"

    def objects(self, *patterns: str) -> list[str]:
        return [f"{self.bucket}/{pattern}" for pattern in patterns]

    @property
    def repository(self) -> str:
        return self._arn("ecr", f"repository/{self.names.repository}")

    @property
    def run_table(self) -> str:
        return self._arn("dynamodb", f"table/{self.names.run_table}")

    @property
    def token_secret(self) -> str:
        """Secrets Manager adds a dash and six characters to the name."""
        return self._arn("secretsmanager", f"secret:{self.names.token_secret}-??????")

    # What runs -------------------------------------------------------------------------------

    def queue(self, function: str) -> str:
        return self._arn("sqs", self.names.queue(function))

    @property
    def image_builder(self) -> str:
        return self._arn("codebuild", f"project/{self.names.image_builder}")

    def log_streams(self, group: str) -> str:
        """The log group and everything in it."""
        return self._arn("logs", f"log-group:{group}:*")

    # SageMaker -------------------------------------------------------------------------------

    @property
    def training_jobs(self) -> str:
        """All of the account's: a job's name begins with its model, not with the project."""
        return self._arn("sagemaker", "training-job/*")

    @property
    def package_groups(self) -> str:
        return self._arn("sagemaker", f"model-package-group/{self.names.project}-*")

    @property
    def packages(self) -> str:
        return self._arn("sagemaker", f"model-package/{self.names.project}-*/*")

    @property
    def models(self) -> str:
        return self._arn("sagemaker", f"model/{self.names.project}-*")

    @property
    def endpoint_configs(self) -> str:
        return self._arn("sagemaker", f"endpoint-config/{self.names.project}-*")

    @property
    def endpoints(self) -> str:
        return self._arn("sagemaker", f"endpoint/{self.names.project}-*")

    # Identity --------------------------------------------------------------------------------

    def role(self, purpose: str) -> str:
        return self.names.role_arn(purpose)

    @property
    def bootstrap_roles(self) -> list[str]:
        """Roles of the account's and region's CDK bootstrap that a deploy of stacks without Docker images takes.

        The names are those of the bootstrap template with CDK's default qualifier.
        """
        names = self.names
        return [
            f"arn:{names.partition}:iam::{names.account}:role/cdk-hnb659fds-{part}-role-{names.account}-{names.region}"
            for part in ("deploy", "file-publishing", "lookup")
        ]

    def oidc_provider(self, host: str) -> str:
        return f"arn:{self.names.partition}:iam::{self.names.account}:oidc-provider/{host}"


def function_logs(names: Names, function: str) -> str:
    """A Lambda's log group."""
    return f"/aws/lambda/{names.function(function)}"


def builder_logs(names: Names) -> str:
    """The image builder's log group."""
    return f"/aws/codebuild/{names.image_builder}"
