"""What is known of models' inputs, in the run table.

One item lists what has changed and was not seen to yet, an attribute a model; an item of each model says until when its
input was seen to.
"""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from mergemaker.adapters.aws import calling, code_of
from mergemaker.ports import HEARS_SECONDS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

_CONFLICT = "ConditionalCheckFailedException"
_HEARD: "dict[str, AttributeValueTypeDef]" = {"model": {"S": "#input"}, "job": {"S": "heard"}}
"""Its attributes are ``in:<model>``: no model's name begins with a hash, and no key's with ``in:``."""


class DynamoInputs:
    """`ports.Inputs` over the run table. Times are kept as seconds, with microseconds."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb, self._table = dynamodb, table
        self._kept: dict[str, datetime] = {}
        """When this process wrote last: while a function is warm, most words of an upload end here."""

    def hear(self, model: str, *, at: datetime, now: datetime) -> None:
        before = now - timedelta(seconds=HEARS_SECONDS)
        if self._kept.get(model, before) > before:
            return
        done = self._item(_seen(model)).get("until")
        if done and at <= _time(done):
            return
        values = {":now": _number(now), ":before": _number(before)}
        self._change(
            _HEARD, "SET #m = :now", condition="attribute_not_exists(#m) OR #m <= :before", of=model, values=values
        )
        self._kept[model] = now

    def heard(self) -> dict[str, datetime]:
        found = self._item(_HEARD)
        return {key[3:]: _time(value) for key, value in found.items() if key.startswith("in:")}

    def seen_to(self, model: str, heard: datetime) -> None:
        with calling(f"run table {self._table}"):
            self._dynamodb.put_item(TableName=self._table, Item={**_seen(model), "until": _number(heard)})
        self._change(_HEARD, "REMOVE #m", condition="#m = :heard", of=model, values={":heard": _number(heard)})

    def _item(self, key: "dict[str, AttributeValueTypeDef]") -> "dict[str, AttributeValueTypeDef]":
        with calling(f"run table {self._table}"):
            return self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item", {})

    def _change(
        self,
        key: "dict[str, AttributeValueTypeDef]",
        update: str,
        *,
        condition: str,
        of: str,
        values: "dict[str, AttributeValueTypeDef]",
    ) -> None:
        """Nothing where the condition does not hold: then somebody else has written what is newer."""
        with calling(f"run table {self._table}"):
            try:
                self._dynamodb.update_item(
                    TableName=self._table,
                    Key=key,
                    UpdateExpression=update,
                    ConditionExpression=condition,
                    ExpressionAttributeNames={"#m": f"in:{of}"},
                    ExpressionAttributeValues=values,
                )
            except ClientError as error:
                if code_of(error) != _CONFLICT:
                    raise


def _seen(model: str) -> "dict[str, AttributeValueTypeDef]":
    return {"model": {"S": model}, "job": {"S": "input"}}


def _number(at: datetime) -> "AttributeValueTypeDef":
    return {"N": f"{at.timestamp():.6f}"}


def _time(value: "AttributeValueTypeDef") -> datetime:
    return datetime.fromtimestamp(float(value["N"]), UTC)
