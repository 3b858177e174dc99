"""A build's record, as BatchGetBuilds shows it, from its start through its phases to its end."""

import json
import time
from typing import Any

Record = dict[str, Any]


def begin(record: Record, params: Record) -> None:
    now = time.time()
    source = dict(record["source"])
    source.update({k: v for k, v in (("type", params.get("sourceTypeOverride")),) if v})
    source.update({k: v for k, v in (("location", params.get("sourceLocationOverride")),) if v})
    environment = dict(record["environment"])
    variables = {v["name"]: v for v in environment.get("environmentVariables", [])}
    variables.update({v["name"]: v for v in params.get("environmentVariablesOverride", [])})
    environment["environmentVariables"] = list(variables.values())
    record.pop("endTime", None)
    record.update(
        source=source,
        environment=environment,
        serviceRole=params.get("serviceRoleOverride", record["serviceRole"]),
        buildStatus="IN_PROGRESS",
        buildComplete=False,
        startTime=now,
        currentPhase="SUBMITTED",
        phases=[{"phaseType": "SUBMITTED", "startTime": now}],
        logs=_logs(record),
    )
    next_phase(record, "PROVISIONING")


def _logs(record: Record) -> Record:
    region = record["arn"].split(":")[3]
    group, stream = f"/aws/codebuild/{record['projectName']}", record["id"].rpartition(":")[2]
    link = f"https://console.aws.amazon.com/cloudwatch/home?region={region}#logEvent:group={group};stream={stream}"
    return {"groupName": group, "streamName": stream, "deepLink": link}


def variables(record: Record) -> dict[str, str]:
    return {v["name"]: v["value"] for v in record["environment"]["environmentVariables"]}


def next_phase(record: Record, phase: str) -> None:
    end_phase(record, "SUCCEEDED")
    record["phases"].append({"phaseType": phase, "startTime": time.time()})
    record["currentPhase"] = phase


def end_phase(record: Record, status: str) -> None:
    phase, now = record["phases"][-1], time.time()
    phase.update(phaseStatus=status, endTime=now, durationInSeconds=int(now - phase["startTime"]))


def finish(record: Record, status: str) -> None:
    now = time.time()
    record["phases"].append({"phaseType": "COMPLETED", "startTime": now})
    # The status last: who sees it may rely on all else.
    record.update(currentPhase="COMPLETED", buildComplete=True, endTime=now)
    record["buildStatus"] = status


def copy(record: Record) -> Record:
    copied: Record = json.loads(json.dumps(record))
    return copied
