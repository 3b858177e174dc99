"""What a job left in its output: an archive from code that may be hostile, looked into and never unpacked."""

import io
import tarfile

from mergemaker.domain.errors import RefusedError
from mergemaker.domain.metrics import Metrics, parse_metrics
from mergemaker.domain.names import output_key
from mergemaker.ports import Files

LARGEST_OUTPUT = 100_000_000
"""Bytes of output.tar.gz that are looked into; what is larger holds data, not a report."""
LARGEST_METRICS = 1_000_000
LARGEST_UNPACKED = 400_000_000
MOST_FILES = 10_000
"""In output.tar.gz: a million empty ones fit into two megabytes, and take a minute to walk through."""


def output_metrics(model: str, job: str, files: Files) -> Metrics:
    """What ``metrics.json`` in the job's output says; nothing if there is none."""
    key = output_key(model, job, "output.tar.gz")
    try:
        found = files.read(key, longest=LARGEST_OUTPUT)
    except RefusedError as error:
        return Metrics({}, (f"the output was not looked into: {error}",))
    return metrics_in(found[0]) if found else Metrics({})


def metrics_in(archive: bytes) -> Metrics:
    """Finds and reads ``metrics.json`` in an archive that may be hostile: nothing is unpacked, sizes are bounded."""
    read = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r|gz") as members:
            for number, member in enumerate(members):
                read += member.size
                if read > LARGEST_UNPACKED or number >= MOST_FILES:
                    return Metrics({}, ("the output is too large when unpacked to look for metrics.json",))
                if member.isfile() and member.name.removeprefix("./") in ("metrics.json", "data/metrics.json"):
                    file = members.extractfile(member)
                    content = file.read(LARGEST_METRICS + 1) if file else b""
                    if len(content) > LARGEST_METRICS:
                        return Metrics({}, ("metrics.json is over 1 MB and was not read",))
                    return parse_metrics(content)
    except (tarfile.TarError, OSError, EOFError, ValueError, RecursionError) as error:
        return Metrics({}, (f"output.tar.gz can't be read: {error}",))
    return Metrics({})
