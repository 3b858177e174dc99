"""What `mergemaker data` prints."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from mergemaker.domain.names import snapshot_key
from mergemaker.domain.settings import Settings
from mergemaker.domain.text import visible
from mergemaker.ports import Files
from mergemaker.steps.data import Change, Data, changes, current, is_prepared, kept, named_snapshot
from mergemaker.steps.push import Pushed, push
from mergemaker.steps.snapshot import find_data
from mergemaker.steps.submit import Folder


def show(settings: Settings, root: Path, model: str, *, as_json: bool) -> int:
    """The files that the model's next run would be made of, before anything is prepared of them."""
    from mergemaker.adapters.folder import read_folder
    from mergemaker.bootstrap import Aws

    files = Aws(settings.names, settings.network).files
    folder = read_folder(root, model, settings.models)
    now = _current(settings, root, folder, files)
    there = files.etag(snapshot_key(model, now.digest)) is not None
    if as_json:
        listed = [{"path": path, "bytes": known.size} for path, known in now.files.items()]
        said = {"model": model, "snapshot": now.digest, "kept": there, "prepared": is_prepared(folder, now, files)}
        print(json.dumps({**said, "bytes": now.size, "files": listed}))
        return 0
    _print(f"{readable(known.size):>10}  {path}" for path, known in now.files.items())
    print(f"{len(now.files):,} files, {readable(now.size)}: snapshot {now.digest}{'' if there else ', not made yet'}")
    if folder.spec.prepare:
        done = {True: ", made already", False: ", not made yet", None: ""}[is_prepared(folder, now, files)]
        print(f"{folder.spec.prepare.script} makes of them: {', '.join(folder.spec.channels)}{done}")
    return 0


def compare(settings: Settings, root: Path, model: str, *, against: str | None, as_json: bool) -> int:
    """How the next run's data differs from what was kept for a run."""
    from mergemaker.adapters.folder import read_folder
    from mergemaker.bootstrap import Aws

    aws = Aws(settings.names, settings.network)
    now = _current(settings, root, read_folder(root, model, settings.models), aws.files)
    before = kept(model, named_snapshot(model, against, files=aws.files, jobs=aws.jobs), aws.files)
    found = changes(before, now)
    if as_json:
        listed = [{"path": one.path, "before": one.before, "after": one.after} for one in found]
        print(json.dumps({"model": model, "before": before.digest, "after": now.digest, "changes": listed}))
        return 0
    _print(_line(one) for one in found)
    print(_summary(found, before, now))
    return 0


def upload(settings: Settings, model: str, path: Path, *, as_json: bool) -> int:
    """With a line that moves, at a terminal."""
    from mergemaker.bootstrap import Aws

    moving = sys.stderr.isatty()

    def told(so_far: Pushed) -> None:
        if moving:
            print(f"\r\033[K{_progress(so_far)}", end="", file=sys.stderr, flush=True)

    try:
        done = push(model, path, files=Aws(settings.names, settings.network).files, told=told)
    finally:
        if moving:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
    said = {"model": model, "files": done.of, "uploaded": done.uploaded, "bytes": done.size}
    there = done.of - done.uploaded
    text = f"{done.uploaded:,} files uploaded ({readable(done.size)}), {there:,} were there"
    print(json.dumps(said) if as_json else f"{model}: {text}")
    return 0


def _current(settings: Settings, root: Path, folder: Folder, files: Files) -> Data:
    from mergemaker.adapters.dvc import DvcFiles

    tracking = DvcFiles(root, settings.names.bucket)
    return current(find_data(folder.spec, files=files, names=settings.names, tracking=tracking), files)


def _print(lines: Iterable[str]) -> None:
    """Anybody's names of files, at somebody's terminal."""
    for line in lines:
        print(visible(line))


def _line(change: Change) -> str:
    if change.before is None or change.after is None:
        return f"{'+' if change.before is None else '-'} {change.path} ({readable(change.before or change.after or 0)})"
    return f"~ {change.path} ({readable(change.before)} → {readable(change.after)})"


def _summary(found: list[Change], before: Data, now: Data) -> str:
    if not found:
        return f"the same as snapshot {before.digest}: {len(now.files):,} files, {readable(now.size)}"
    added = sum(one.before is None for one in found)
    removed = sum(one.after is None for one in found)
    counts = f"{added:,} added, {removed:,} removed, {len(found) - added - removed:,} changed"
    return f"{counts}: {readable(before.size)} → {readable(now.size)}, against snapshot {before.digest}"


def _progress(done: Pushed) -> str:
    filled = 30 * done.files // done.of
    return f"[{'#' * filled}{'.' * (30 - filled)}] {done.files:,} of {done.of:,} files, {readable(done.size)} uploaded"


def readable(size: int) -> str:
    """Bytes, in units of a thousand."""
    value, unit = float(size), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    return f"{size} B" if unit == "B" else f"{value:.1f} {unit}"
