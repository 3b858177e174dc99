"""What the calls for jobs of one kind have in common: names that are taken, describe, list, stop."""

import copy
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar

from local.aws.cloud import Cloud
from local.aws.errors import AwsError, invalid
from local.aws.listing import Listing
from local.aws.sagemaker.checks import Checks
from local.aws.sagemaker.events import Event
from local.aws.sagemaker.job import FINAL, Job
from local.aws.sagemaker.run import Run
from local.aws.sagemaker.slots import Slots
from local.aws.sagemaker.tags import Tags

Record = dict[str, Any]


class Jobs:
    """All jobs of one kind in the account."""

    kind: ClassVar[type[Job]]
    taken: ClassVar[str]
    """What SageMaker says of a name that is, with ``{arn}``."""
    missing: ClassVar[str]
    """What it says where there is no job, with ``{name}``."""

    def __init__(self, cloud: Cloud, tags: Tags, checks: Checks, lock: threading.RLock, slots: Slots) -> None:
        self._cloud, self._tags, self._checks, self._lock, self._slots = cloud, tags, checks, lock, slots
        self._jobs: dict[str, Job] = {}
        prefix = self.kind.kind
        self._name = f"{prefix}JobName"
        self._summary = Listing(name=self._name, status=f"{prefix}JobStatus")

    @property
    def operations(self) -> dict[str, Callable[[Record], Record]]:
        one = f"{self.kind.kind}Job"
        return {
            f"Create{one}": self._create,
            f"Describe{one}": self._describe,
            f"List{one}s": self._list,
            f"Stop{one}": self._stop,
        }

    # What differs ------------------------------------------------------------------------------

    def _check(self, params: Record) -> None:
        """Raises AwsError for what SageMaker, or a laptop, would not take."""
        raise NotImplementedError

    def _completed(self, params: Record) -> Record:
        """The request with SageMaker's defaults."""
        raise NotImplementedError

    def _run(self, job: Any) -> Run:
        raise NotImplementedError

    def _event(self, record: Record) -> Event:
        raise NotImplementedError

    # The calls ---------------------------------------------------------------------------------

    def _create(self, params: Record) -> Record:
        name, prefix = params[self._name], self.kind.kind
        arn = self._cloud.arn(f"{prefix.lower()}-job/{name}")
        if any(job.arn == arn for job in self._jobs.values()):
            raise AwsError("ResourceInUse", self.taken.format(arn=arn))
        self._check(params)
        self._tags.created(arn, params)
        now = datetime.now(UTC)
        record = {k: v for k, v in self._completed(params).items() if k != "Tags"}
        record |= {f"{prefix}JobArn": arn, "CreationTime": now, "LastModifiedTime": now}
        job = self.kind(record, self._lock, self._changed)
        self._jobs[name] = job
        job.begin()
        run = self._run(job)
        threading.Thread(target=run.execute, daemon=True, name=f"job {name}").start()
        return {f"{prefix}JobArn": arn}

    def _describe(self, params: Record) -> Record:
        return self._find(params).record

    def _find(self, params: Record) -> Job:
        job = self._jobs.get(params[self._name])
        if job is None:
            raise invalid(self.missing.format(name=params[self._name]))
        return job

    def _list(self, params: Record) -> Record:
        page, token = self._summary.page((job.record for job in self._jobs.values()), params)
        return {f"{self.kind.kind}JobSummaries": page, "NextToken": token}

    def _stop(self, params: Record) -> Record:
        job = self._find(params)
        if job.status in FINAL:
            what = f"{self.kind.kind.lower()} job"
            raise invalid(f"The request was rejected because the {what} is in status {job.status}.")
        if not job.stop_wanted.is_set():
            job.stop_wanted.set()
            job.stopping()
        return {}

    def _changed(self, record: Record) -> None:
        self._cloud.send(*self._event(copy.deepcopy(record)))
