"""SageMaker's endpoints, in memory. A change goes on until a test says how it ends."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mergemaker.domain.errors import RetryableError
from mergemaker.domain.release import Endpoint, EndpointStatus, Package
from mergemaker.domain.settings import Environment
from tests.fakes.faults import Fake


@dataclass(frozen=True)
class Prepared:
    """What a config was made of."""

    package: Package
    model: str
    environment: Environment
    tags: Mapping[str, str]


class FakeEndpoints(Fake):
    """`ports.Endpoints`."""

    def __init__(self) -> None:
        super().__init__()
        self.endpoints: dict[str, Endpoint] = {}
        self.configs: dict[str, Prepared] = {}
        self.deployed: list[str] = []
        """Configs that were asked for, in order."""
        self.deletes_slowly = False
        """Whether an endpoint is still there, being deleted, until a test says that it is gone."""

    def __getitem__(self, name: str) -> Endpoint:
        return self.endpoints[name]

    def find(self, name: str) -> Endpoint | None:
        with self._called("find"):
            return self.endpoints.get(name)

    def prepare(
        self, package: Package, *, config: str, model: str, environment: Environment, tags: Mapping[str, str]
    ) -> None:
        with self._called("prepare"):
            self.configs.setdefault(config, Prepared(package, model, environment, tags))

    def create(self, name: str, *, config: str, tags: Mapping[str, str]) -> None:
        with self._called("create"):
            if name in self.endpoints:
                raise RetryableError(f"Cannot create already existing endpoint {name}")
            assert config in self.configs, f"there is no endpoint config {config}"
            self.endpoints[name] = Endpoint(name, EndpointStatus.BUSY, config, config, "")
            self.deployed.append(config)

    def update(self, name: str, *, config: str) -> None:
        with self._called("update"):
            now = self.endpoints[name]
            if now.status in (EndpointStatus.BUSY, EndpointStatus.DELETING):
                raise RetryableError(f"Cannot update in-progress endpoint {name}")
            assert now.status is EndpointStatus.IN_SERVICE, "SageMaker only deletes what has failed"
            assert config in self.configs, f"there is no endpoint config {config}"
            self.endpoints[name] = replace(now, status=EndpointStatus.BUSY, target=config, reason="")
            self.deployed.append(config)

    def delete(self, name: str) -> None:
        with self._called("delete"):
            now = self.endpoints.pop(name, None)
            if now is not None and self.deletes_slowly:
                self.endpoints[name] = replace(now, status=EndpointStatus.DELETING)

    # What happens in SageMaker ---------------------------------------------------------------

    def succeed(self, name: str) -> None:
        """The change that is on ends well."""
        now = self.endpoints[name]
        self.endpoints[name] = replace(now, status=EndpointStatus.IN_SERVICE, config=now.target)

    def roll_back(self, name: str, reason: str) -> None:
        """The change that is on fails; the old config serves on."""
        now = self.endpoints[name]
        self.endpoints[name] = replace(now, status=EndpointStatus.IN_SERVICE, target=now.config, reason=reason)

    def gone(self, name: str) -> None:
        """The deletion ends."""
        assert self.endpoints.pop(name).status is EndpointStatus.DELETING

    def strand(self, name: str, reason: str) -> None:
        """The change that is on fails, and so does the way back."""
        self.endpoints[name] = replace(self.endpoints[name], status=EndpointStatus.BROKEN, reason=reason)

    def break_down(self, name: str, reason: str) -> None:
        """The endpoint's creation fails."""
        now = self.endpoints[name]
        self.endpoints[name] = replace(now, status=EndpointStatus.FAILED, reason=reason)
