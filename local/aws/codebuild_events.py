"""The event that CodeBuild sends when a build starts and ends, after the sample in its user guide."""

from datetime import UTC, datetime
from typing import Any

Record = dict[str, Any]


def state_change(record: Record) -> tuple[str, str, list[str], Record]:
    """Source, detail type, resources and detail."""
    detail = {
        "build-status": record["buildStatus"],
        "project-name": record["projectName"],
        "build-id": record["arn"],
        "additional-information": _information(record),
        "current-phase": record["currentPhase"],
        "current-phase-context": "[]",
        "version": "1",
    }
    return "aws.codebuild", "CodeBuild Build State Change", [record["arn"]], detail


def _information(record: Record) -> Record:
    environment, logs = record["environment"], record["logs"]
    return {
        "environment": {
            "image": environment.get("image"),
            "privileged-mode": bool(environment.get("privilegedMode", False)),
            "compute-type": environment.get("computeType"),
            "type": environment.get("type"),
            "environment-variables": [
                {"name": v["name"], "type": v.get("type", "PLAINTEXT"), "value": v["value"]}
                for v in environment["environmentVariables"]
            ],
        },
        "timeout-in-minutes": record["timeoutInMinutes"],
        "build-complete": record["buildComplete"],
        "build-number": record["buildNumber"],
        "initiator": record["initiator"],
        "build-start-time": _time(record["startTime"]),
        "source": {"location": record["source"].get("location"), "type": record["source"].get("type")},
        "logs": {"group-name": logs["groupName"], "stream-name": logs["streamName"], "deep-link": logs["deepLink"]},
        "phases": [_phase(phase) for phase in record["phases"]],
    }


def _phase(phase: Record) -> Record:
    shown: Record = {"phase-type": phase["phaseType"], "start-time": _time(phase["startTime"])}
    if "endTime" in phase:
        shown["phase-context"] = []
        shown["phase-status"] = phase["phaseStatus"]
        shown["end-time"] = _time(phase["endTime"])
        shown["duration-in-seconds"] = phase["durationInSeconds"]
    return shown


def _time(seconds: float) -> str:
    """Such as ``Sep 1, 2017 4:12:29 PM``."""
    time = datetime.fromtimestamp(seconds, UTC)
    return f"{time:%b} {time.day}, {time.year} {time.hour % 12 or 12}:{time:%M:%S %p}"
