"""The report: one note per merge request and model, written anew at each change of the run.

The first line says what a busy reviewer needs; all else follows only when there is something to say.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from mergemaker.domain import metrics as numbers
from mergemaker.domain.lineage import Origin
from mergemaker.domain.model import Goal, Metric
from mergemaker.domain.names import Names, note_marker, output_key, release_marker, reports_key
from mergemaker.domain.release import Endpoint
from mergemaker.domain.run import ReleaseStatus, Run, Status
from mergemaker.domain.text import block, code, visible

ICONS = {
    Status.WAITING: "⏳",
    Status.IN_PROGRESS: "🔄",
    Status.STOPPING: "🔄",
    Status.COMPLETED: "✅",
    Status.FAILED: "❌",
    Status.STOPPED: "⏹️",
}

MARKS = {True: "🟢 ", False: "🔴 "}
"""Of a metric that is better or worse."""

RELEASE_WORDS = {
    ReleaseStatus.WAITING: "⏳ waits for an earlier change of the endpoint",
    ReleaseStatus.DEPLOYING: "🔄 deploying",
    ReleaseStatus.SERVING: "🟢 serving",
    ReleaseStatus.FAILED: "❌ failed",
    ReleaseStatus.ROLLED_BACK: "↩️ rolled back",
    ReleaseStatus.REPLACED: "⚪ replaced by a later release:",
}


@dataclass(frozen=True)
class Report:
    """All that a note is made of."""

    run: Run
    origin: Origin
    """Who is told."""
    metrics: tuple[Metric, ...]
    """As the model's settings declare them: the first is the headline."""
    baseline: Run | None
    """The run whose package is live in the first environment; None if nothing is live, if what is live is this run, or
    if nobody knows which run made it."""
    endpoint: Endpoint | None
    """The first environment's, as it is now."""
    environment: str
    """The first environment's name."""
    names: Names


