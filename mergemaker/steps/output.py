"""What a job left in its output: an archive from code that may be hostile, looked into and never unpacked."""

import io
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from mergemaker.domain.errors import RefusedError
from mergemaker.domain.installed import FILE as INSTALLED
from mergemaker.domain.installed import parse_installed
from mergemaker.domain.metrics import Metrics, parse_metrics
from mergemaker.domain.names import output_key
from mergemaker.ports import Files

LARGEST_OUTPUT = 100_000_000
"""Bytes of output.tar.gz that are looked into; what is larger holds data, not a report."""
LARGEST_FILE = 1_000_000
LARGEST_UNPACKED = 400_000_000
MOST_FILES = 10_000
"""In output.tar.gz: a million empty ones fit into two megabytes, and take a minute to walk through."""
METRICS = "metrics.json"
WANTED = (METRICS, INSTALLED)


@dataclass(frozen=True)
class Output:
    """What a job left, as far as a record keeps it."""

    metrics: Metrics = field(default_factory=lambda: Metrics({}))
    installed: Mapping[str, str] = field(default_factory=dict)
    """Packages -> versions; nothing from an image that doesn't write them down."""


def job_output(model: str, job: str, files: Files) -> Output:
    """Nothing if the job left no output."""
    key = output_key(model, job, "output.tar.gz")
    try:
        found = files.read(key, longest=LARGEST_OUTPUT)
    except RefusedError as error:
        return Output(Metrics({}, (f"the output was not looked into: {error}",)))
    return output_in(found[0]) if found else Output()


def output_in(archive: bytes) -> Output:
    """Finds and reads what belongs to a record in an archive that may be hostile: nothing is unpacked, sizes are
    bounded. Where metrics.json is found, what comes after it may be broken or large."""
    found: dict[str, bytes] = {}
    remarks: tuple[str, ...] = ()
    try:
        for name, content in _wanted(archive):
            found.setdefault(name, content)
            if len(found) == len(WANTED):
                break
    except (tarfile.TarError, OSError, EOFError, ValueError, RecursionError) as error:
        remarks = (f"output.tar.gz can't be read: {error}",)
    except RefusedError as error:
        remarks = (str(error),)
    remarks = () if METRICS in found else remarks
    large = [name for name, content in found.items() if len(content) > LARGEST_FILE]
    remarks += tuple(f"{name} is over 1 MB and was not read" for name in large)
    metrics = parse_metrics(found[METRICS]) if METRICS in found.keys() - large else Metrics({})
    return Output(
        replace(metrics, remarks=(*metrics.remarks, *remarks)),
        parse_installed(found[INSTALLED]) if INSTALLED in found.keys() - large else {},
    )


def _wanted(archive: bytes) -> Iterator[tuple[str, bytes]]:
    """The files that are looked for, at most a byte more than may be. Raises RefusedError for what is too large."""
    read = 0
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r|gz") as members:
        for number, member in enumerate(members):
            read += member.size
            if read > LARGEST_UNPACKED or number >= MOST_FILES:
                raise RefusedError("the output is too large when unpacked to look for metrics.json")
            name = member.name.removeprefix("./").removeprefix("data/")
            if member.isfile() and name in WANTED:
                file = members.extractfile(member)
                yield name, file.read(LARGEST_FILE + 1) if file else b""
