"""What a merge request would change of the project's stacks, as a job of its pipeline found it, and as its word lies in
the bucket.

Who may push a branch may leave any text there. So nothing is done with it but showing it, and it says whose it is.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from mergemaker.domain.errors import UsageError
from mergemaker.domain.names import stack_diff_key

LONGEST_TEXT = 150_000
"""Characters of the diff that go along: more than a note shows, so that it says where it is cut."""
LARGEST = 1_000_000
"""Bytes of the whole. A character takes four at most, a backslash or a quote two: the text leaves room for the rest."""
_MOST = 1_600
"""Resources that can change: 500 a stack (CloudFormation's quota), three stacks, and some."""
_HOLD_DATA = frozenset(
    {
        "AWS::DynamoDB::Table",
        "AWS::ECR::Repository",
        "AWS::KMS::Key",
        "AWS::Logs::LogGroup",
        "AWS::S3::Bucket",
        "AWS::SQS::Queue",
        "AWS::SecretsManager::Secret",
    }
)
"""Of what the stacks are made of, the types whose resources hold something that no deploy brings back."""


class Fate(StrEnum):
    """What can happen to a resource that is there, the worst first."""

    DELETED = "deleted"
    REPLACED = "replaced"
    MAY_BE_REPLACED = "may be replaced"
    LEFT = "left behind"
    """Kept, but in no stack any more."""


@dataclass(frozen=True)
class Loss:
    """A resource that does not stay as it is and where it is."""

    stack: str
    type: str
    """CloudFormation's, such as ``AWS::S3::Bucket``."""
    name: str
    """As the stack's program names it."""
    fate: Fate

    @property
    def holds_data(self) -> bool:
        return self.type in _HOLD_DATA


@dataclass(frozen=True)
class StackDiff:
    """The stacks of a commit, compared with what is deployed."""

    stacks: int
    """How many differ."""
    added: int
    """Resources that are new."""
    changed: int
    """Resources that change and stay."""
    losses: tuple[Loss, ...]
    broadened: tuple[str, ...]
    """Stacks after which somebody may do more than now: IAM, or security groups."""
    text: str
    """As the CDK CLI prints it."""


@dataclass(frozen=True)
class Job:
    """The job of GitLab's that compared."""

    merge_request: int
    pipeline: int
    job: int
    commit: str
    branch: str

    @property
    def key(self) -> str:
        """Where its word lies in the bucket."""
        return stack_diff_key(self.merge_request, self.pipeline, self.job)

    @property
    def order(self) -> str:
        """For `newer`; what was pushed last has the highest pipeline, what was retried last in it the highest job."""
        return f"{self.pipeline}-{self.job}"


def newer(order: str, than: str | None) -> bool:
    """Whether one `Job.order` comes after another; after none, each does."""
    return than is None or _numbers(order) > _numbers(than)


def _numbers(order: str) -> list[int]:
    return [int(part) for part in order.split("-")]


def to_json(job: Job, diff: StackDiff) -> bytes:
    """At most `LARGEST` bytes, unless an attacker wrote the names in it."""
    short = {**asdict(diff), "text": diff.text[:LONGEST_TEXT], "losses": [asdict(one) for one in diff.losses[:_MOST]]}
    return json.dumps({"job": asdict(job), "diff": short}, ensure_ascii=False, sort_keys=True).encode()


def from_json(content: bytes) -> tuple[Job, StackDiff]:
    """Raises UsageError for what `to_json` did not write."""
    try:
        said: dict[str, Any] = json.loads(content.decode(errors="replace"))
        job, diff = Job(**said["job"]), said["diff"]
        losses = tuple(_loss(one) for one in diff["losses"][:_MOST])
        read = StackDiff(**{**diff, "losses": losses, "broadened": tuple(diff["broadened"][:_MOST])})
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UsageError(f"not what `mergemaker diff` leaves: {error!r}"[:200]) from None
    texts = [job.commit, job.branch, read.text, *read.broadened]
    texts += [text for one in losses for text in (one.stack, one.type, one.name)]
    counts = [job.merge_request, job.pipeline, job.job, read.stacks, read.added, read.changed]
    if not all(isinstance(one, str) for one in texts) or not all(_is_count(one) for one in counts):
        raise UsageError("not what `mergemaker diff` leaves: numbers or texts that are none")
    return job, read


def _loss(said: Mapping[str, Any]) -> Loss:
    return Loss(**{**said, "fate": Fate(said["fate"])})


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 10**18
