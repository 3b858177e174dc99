"""The project's KMS key."""

from functools import cached_property

from mergemaker.adapters.aws import Clients, calling
from mergemaker.domain.names import Names


class ProjectKey:
    """Known by its alias. Its ARN is asked for once, and only where something is made: SageMaker takes no alias for
    the disk of a training job (API reference, ResourceConfig)."""

    def __init__(self, clients: Clients, names: Names) -> None:
        self._clients, self._alias = clients, names.key_alias

    @cached_property
    def arn(self) -> str:
        with calling(f"KMS key {self._alias}", "has `cdk deploy` run for this project, account and region?"):
            return str(self._clients("kms").describe_key(KeyId=self._alias)["KeyMetadata"]["Arn"])
