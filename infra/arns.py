"""ARNs of one project's resources, as plain text: the account and the region are known when the stacks are made."""

from collections.abc import Sequence
from dataclasses import dataclass

from mergemaker.domain.names import Names
from mergemaker.domain.watching import EndpointAlarm, alarm_topic_arn, endpoint_alarm, endpoint_logs
from mergemaker.steps.stacks import stack_names


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

    def function(self, name: str) -> str:
        return self._arn("lambda", f"function:{self.names.function(name)}")

    @property
    def image_builder(self) -> str:
        return self._arn("codebuild", f"project/{self.names.image_builder}")

    def log_streams(self, group: str) -> str:
        """The log group and everything in it."""
        return self._arn("logs", f"log-group:{group}:*")

    @property
    def alarm_topic(self) -> str:
        return alarm_topic_arn(self.names)

    # Network, which is the account's: by id --------------------------------------------------

    def subnets(self, ids: Sequence[str]) -> list[str]:
        return [self._arn("ec2", f"subnet/{one}") for one in ids]

    def security_groups(self, ids: Sequence[str]) -> list[str]:
        return [self._arn("ec2", f"security-group/{one}") for one in ids]

    @property
    def network_interfaces(self) -> str:
        return self._arn("ec2", "network-interface/*")

    # CloudFormation --------------------------------------------------------------------------

    def stack(self, name: str) -> str:
        """By name: CloudFormation adds an id to it."""
        return self._arn("cloudformation", f"stack/{name}/*")

    @property
    def stacks(self) -> list[str]:
        """The project's own."""
        return [self.stack(name) for name in stack_names(self.names)]

    # SageMaker -------------------------------------------------------------------------------

    @property
    def training_jobs(self) -> str:
        """All of the account's: a job's name begins with its model, not with the project."""
        return self._arn("sagemaker", "training-job/*")

    @property
    def processing_jobs(self) -> str:
        """As training jobs."""
        return self._arn("sagemaker", "processing-job/*")

    @property
    def jobs(self) -> list[str]:
        return [self.training_jobs, self.processing_jobs]

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

    @property
    def endpoint_alarms(self) -> list[str]:
        """Their last word tells them from the alarms that the stacks make."""
        any_endpoint = f"{self.names.project}-*"
        return [self._arn("cloudwatch", f"alarm:{endpoint_alarm(any_endpoint, kind)}") for kind in EndpointAlarm]

    @property
    def endpoint_logs(self) -> str:
        return self._arn("logs", f"log-group:{endpoint_logs(f'{self.names.project}-*')}")

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
