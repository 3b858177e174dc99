"""What tells a person that something needs looking at. Where to look is the dashboard: `infra.dashboard`.

Endpoints come without a deploy: the release step makes their alarms, which go to the same topic.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.acknowledged import acknowledge
from infra.arns import Arns
from infra.dashboard import counted, dashboard
from infra.key import alias
from infra.queued_function import QueuedFunction
from mergemaker.domain.settings import Alarms
from mergemaker.domain.watching import Count, alarm_topic

FIVE_MINUTES = cdk.Duration.minutes(5)
_MAIL = (
    "It is a mail to the team's own address. One that does not arrive would be as unread in a queue; which alarms are "
    "on is on the dashboard, too."
)
OLD_SECONDS = 15 * 60
"""A message is worked off in seconds; what postpones itself does so for less than this at a time."""


@dataclass(frozen=True)
class _Trouble:
    """What an alarm is about."""

    name: str
    metric: cloudwatch.IMetric
    text: str
    above: int = 0
    periods: int = 1


class Monitoring(Construct):
    """Alarms go to the topic ``<project>-alarms``, which writes to who is named in the settings. One dashboard."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        arns: Arns,
        functions: Sequence[QueuedFunction],
        alarms: Alarms,
    ) -> None:
        super().__init__(scope, construct_id)
        topic = _topic(self, arns)
        if alarms.email:
            mail = sns.Subscription(
                self, "Email", topic=topic, protocol=sns.SubscriptionProtocol.EMAIL, endpoint=alarms.email
            )
            acknowledge(mail, {"Serverless::Serverless-SNSRedrivePolicy": _MAIL})
        project = arns.names.project
        troubles = [_failed_releases(project), *(one for function in functions for one in _of(function))]
        made = [_alarm(self, project, one) for one in troubles]
        for alarm in made:
            alarm.add_alarm_action(actions.SnsAction(topic))
        dashboard(self, names=arns.names, functions=functions, alarms=made)


def _topic(scope: Construct, arns: Arns) -> sns.Topic:
    topic = sns.Topic(scope, "Topic", topic_name=alarm_topic(arns.names), enforce_ssl=True)
    template = topic.node.default_child
    assert isinstance(template, sns.CfnTopic)
    template.kms_master_key_id = alias(arns.names)
    topic.add_to_resource_policy(
        iam.PolicyStatement(
            actions=["sns:Publish"],
            resources=[topic.topic_arn],
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            conditions={"StringEquals": {"aws:SourceAccount": arns.names.account}},
        )
    )
    return topic


def _alarm(scope: Construct, project: str, trouble: _Trouble) -> cloudwatch.Alarm:
    return cloudwatch.Alarm(
        scope,
        trouble.name,
        alarm_name=f"{project}-{trouble.name}",
        alarm_description=trouble.text,
        metric=trouble.metric,
        threshold=trouble.above,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        evaluation_periods=trouble.periods,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
    )


def _failed_releases(project: str) -> _Trouble:
    return _Trouble(
        "failed-releases",
        counted(project, Count.FAILED_RELEASES, FIVE_MINUTES),
        "A release failed, or its endpoint went back to what it served before: its merge request says why.",
    )


def _of(one: QueuedFunction) -> list[_Trouble]:
    name = one.node.id
    return [
        _Trouble(
            f"{name}-dead-letters",
            one.dead_letters.metric_approximate_number_of_messages_visible(period=FIVE_MINUTES, statistic="Maximum"),
            f"Events failed for good. Read why in the log of {name}, mend it, then redrive the dead letters.",
        ),
        _Trouble(
            f"{name}-errors",
            one.function.metric_errors(period=FIVE_MINUTES),
            f"The function {name} crashes or runs out of time, for a quarter of an hour now: read its log.",
            periods=3,
        ),
        _Trouble(
            f"{name}-throttles",
            one.function.metric_throttles(period=FIVE_MINUTES),
            f"The account runs as many Lambdas as it may, so that {name} has to wait: raise the account's quota.",
            periods=3,
        ),
        _Trouble(
            f"{name}-oldest-message",
            one.queue.metric_approximate_age_of_oldest_message(period=FIVE_MINUTES, statistic="Maximum"),
            f"The queue of {name} is stuck: see whether the function fails, is throttled, or waits for GitLab.",
            above=OLD_SECONDS,
        ),
    ]
