"""A job's instances on one machine: each is a container of its own, with a loopback address for a name.

AWS's toolkit looks up every host before it runs the script, so a host must have a name that resolves; Linux answers
for all of 127.0.0.0/8. MPI would reach other hosts through ssh, which a laptop has not: its processes are all started
on one host, as many as there would be on all.
"""

import json
from dataclasses import dataclass
from typing import Any

Record = dict[str, Any]
MOST = 4
"""Instances of a job: a laptop has few cores."""
_MPI, _PER_HOST = "sagemaker_mpi_enabled", "sagemaker_mpi_num_of_processes_per_host"
_TORCHRUN = "sagemaker_torch_distributed_enabled"


@dataclass(frozen=True)
class Host:
    """One of a job's instances."""

    number: int
    """From 1 on, as in SageMaker's ``algo-1``."""
    name: str

    @property
    def log_name(self) -> str:
        return f"algo-{self.number}"


def hosts(record: Record) -> list[Host]:
    count = 1 if _MPI in record["HyperParameters"] else record["ResourceConfig"].get("InstanceCount", 1)
    if count == 1:
        return [Host(1, "localhost")]
    return [Host(number, f"127.0.0.{number}") for number in range(1, count + 1)]


def alone(record: Record) -> bool:
    """Whether a job wants the ports that torchrun and the toolkit always take, so that no two may run at a time."""
    return _TORCHRUN in record["HyperParameters"] or len(hosts(record)) > 1


def hyperparameters(record: Record) -> dict[str, str]:
    """As the containers see them: with MPI, the one host has the processes of all."""
    given: dict[str, str] = record["HyperParameters"]
    if _MPI not in given:
        return given
    count = record["ResourceConfig"].get("InstanceCount", 1)
    per_host = json.loads(given.get(_PER_HOST, "1"))
    return given | {_PER_HOST: json.dumps(count * per_host)}


def resource_config(record: Record, host: Host) -> Record:
    """What a container reads in resourceconfig.json."""
    names = [one.name for one in hosts(record)]
    kind = record["ResourceConfig"].get("InstanceType", "")
    group = {"instance_group_name": "homogeneousCluster", "instance_type": kind, "hosts": names}
    return {
        "current_host": host.name,
        "hosts": names,
        "current_instance_type": kind,
        "current_group_name": "homogeneousCluster",
        "instance_groups": [group],
        "network_interface_name": "lo",
    }
