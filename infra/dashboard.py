"""Where to look: one dashboard a project, in rows of what it is about, what came of it first and the machinery last."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.arns import function_logs
from infra.queued_function import QueuedFunction
from mergemaker.domain.names import Names
from mergemaker.domain.watching import DIMENSION, NAMESPACE, Count

WIDE, HALF, THIRD = 24, 12, 8
"""Columns of CloudWatch's grid of 24."""
HOUR, DAY = cdk.Duration.hours(1), cdk.Duration.days(1)


def dashboard(
    scope: Construct, *, names: Names, functions: Sequence[QueuedFunction], alarms: Sequence[cloudwatch.Alarm]
) -> cloudwatch.Dashboard:
    made = cloudwatch.Dashboard(scope, "Dashboard", dashboard_name=names.project, default_interval=cdk.Duration.days(7))
    project = names.project
    rows: list[list[cloudwatch.IWidget]] = [
        [_totals(project)],
        _runs(project),
        _endpoints(project),
        _tables(names, functions),
        [cloudwatch.AlarmStatusWidget(title="Alarms of the machinery", alarms=list(alarms), width=WIDE, height=3)],
        *(_row(function) for function in functions),
    ]
    for row in rows:
        made.add_widgets(*row)
    return made


def counted(project: str, what: Count, period: cdk.Duration, label: str | None = None) -> cloudwatch.Metric:
    """What the functions count, summed up: `lambdas.counting`."""
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=what.value,
        dimensions_map={DIMENSION: project},
        statistic="Sum",
        period=period,
        label=label,
    )


def _totals(project: str) -> cloudwatch.IWidget:
    labels = {
        Count.RUNS: "Runs that ended",
        Count.FAILED_RUNS: "Runs that failed",
        Count.COST: "Training, about $",
        Count.FAILED_RELEASES: "Releases that failed",
    }
    return cloudwatch.SingleValueWidget(
        title="In the time that is shown",
        metrics=[counted(project, what, DAY, label) for what, label in labels.items()],
        set_period_to_time_range=True,
        width=WIDE,
        height=4,
    )


def _runs(project: str) -> list[cloudwatch.IWidget]:
    return [
        cloudwatch.GraphWidget(
            title="Runs an hour",
            left=[
                counted(project, Count.RUNS, HOUR, "ended"),
                counted(project, Count.FAILED_RUNS, HOUR, "failed"),
            ],
            width=THIRD,
        ),
        cloudwatch.GraphWidget(
            title="Cost of training a day, about $, and billed seconds",
            left=[counted(project, Count.COST, DAY, "$")],
            right=[counted(project, Count.BILLED_SECONDS, DAY, "seconds × instances")],
            width=THIRD,
        ),
        cloudwatch.GraphWidget(
            title="Releases that failed an hour",
            left=[counted(project, Count.FAILED_RELEASES, HOUR, "failed or rolled back")],
            width=THIRD,
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
        cloudwatch.GraphWidget(title="Endpoints: predictions", left=[found("Invocations", "Sum")], width=THIRD),
        cloudwatch.GraphWidget(
            title="Endpoints: failed predictions", left=[found("Invocation5XXErrors", "Sum")], width=THIRD
        ),
        cloudwatch.GraphWidget(
            title="Endpoints: microseconds a prediction, p99", left=[found("ModelLatency", "p99")], width=THIRD
        ),
    ]


def _tables(names: Names, functions: Sequence[QueuedFunction]) -> list[cloudwatch.IWidget]:
    """From the functions' lines: a metric for each model would be paid for by the model."""
    groups = [function_logs(names, function.node.id) for function in functions]
    return [
        cloudwatch.LogQueryWidget(
            title="Runs by model",
            log_group_names=groups,
            query_lines=[
                f"filter ispresent({Count.RUNS})",
                f"stats sum({Count.RUNS}) as runs, sum({Count.FAILED_RUNS}) as failed, sum({Count.COST}) as dollars "
                "by model",
                "sort dollars desc",
            ],
            width=HALF,
        ),
        cloudwatch.LogQueryWidget(
            title="What failed in the functions",
            log_group_names=groups,
            query_lines=[
                "filter level = 'ERROR'",
                "fields @timestamp, merge_request, run, coalesce(reason, exception) as why",
                "sort @timestamp desc",
                "limit 20",
            ],
            width=HALF,
        ),
    ]


def _row(one: QueuedFunction) -> list[cloudwatch.IWidget]:
    name = one.node.id
    return [
        cloudwatch.GraphWidget(
            title=f"{name}: calls, errors, throttles",
            left=[one.function.metric_invocations(), one.function.metric_errors(), one.function.metric_throttles()],
            width=THIRD,
        ),
        cloudwatch.GraphWidget(
            title=f"{name}: time taken", left=[one.function.metric_duration(statistic="p99")], width=THIRD
        ),
        cloudwatch.GraphWidget(
            title=f"{name}: oldest message, dead letters",
            left=[one.queue.metric_approximate_age_of_oldest_message()],
            right=[one.dead_letters.metric_approximate_number_of_messages_visible()],
            width=THIRD,
        ),
    ]
