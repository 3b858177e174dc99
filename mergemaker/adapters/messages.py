"""SQS messages of a Lambda's own queue."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mergemaker.adapters.aws import Clients, calling
from mergemaker.domain.errors import MergemakerError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

log = logging.getLogger(__name__)

WAITS = (15, 60, 240, 900)
"""Seconds until a message comes again, by how often it came already: most of what passes has passed in 15 seconds, and
an hour's outage should not fill the dead-letter queue in a minute."""


def postpone(message: Mapping[str, Any], clients: Clients) -> None:
    """Lets a message whose handling failed come again sooner, or later, than its queue's visibility timeout says.

    A failure here is logged and no more: then the queue's own timeout holds.
    """
    try:
        name = str(message["eventSourceARN"]).rpartition(":")[2]
        count = int(message["attributes"]["ApproximateReceiveCount"])
        sqs: SQSClient = clients("sqs")
        with calling(f"queue {name}"):
            sqs.change_message_visibility(
                QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"],
                ReceiptHandle=message["receiptHandle"],
                VisibilityTimeout=WAITS[min(count, len(WAITS)) - 1],
            )
    except (KeyError, TypeError, ValueError, MergemakerError) as error:
        log.warning("not postponed", extra={"reason": str(error)})
