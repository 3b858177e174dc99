"""The run table, in DynamoDB: an item a run, and an item a note.

A run's item holds its record as one JSON text beside a revision: a change reads, computes, and writes under the
condition that the revision is still the same. JSON keeps doubles to the last digit, and NaN, which DynamoDB's numbers
do not.
"""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from mergemaker.adapters.aws import calling, code_of
from mergemaker.domain.errors import RetryableError
from mergemaker.domain.lineage import Lineage, Origin
from mergemaker.domain.run import Release, ReleaseStatus, Run, Status
from mergemaker.ports import NoteRecord

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_CONFLICT = "ConditionalCheckFailedException"
LEASE_SECONDS = 60
"""How long a holder may take with a note; a function that died gives it up by then."""
PATIENCE_SECONDS = 20


class DynamoRuns:
    """`ports.Runs` over one table: partition key ``model``, sort key ``job``."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._dynamodb, self._table, self._sleep = dynamodb, table, sleep

    def get(self, model: str, job: str) -> Run | None:
        found = self._item(model, job)
        return _from_json(found["record"]["S"]) if found else None

    def change(self, model: str, job: str, change: Callable[[Run | None], Run]) -> Run:
        for _ in range(50):
            found = self._item(model, job)
            before = _from_json(found["record"]["S"]) if found else None
            after = change(before)
            if after == before or self._put(after, int(found["revision"]["N"]) if found else 0):
                return after
        raise RetryableError(f"the record of run {job} is changed too often at once")

    def _item(self, model: str, job: str) -> Mapping[str, Any] | None:
        with calling(f"run table {self._table}"):
            key = {"model": {"S": model}, "job": {"S": job}}
            return self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")

    def _put(self, run: Run, revision: int) -> bool:
        with calling(f"run table {self._table}"):
            try:
                self._dynamodb.put_item(
                    TableName=self._table,
                    Item={
                        "model": {"S": run.model},
                        "job": {"S": run.job},
                        "revision": {"N": str(revision + 1)},
                        "status": {"S": run.status},
                        "created": {"S": run.created.isoformat()},
                        "record": {"S": _to_json(run)},
                    },
                    ConditionExpression="attribute_not_exists(job) OR revision = :revision",
                    ExpressionAttributeValues={":revision": {"N": str(revision)}},
                )
            except ClientError as error:
                if code_of(error) == _CONFLICT:
                    return False
                raise
        return True

    def shown(self, model: str, merge_request: int) -> str | None:
        found = self._item(model, _note_key(merge_request))
        return _note(found).job if found else None

    @contextmanager
    def note(self, model: str, merge_request: int) -> Iterator[NoteRecord]:
        key = {"model": {"S": model}, "job": {"S": _note_key(merge_request)}}
        holder = uuid.uuid4().hex
        record = self._acquire(key, holder)
        try:
            yield record
        finally:
            self._release(key, holder, record)

    def _acquire(self, key: dict[str, Any], holder: str) -> NoteRecord:
        patience = time.monotonic() + PATIENCE_SECONDS
        while True:
            now = int(time.time())
            with calling(f"run table {self._table}"):
                try:
                    found = self._dynamodb.update_item(
                        TableName=self._table,
                        Key=key,
                        UpdateExpression="SET holder = :holder, held_until = :until",
                        ConditionExpression="attribute_not_exists(holder) OR held_until < :now",
                        ExpressionAttributeValues={
                            ":holder": {"S": holder},
                            ":until": {"N": str(now + LEASE_SECONDS)},
                            ":now": {"N": str(now)},
                        },
                        ReturnValues="ALL_NEW",
                    )
                    return _note(found["Attributes"])
                except ClientError as error:
                    if code_of(error) != _CONFLICT:
                        raise
            if time.monotonic() > patience:
                raise RetryableError(f"somebody else has been writing the note of {key['model']['S']} for long")
            self._sleep(0.2)

    def _release(self, key: dict[str, Any], holder: str, record: NoteRecord) -> None:
        values = {"note": record.note, "shown": record.job, "body": record.body}
        known = {name: value for name, value in values.items() if value is not None}
        gone = [name for name, value in values.items() if value is None]
        sets = f"SET {', '.join(f'#{name} = :{name}' for name in known)} " if known else ""
        with calling(f"run table {self._table}"):
            try:
                self._dynamodb.update_item(
                    TableName=self._table,
                    Key=key,
                    UpdateExpression=f"{sets}REMOVE holder, held_until{''.join(f', #{name}' for name in gone)}",
                    ConditionExpression="holder = :holder",
                    ExpressionAttributeNames={f"#{name}": name for name in values},
                    ExpressionAttributeValues={
                        ":holder": {"S": holder},
                        **{f":{name}": {"S": str(value)} for name, value in known.items()},
                    },
                )
            except ClientError as error:
                # The lease ran out and is another's: what that one writes is newer.
                if code_of(error) != _CONFLICT:
                    raise


def _note_key(merge_request: int) -> str:
    """Under a model, among its runs."""
    return f"note#{merge_request}"


def _note(item: Mapping[str, Any]) -> NoteRecord:
    def text(name: str) -> str | None:
        return item[name]["S"] if name in item else None

    note = text("note")
    return NoteRecord(note=int(note) if note else None, job=text("shown"), body=text("body"))


def _to_json(run: Run) -> str:
    return json.dumps(asdict(run), default=datetime.isoformat, sort_keys=True)


def _from_json(text: str) -> Run:
    said: dict[str, Any] = json.loads(text)
    lineage = said["lineage"]
    return Run(
        **{
            **said,
            "lineage": Lineage(**{**lineage, "origin": Origin(**lineage["origin"])}),
            "status": Status(said["status"]),
            "created": datetime.fromisoformat(said["created"]),
            "ended": datetime.fromisoformat(said["ended"]) if said["ended"] else None,
            "remarks": tuple(said["remarks"]),
            "also_asked": tuple(Origin(**origin) for origin in said["also_asked"]),
            "releases": {name: _release(release) for name, release in said["releases"].items()},
        }
    )


def _release(said: dict[str, Any]) -> Release:
    return Release(
        **{**said, "status": ReleaseStatus(said["status"]), "at": datetime.fromisoformat(said["at"])},
    )