def render(report: Report) -> str:
    """The note's Markdown. Pure: the same report gives the same text."""
    run = report.run
    parts: Iterable[str] = (
        note_marker(run.model),
        _headline(report),
        _releases(run),
        _tags(run),
        _reason(run),
        _metrics(report),
        _changes(report),
        _merge(report),
        _facts(report),
        _hyperparameters(report),
        _remarks(run),
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def summary(report: Report) -> str:
    """One line for the commit status, at most 255 characters."""
    run = report.run
    if run.status is Status.COMPLETED:
        why = " ".join(visible(run.tagged.get(str(report.origin.pipeline), "")).split())
        refused = f"; no GitLab release {report.origin.tag}: {why}" if why else ""
        return f"{_trained(report)}{refused}"[:255]
    if run.status in (Status.FAILED, Status.STOPPED):
        word = "failed" if run.status is Status.FAILED else "stopped"
        return (f"{word}: {' '.join(visible(run.reason).split())}" if run.reason else word)[:255]
    return {
        Status.WAITING: _waits(run),
        Status.IN_PROGRESS: f"training: {visible(run.phase) or 'starting'}"[:255],
        Status.STOPPING: "stopping",
    }[run.status]


def _waits(run: Run) -> str:
    if run.waits_for_smoke:
        return "smoke run first"
    return "waits for its data" if run.phase else "waits for its image"


def _trained(report: Report) -> str:
    headline = _headline_metric(report)
    if headline is None:
        return "trained"
    metric, value = headline
    verdict, _ = _verdict(report, metric, value)
    said = f"{metric.name} {numbers.number(value)}"
    return f"{said}, {verdict}" if verdict else said


def _headline(report: Report) -> str:
    run = report.run
    said = [f"{ICONS[run.status]} **{run.model}**"]
    if run.status is Status.COMPLETED:
        said += [_headline_change(report), f"trained in {duration(run.billed_seconds)}" if run.billed_seconds else ""]
    else:
        said += [_state(report)]
    return f"### {' · '.join(part for part in said if part)}"


def _state(report: Report) -> str:
    """As the commit status says it, with what is not our own word made inert."""
    if report.run.status in (Status.FAILED, Status.STOPPED):
        return "failed" if report.run.status is Status.FAILED else "stopped"
    if report.run.status is Status.IN_PROGRESS:
        return f"training: {code(report.run.phase or 'starting')}"
    return summary(report)


def _headline_metric(report: Report) -> tuple[Metric, float] | None:
    values = report.run.metrics
    return next(((metric, values[metric.name]) for metric in report.metrics if metric.name in values), None)


def _headline_change(report: Report) -> str:
    headline = _headline_metric(report)
    if headline is None:
        return "trained"
    metric, value = headline
    said = f"{code(metric.name)} **{numbers.number(value)}**"
    verdict, mark = _verdict(report, metric, value)
    return f"{said} · {mark}{verdict}" if verdict else said


def _verdict(report: Report, metric: Metric, value: float) -> tuple[str, str]:
    """Such as ``1.2% better than staging``, and its mark; both empty where nothing is live to compare with."""
    before = report.baseline.metrics.get(metric.name) if report.baseline else None
    if before is None:
        return "", ""
    better = numbers.better(value, before, metric.goal)
    if better is None:
        return f"{'as good as' if value == before else 'not comparable with'} {report.environment}", ""
    percent = f"{abs(value - before) / abs(before):.1%} " if before and math.isfinite(before - value) else ""
    return f"{percent}{'better' if better else 'worse'} than {report.environment}", MARKS[better]


def _releases(run: Run) -> str:
    lines = []
    for release in run.releases.values():
        why = f": {code(release.reason)}" if release.reason else ""
        said = f"{RELEASE_WORDS[release.status]} version {release.version}, {moment(release.at)}{why}"
        lines.append(f"- **{release.environment}**: {said}")
    return "\n".join(lines)


def _tags(run: Run) -> str:
    """GitLab releases that were wished for. Of one that can't be as long as the run is not done, nothing is said."""
    said = {}
    for origin in run.asked_by:
        if origin.tag and not run.status.final:
            said[origin.tag] = f"- GitLab release {code(origin.tag)}: when it is done"
        elif origin.tag and str(origin.pipeline) in run.tagged:
            why = run.tagged[str(origin.pipeline)]
            shown = code(origin.tag)
            said[origin.tag] = f"- ⚠️ no GitLab release {shown}: {code(why)}" if why else f"- GitLab release {shown}"
    return "\n".join(said.values())


def release_text(report: Report) -> str:
    """The Markdown of a GitLab release of the run."""
    run = report.run
    parts = (release_marker(run.job), _headline(report), _metrics(report), _facts(report), _hyperparameters(report))
    return "\n\n".join(part for part in parts if part) + "\n"


def _reason(run: Run) -> str:
    return block(run.reason) if run.reason and run.status in (Status.FAILED, Status.STOPPED) else ""


def _metrics(report: Report) -> str:
    run, baseline = report.run, report.baseline
    if not run.metrics:
        return ""
    declared = {metric.name: metric for metric in report.metrics}
    order = [name for name in declared if name in run.metrics]
    order += sorted(name for name in run.metrics if name not in declared)
    if baseline is None:
        rows = [(_metric_name(name, declared), numbers.number(run.metrics[name])) for name in order]
        return _table(("metric", "this run"), rows)
    rows3 = [_compared(name, declared, run.metrics[name], baseline.metrics.get(name)) for name in order]
    live = f"live in {report.environment}" + (f" (version {baseline.version})" if baseline.version else "")
    return _table(("metric", "this run", live, "change"), rows3)


def _metric_name(name: str, declared: dict[str, Metric]) -> str:
    metric = declared.get(name)
    if metric is None:
        return code(name)
    return f"{code(name)} {'↓' if metric.goal is Goal.MINIMIZE else '↑'}"


def _compared(name: str, declared: dict[str, Metric], value: float, before: float | None) -> tuple[str, ...]:
    shown = _metric_name(name, declared)
    if before is None:
        return shown, numbers.number(value), "–", "new"
    metric = declared.get(name)
    better = numbers.better(value, before, metric.goal) if metric else None
    mark = MARKS[better] if better is not None else ""
    return shown, numbers.number(value), numbers.number(before), f"{mark}{value - before:+.4g}".replace("-", "−")


def _changes(report: Report) -> str:
    """Hyperparameters that differ from the baseline's."""
    if report.baseline is None or report.run.status is not Status.COMPLETED:
        return ""
    now, before = report.run.hyperparameters, report.baseline.hyperparameters
    said = [
        f"{code(name)} {_value(before.get(name))} → {_value(now.get(name))}"
        for name in sorted({*now, *before})
        if now.get(name) != before.get(name)
    ]
    return f"**Changed** since {report.environment}: {', '.join(said)}" if said else ""


def _value(value: str | None) -> str:
    return "–" if value is None else code(_plain(value))


def _merge(report: Report) -> str:
    """What a merge does, while it is still to be decided."""
    run = report.run
    if run.releases or run.status in (Status.FAILED, Status.STOPPED):
        return ""
    endpoint = report.names.endpoint(run.model, report.environment)
    version = f" with version {run.version}" if run.version else ""
    if report.endpoint is None:
        return f"**Merging creates** the endpoint `{endpoint}`{version}."
    now = f" (now version {report.endpoint.version})" if report.endpoint.version else ""
    return f"**Merging updates** the endpoint `{endpoint}`{version}{now}."


def _facts(report: Report) -> str:
    run, names = report.run, report.names
    origin, first = report.origin, run.lineage.origin
    done = f", which trained commit {first.commit[:8]} before" if origin.commit != first.commit else ""
    done += f", again after {run.lineage.repeats}" if run.lineage.repeats else ""
    rows = [("run", f"{_job_link(run, names)}{done}"), ("commit", f"{origin.commit[:8]} on {code(origin.branch)}")]
    if run.smoke_job:
        rows.append(
            (
                "smoke run",
                f"{_training_link(run.smoke_job, names)}, [CloudWatch]({_training_log(run.smoke_job, names)})",
            )
        )
    elif run.phase and not run.image and not run.waits_for_smoke:
        rows.append(
            ("preparation", f"{_processing_link(run.phase, names)}, [CloudWatch]({_preparation_log(run, names)})")
        )
    elif run.status is not Status.WAITING:
        rows.append(("log", f"[CloudWatch]({_training_log(run.job, names)})"))
    if run.instance:
        rows.append(("instance", code(run.instance)))
    if run.status is not Status.FAILED and run.status is not Status.STOPPED:
        artifact = run.artifact or f"s3://{names.bucket}/{output_key(run.model, run.job, 'model.tar.gz')}"
        rows.append(("artifact", code(artifact, longest=600)))
    if run.status is Status.COMPLETED:
        rows.append(("history", f"[reports.csv]({_s3_url(names, reports_key(run.model))})"))
    return _table(("", ""), rows, right=False)


def _job_link(run: Run, names: Names) -> str:
    if run.status is Status.WAITING:
        return f"`{run.job}`"
    return _training_link(run.job, names)


def _training_link(job: str, names: Names) -> str:
    return f"[{job}]({_console(names)}/sagemaker/home?region={names.region}#/jobs/{job})"


def _processing_link(job: str, names: Names) -> str:
    return f"[{job}]({_console(names)}/sagemaker/home?region={names.region}#/processing-jobs/{job})"


def _hyperparameters(report: Report) -> str:
    given = report.run.hyperparameters
    if not given:
        return ""
    rows = [(code(name), _value(value)) for name, value in sorted(given.items())]
    table = _table(("hyperparameter", "value"), rows, right=False)
    return f"<details><summary>Hyperparameters</summary>\n\n{table}\n\n</details>"


def _remarks(run: Run) -> str:
    return "\n".join(f"- ⚠️ {code(remark, longest=400)}" for remark in run.remarks)


def _plain(value: str) -> str:
    """A hyperparameter as the script gets it: SageMaker keeps it as JSON."""
    try:
        read = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return read if isinstance(read, str) else value


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]], *, right: bool = True) -> str:
    """A Markdown table; columns after the first stand right, as numbers do."""
    align = ["---", *(["--:" if right else "---"] * (len(head) - 1))]
    lines = [head, tuple(align), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def duration(seconds: int) -> str:
    """For people: ``42 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds < 60:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%d %b %Y %H:%M UTC")


def _console(names: Names) -> str:
    host = {
        "aws": "console.aws.amazon.com",
        "aws-cn": "console.amazonaws.cn",
        "aws-us-gov": "console.amazonaws-us-gov.com",
    }
    return f"https://{names.region}.{host[names.partition]}"


def _training_log(job: str, names: Names) -> str:
    return _log_url("/aws/sagemaker/TrainingJobs", job, names)


def _preparation_log(run: Run, names: Names) -> str:
    return _log_url("/aws/sagemaker/ProcessingJobs", run.phase, names)


def _log_url(name: str, job: str, names: Names) -> str:
    """CloudWatch's own address scheme: each part is escaped twice, with $ for %."""
    group = quote(quote(name, safe=""), safe="").replace("%", "$")
    events = quote(f"?logStreamNameFilter={job}/", safe="").replace("%", "$")
    return f"{_console(names)}/cloudwatch/home?region={names.region}#logsV2:log-groups/log-group/{group}{events}"


def _s3_url(names: Names, key: str) -> str:
    return f"{_console(names)}/s3/object/{names.bucket}?region={names.region}&prefix={quote(key, safe='')}"
