"""A part of a run's data, for its smoke run: some of the files, and of a file that is a channel by itself its first
lines. As a snapshot is, it is copied on the server, and named after what is in it."""

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from mergemaker.domain.job import JobRequest
from mergemaker.domain.names import data_prefix, part_key, part_prefix, prepared_prefix
from mergemaker.domain.smoke import LINES, some_of
from mergemaker.ports import Files, Stored
from mergemaker.steps.snapshot import copy_all

FEWEST = 64 * 1024
"""Bytes that a file keeps at least: a handful of rows says nothing, and these train in no time."""
LONGEST_LINE = 1024 * 1024
"""Bytes within which a line has to end; a file whose lines are longer is taken whole."""


def keep_part(request: JobRequest, fraction: float, *, files: Files) -> str:
    """Makes a part of the run's data, which is there, unless the part is there, too. Its digest.

    Raises RetryableError if it can't be copied now; the next try goes on from there.
    """
    lineage, model = request.lineage, request.lineage.model
    whole = (prepared_prefix if lineage.prepare else data_prefix)(model, lineage.data)
    there = {one.key.removeprefix(whole): one for one in files.list(whole) if not one.key.endswith("/")}
    part = _part({path: one for path, one in there.items() if path.split("/")[0] in request.channels}, fraction, files)
    listed = json.dumps([[path, one.size, one.etag] for path, one in sorted(part.items())]).encode()
    digest = hashlib.sha256(listed).hexdigest()
    key, into = part_key(model, digest), part_prefix(model, digest)
    if not files.etag(key):
        copy_all({f"{into}{path}": one for path, one in part.items() if one == there[path]}, into, files)
        for path, one in part.items():
            if one != there[path]:
                files.copy(there[path], f"{into}{path}", length=one.size)
        files.write(key, listed, replacing=None)
    return digest


def _part(there: Mapping[str, Stored], fraction: float, files: Files) -> dict[str, Stored]:
    """By path; of a file that is cut, the size that is kept."""
    channels = defaultdict[str, list[str]](list)
    for path in there:
        channels[path.split("/")[0]].append(path)
    part = {path: there[path] for paths in channels.values() for path in some_of(paths, fraction)}
    for path in [paths[0] for paths in channels.values() if len(paths) == 1 and paths[0].lower().endswith(LINES)]:
        part[path] = replace(part[path], size=_until_a_line_ends(there[path], fraction, files))
    return part


def _until_a_line_ends(stored: Stored, fraction: float, files: Files) -> int:
    """Bytes: at least the fraction of the file, to the end of a line."""
    least = max(FEWEST, math.ceil(fraction * stored.size))
    if least >= stored.size:
        return stored.size
    end = files.read_at(stored, first=least - 1, length=LONGEST_LINE).find(b"\n")
    return stored.size if end < 0 else least + end
