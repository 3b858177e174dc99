"""Images and their builds, in memory."""

from tests.fakes.faults import Fake

REGISTRY = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop"


class FakeImages(Fake):
    """`ports.Images`."""

    def __init__(self) -> None:
        super().__init__()
        self.images: dict[str, str] = {}
        self.elsewhere: dict[str, str] = {}
        """Somebody else's images: address by tag -> by digest."""
        self.builds: list[tuple[str, str]] = []
        """Tag and context of each build that was started."""
        self.going_on: set[str] = set()
        """Tags whose build has not ended."""
        self._failures: dict[str, str] = {}

    def find(self, tag: str) -> str | None:
        with self._called("find"):
            return self.images.get(tag)

    def resolve(self, address: str) -> str:
        with self._called("resolve"):
            return self.elsewhere.get(address, address)

    def build(self, tag: str, *, context: str) -> None:
        with self._called("build"):
            if tag not in self.going_on:
                self.going_on.add(tag)
                self.builds.append((tag, context))

    def building(self, tag: str) -> bool:
        with self._called("building"):
            return tag in self.going_on

    def failure(self, build: str) -> str | None:
        with self._called("failure"):
            return self._failures.get(build)

    # What happens in CodeBuild ---------------------------------------------------------------

    def finish(self, tag: str) -> str:
        """A build ends well. Its ARN."""
        self.going_on.discard(tag)
        self.images[tag] = f"{REGISTRY}@sha256:{tag.rpartition('-')[2]:0<64}"
        return self._arn()

    def break_build(self, tag: str, reason: str) -> str:
        """A build ends badly. Its ARN."""
        self.going_on.discard(tag)
        self._failures[self._arn()] = reason
        return self._arn()

    def _arn(self) -> str:
        return f"arn:aws:codebuild:eu-west-1:111122223333:build/shop-image:{len(self.builds)}"
