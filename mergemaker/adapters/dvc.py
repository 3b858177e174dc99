"""What DVC tracks, read from its files in the repository: ``*.dvc``, ``dvc.lock`` and ``.dvc/config``.

The format is that of DVC 3; content that DVC 2 pushed is found where that version put it.
"""

import configparser
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from mergemaker.domain.errors import UsageError
from mergemaker.ports import Tracked
from mergemaker.steps.tracked import is_inside, is_md5

CONFIG = ".dvc/config"
LONGEST = 2 * 1024 * 1024
"""Bytes of a file of DVC's: a ``dvc.lock`` of some thousand stages, which takes seconds to read."""


class DvcFiles:
    """`ports.Tracking` over a checkout, for a remote in the project's bucket."""

    def __init__(self, root: Path, bucket: str) -> None:
        self._root, self._bucket = root, bucket
        self._content: dict[str, dict[str, Any]] = {}

    def find(self, path: str) -> Tracked:
        asked = PurePosixPath(path)
        for above in (asked, *asked.parents):
            for file, output in self._outputs(above):
                md5 = _said(output, "md5")
                if not is_md5(md5.removesuffix(".dir")):
                    raise UsageError(f"{file}: {above} has no MD5: track it with `dvc add`, or run `dvc repro`")
                within = asked.relative_to(above).as_posix()
                cache = self._cache(file, output)
                return Tracked(asked.as_posix(), md5, within="" if within == "." else within, cache=cache)
        raise UsageError(f"{path}: DVC does not track it: there is neither {path}.dvc nor an output of a dvc.lock")

    def _outputs(self, path: PurePosixPath) -> Iterator[tuple[str, dict[str, Any]]]:
        """Records of what DVC tracks at just this path, and the files that they are in."""
        if path.name:
            file = f"{path}.dvc"
            yield from ((file, out) for out in self._listed(file, self._read(file)) if _at(file, out) == path)
        # A lock has paths relative to its own folder, which is `path` or above it.
        for folder in path.parents:
            file = (folder / "dvc.lock").as_posix()
            stages = self._read(file).get("stages", {})
            for stage in stages.values() if isinstance(stages, dict) else ():
                yield from ((file, out) for out in self._listed(file, stage) if _at(file, out) == path)

    def _listed(self, file: str, record: object) -> list[dict[str, Any]]:
        outputs = record.get("outs", []) if isinstance(record, dict) else None
        if not isinstance(outputs, list) or not all(isinstance(one, dict) for one in outputs):
            raise UsageError(f"{file}: not as DVC writes it")
        return outputs

    def _read(self, file: str) -> dict[str, Any]:
        """Empty if it isn't there. Each is read once: a long one takes a second."""
        if file not in self._content:
            self._content[file] = self._parsed(file)
        return self._content[file]

    def _parsed(self, file: str) -> dict[str, Any]:
        text = self._text(file)
        if not text:
            return {}
        import yaml  # only for who uses DVC: it would be the slowest import of `submit` after boto3

        try:
            # All values are text: a digest may look like a number. Not by the loader in C, which is faster: it ends the
            # process where brackets are nested deeply.
            content: object = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - makes no objects
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            place = getattr(error, "problem_mark", None)
            raise UsageError(f"{file}{f':{place.line + 1}' if place else ''}: not YAML as DVC writes it") from None
        if not isinstance(content, dict):
            raise UsageError(f"{file}: not as DVC writes it")
        return content

    def _text(self, file: str) -> str:
        at = self._root / file
        try:
            if at.stat().st_size > LONGEST:
                raise UsageError(f"{file} is longer than {LONGEST:,} bytes")
            return at.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return ""
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{file} can't be read: {error}") from None

    # The remote ---------------------------------------------------------------------------------

    def _cache(self, file: str, output: dict[str, Any]) -> str:
        prefix = self._prefix(_said(output, "remote"))
        # DVC 2 wrote no `hash`, and pushed to the remote's root.
        kind = _said(output, "hash")
        if kind not in ("", "md5"):
            raise UsageError(f"{file}: the digest {kind!r} is not known: only md5 is")
        return f"{prefix}files/md5/" if kind else prefix

    def _prefix(self, remote: str) -> str:
        """Of keys in the project's bucket. Raises UsageError for a remote elsewhere."""
        config = configparser.RawConfigParser(strict=False)
        try:
            config.read_string(self._text(CONFIG))
        except configparser.Error:
            raise UsageError(f"{CONFIG}: not as DVC writes it") from None
        remote = remote or config.get("core", "remote", fallback="").strip()
        section = f"'remote \"{remote}\"'"
        advice = f"run `dvc remote add --default storage s3://{self._bucket}/dvc/input` and commit {CONFIG}"
        if not remote or not config.has_section(section):
            raise UsageError(f"{CONFIG} names no remote{f' {remote!r}' if remote else ''}: {advice}")
        if any(config.get(section, way, fallback="").lower() == "true" for way in ("version_aware", "worktree")):
            raise UsageError(f"{CONFIG}: remote {remote!r} is version-aware, without digests to go by: {advice}")
        url = config.get(section, "url", fallback="")
        host, _, prefix = url.removeprefix("s3://").rstrip("/").partition("/")
        if not url.startswith("s3://") or host != self._bucket:
            raise UsageError(f"{CONFIG}: remote {remote!r} is not in the project's bucket: {advice}")
        if "/input/" not in f"/{prefix}/" or prefix.startswith("input") or not is_inside(prefix):
            raise UsageError(f"{CONFIG}: remote {remote!r} is not where jobs of CI may read: {advice}")
        return f"{prefix}/"


def _at(file: str, output: dict[str, Any]) -> PurePosixPath | None:
    """Where an output is in the repository; None where it is outside."""
    path = _said(output, "path").removesuffix("/")
    return PurePosixPath(file).parent / path if is_inside(path) else None


def _said(output: dict[str, Any], key: str) -> str:
    value = output.get(key)
    return value if isinstance(value, str) else ""
