"""What looks after endpoints: CloudWatch's alarms and log groups.

Each is made, or brought up to date, by its name alone, so it can be done again at any time. They outlive an endpoint
that is deleted to be created anew; where there are no predictions they are quiet.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from mergemaker.adapters.aws import Clients, calling, code_of
from mergemaker.adapters.endpoints import VARIANT
from mergemaker.adapters.jobs import tag_list
from mergemaker.domain.names import Names
from mergemaker.domain.settings import Alarms
from mergemaker.domain.watching import LOG_DAYS, EndpointAlarm, alarm_topic_arn, endpoint_alarm, endpoint_logs

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

_FIVE_MINUTES = 300


class CloudWatch:
    """`ports.Watch`."""

    def __init__(self, clients: Clients, names: Names, *, limits: Alarms, key: Callable[[], str]) -> None:
        """`key`: ARN of the key that encrypts the logs; CloudWatch takes no alias (API reference, CreateLogGroup)."""
        self._clients, self._names, self._limits, self._key = clients, names, limits, key

    def over(self, endpoint: str, *, tags: Mapping[str, str]) -> None:
        self._keep_log(endpoint_logs(endpoint), tags)
        for kind, watched in self._alarms().items():
            self._alarm(endpoint, kind, watched, tags)

    def _keep_log(self, group: str, tags: Mapping[str, str]) -> None:
        """Before the endpoint is there: SageMaker would make the group without an end and without our key."""
        logs: CloudWatchLogsClient = self._clients("logs")
        with calling(f"log group {group}"):
            try:
                logs.create_log_group(logGroupName=group, kmsKeyId=self._key(), tags=dict(tags))
            except ClientError as error:
                if code_of(error) != "ResourceAlreadyExistsException":
                    raise
            logs.put_retention_policy(logGroupName=group, retentionInDays=LOG_DAYS)

    def _alarm(self, endpoint: str, kind: EndpointAlarm, watched: dict[str, Any], tags: Mapping[str, str]) -> None:
        name = endpoint_alarm(endpoint, kind)
        with calling(f"alarm {name}"):
            self._clients("cloudwatch").put_metric_alarm(
                AlarmName=name,
                AlarmActions=[alarm_topic_arn(self._names)],
                Namespace="AWS/SageMaker",
                Dimensions=[{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": VARIANT}],
                Period=_FIVE_MINUTES,
                ComparisonOperator="GreaterThanThreshold",
                TreatMissingData="notBreaching",
                Tags=tag_list(dict(tags)),
                **watched,
            )

    def _alarms(self) -> dict[EndpointAlarm, dict[str, Any]]:
        """SageMaker counts errors of the container, and measures its latency in microseconds (SageMaker Developer
        Guide, metrics for monitoring with CloudWatch)."""
        errors, milliseconds = self._limits.endpoint_errors, self._limits.endpoint_p99_ms
        return {
            EndpointAlarm.ERRORS: {
                "AlarmDescription": f"More than {errors} predictions failed within five minutes by the fault of the "
                "endpoint: read its log, or roll back.",
                "MetricName": "Invocation5XXErrors",
                "Statistic": "Sum",
                "Threshold": errors,
                "EvaluationPeriods": 1,
            },
            EndpointAlarm.LATENCY: {
                "AlarmDescription": f"For ten minutes one prediction in a hundred has taken more than {milliseconds} "
                "ms in the container: see what is asked of it, or give it more instances.",
                "MetricName": "ModelLatency",
                "ExtendedStatistic": "p99",
                "Threshold": milliseconds * 1000,
                "EvaluationPeriods": 2,
            },
        }
