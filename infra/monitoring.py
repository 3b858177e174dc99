"""What tells a person that something needs looking at, and where to look."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.arns import Arns
from infra.key import alias
from infra.queued_function import QueuedFunction

FIVE_MINUTES = cdk.Duration.minutes(5)
OLD_SECONDS = 15 * 60
"""A message is worked off in seconds; what postpones itself does so for less than this at a time."""


class Monitoring(Construct):
    """Alarms go to the topic ``<project>-alarms``, to which the team subscribes what it reads. One dashboard."""

    def __init__(self, scope: Construct, construct_id: str, *, arns: Arns, functions: Sequence[QueuedFunction]) -> None:
        super().__init__(scope, construct_id)
        topic = _topic(self, arns)
        project = arns.names.project
        for function in functions:
            for alarm in _alarms(self, project, function):
                alarm.add_alarm_action(actions.SnsAction(topic))
        dashboard = cloudwatch.Dashboard(
            self, "Dashboard", dashboard_name=project, default_interval=cdk.Duration.days(7)
        )
        for function in functions:
            dashboard.add_widgets(*_row(function))
        dashboard.add_widgets(*_endpoints(project))


def _topic(scope: Construct, arns: Arns) -> sns.Topic:
    topic = sns.Topic(scope, "Topic", topic_name=f"{arns.names.project}-alarms", enforce_ssl=True)
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


def _alarms(scope: Construct, project: str, one: QueuedFunction) -> list[cloudwatch.Alarm]:
    def alarm(kind: str, metric: cloudwatch.IMetric, *, above: int, periods: int, text: str) -> cloudwatch.Alarm:
        return cloudwatch.Alarm(
            scope,
            f"{one.node.id}-{kind}",
            alarm_name=f"{project}-{one.node.id}-{kind}",
            alarm_description=text,
            metric=metric,
            threshold=above,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=periods,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )

    name = one.node.id
    return [
        alarm(
            "dead-letters",
            one.dead_letters.metric_approximate_number_of_messages_visible(period=FIVE_MINUTES, statistic="Maximum"),
            above=0,
            periods=1,
            text=f"Events failed for good. Read why in the log of {name}, mend it, then redrive the dead letters.",
        ),
        alarm(
            "errors",
            one.function.metric_errors(period=FIVE_MINUTES),
            above=0,
            periods=3,
            text=f"The function {name} has been failing for a quarter of an hour: read its log.",
        ),
        alarm(
            "throttles",
            one.function.metric_throttles(period=FIVE_MINUTES),
            above=0,
            periods=3,
            text=f"The account runs as many Lambdas as it may, so that {name} has to wait: raise the account's quota.",
        ),
        alarm(
            "oldest-message",
            one.queue.metric_approximate_age_of_oldest_message(period=FIVE_MINUTES, statistic="Maximum"),
            above=OLD_SECONDS,
            periods=1,
            text=f"The queue of {name} is stuck: see whether the function fails, is throttled, or waits for GitLab.",
        ),
    ]


def _row(one: QueuedFunction) -> list[cloudwatch.IWidget]:
    name = one.node.id
    return [
        cloudwatch.GraphWidget(
            title=f"{name}: calls, errors, throttles",
            left=[one.function.metric_invocations(), one.function.metric_errors(), one.function.metric_throttles()],
        ),
        cloudwatch.GraphWidget(title=f"{name}: time taken", left=[one.function.metric_duration(statistic="p99")]),
        cloudwatch.GraphWidget(
            title=f"{name}: oldest message, dead letters",
            left=[one.queue.metric_approximate_age_of_oldest_message()],
            right=[one.dead_letters.metric_approximate_number_of_messages_visible()],
        ),
    ]


def _endpoints(project: str) -> list[cloudwatch.IWidget]:
    """Found by name when somebody looks: endpoints come and go without a deploy."""

    def found(metric: str, statistic: str) -> cloudwatch.MathExpression:
        wanted = f'{{AWS/SageMaker,EndpointName,VariantName}} MetricName="{metric}" EndpointName={project}'
        return cloudwatch.MathExpression(
            expression=f"SEARCH('{wanted}', '{statistic}', 300)", using_metrics={}, label=""
        )

    return [
        cloudwatch.GraphWidget(title="Endpoints: predictions", left=[found("Invocations", "Sum")]),
        cloudwatch.GraphWidget(title="Endpoints: failed predictions", left=[found("Invocation5XXErrors", "Sum")]),
        cloudwatch.GraphWidget(title="Endpoints: microseconds a prediction", left=[found("ModelLatency", "p99")]),
    ]
