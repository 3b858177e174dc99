"""What gitlab-ci-local prints, as jobs: their states, stages and logs."""

import re

Job = dict[str, str]
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_CHILD = r"(?:\t*\[(?P<trigger>[^\]]+)\] -> )?"
"""Before the name of a child pipeline's job; its verdict has it only where the job passed."""
_STARTED = re.compile(rf"^{_CHILD}(?P<job>\S.*?) +starting shell \((?P<stage>[^)]+)\)$", re.MULTILINE)
_VERDICT = re.compile(rf"^ *(?P<verdict>PASS|FAIL|WARN) +{_CHILD}(?P<job>\S.*?)(?:  \w+_script)? *$", re.MULTILINE)
_STATES = {"PASS": "success", "FAIL": "failed", "WARN": "success"}
_LONGEST = 10_000
"""Characters of an output that belongs to no job."""


def jobs_of(printed: str, *, exit_code: int) -> tuple[str, list[Job]]:
    """State of the pipeline, and all jobs; a child pipeline's stand in a stage called as the job that triggers it."""
    said = _COLOUR.sub("", printed)
    stages: dict[str, str] = {}
    children: dict[str, list[str]] = {}
    for match in _STARTED.finditer(said):
        if trigger := match["trigger"]:
            stages[trigger] = trigger
            children.setdefault(trigger, []).append(match["job"])
        stages[match["job"]] = trigger or match["stage"]
    states = {one["job"]: _STATES[one["verdict"]] for one in _VERDICT.finditer(said) if one["job"] in stages}
    # To gitlab-ci-local a child pipeline's end does not matter; to GitLab it does, with `strategy: depend`.
    states |= {
        trigger: "failed" for trigger, jobs in children.items() if any(states.get(job) != "success" for job in jobs)
    }
    jobs = [job(name, states[name], _log_of(name, said), stage=stages[name]) for name in stages if name in states]
    if exit_code and "failed" not in states.values():
        jobs.append(job("runner", "failed", said[-_LONGEST:]))
    return ("failed" if any(one["status"] == "failed" for one in jobs) else "success"), jobs


def job(name: str, status: str, log: str, *, stage: str = "test") -> Job:
    """As the stand-in takes it."""
    return {"name": name, "stage": stage, "status": status, "log": log}


def _log_of(name: str, said: str) -> str:
    """The job's lines: gitlab-ci-local puts its name before each."""
    lines = [re.sub(rf"^{_CHILD}", "", line) for line in said.splitlines()]
    return "\n".join(line[len(name) :].strip().removeprefix("> ") for line in lines if line.startswith(f"{name} "))
