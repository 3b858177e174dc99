"""What a Dockerfile means without Docker: files laid out as it copies them, variables, and installs of Python packages.

Understood: FROM a Python image or an earlier stage, ARG, ENV, WORKDIR, COPY out of the context, and of RUN what
installs Python packages. What else a system needs (apt-get) is this machine's to have. All that could make the image
another than this says is refused, with its line.
"""

import re
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from local.aws import recipe_run as run
from local.aws.environments import BuildError, Install
from local.aws.logs import Sink
from mergemaker.domain.dockerfile import Instruction, instructions, matching

_NOTHING_TO_DO = {"CMD", "EXPOSE", "HEALTHCHECK", "LABEL", "MAINTAINER", "STOPSIGNAL"}
_BASE = re.compile(r"(?:.*/)?python:(?P<version>[0-9.]+)[\w.-]*(?:@sha256:[0-9a-f]{64})?")


@dataclass(frozen=True)
class Stage:
    """What a stage has so far."""

    variables: Mapping[str, str] = field(default_factory=dict)
    """As ENV says them."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Path in the image -> path in the context."""
    executable: frozenset[str] = frozenset()
    """Paths in the image that a RUN chmod made so."""
    folder: str = "/"


@dataclass(frozen=True)
class Recipe:
    """What the last stage is, and what all stages install."""

    stage: Stage
    installs: tuple[Install, ...]

    def lay_out(self, context: Path, root: Path) -> None:
        """Copies the files of the image to `root`, which stands for its ``/``."""
        for path, source in self.stage.files.items():
            target = root / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(context / source, target)
            if path in self.stage.executable:
                target.chmod(0o755)

    def variables(self, root: Path, environment: Path) -> dict[str, str]:
        """For a process on this machine: what the image has is below `root`, its packages are in `environment`."""
        path = f"{environment / 'bin'}:/usr/local/bin:/usr/bin:/bin"
        moved = {name: _moved(value, root) for name, value in self.stage.variables.items()}
        first = moved.get("PATH", "").strip(":")
        return {**moved, "PATH": f"{first}:{path}" if first else path, "VIRTUAL_ENV": str(environment)}


def _moved(value: str, root: Path) -> str:
    parts = value.split(":")
    return ":".join(
        str(root / part.lstrip("/")) if part.startswith("/") and (root / part.lstrip("/")).exists() else part
        for part in parts
    )


def read(context: Path, log: Sink = lambda _line: None) -> Recipe:
    """The recipe in a context's Dockerfile. Raises BuildError."""
    reader = _Reader(context, log)
    for one in instructions((context / "Dockerfile").read_text("utf-8", "replace")):
        reader.take(one)
    if reader.stage is None:
        raise BuildError("the Dockerfile has no FROM")
    return Recipe(reader.stage, tuple(reader.installs))


class _Reader:
    """Goes through the instructions, one stage after the other."""

    def __init__(self, context: Path, log: Sink) -> None:
        self._context, self._log = context, log
        self._paths = sorted(path.relative_to(context).as_posix() for path in context.rglob("*") if path.is_file())
        self._arguments: dict[str, str] = {}
        self._stages: dict[str, Stage] = {}
        self._name = ""
        self.stage: Stage | None = None
        self.installs: list[Install] = []

    def take(self, one: Instruction) -> None:
        if one.word in _NOTHING_TO_DO:
            return
        steps = {"FROM": self._from, "ARG": self._arg, "ENV": self._env, "WORKDIR": self._workdir}
        step = {**steps, "COPY": self._copy, "RUN": self._run}.get(one.word)
        if step is None or (self.stage is None and one.word not in ("FROM", "ARG")):
            raise run.unknown(one, one.word)
        step(one)

    def _from(self, one: Instruction) -> None:
        words = self._expanded(one.rest, one).split()
        base = next((word for word in words if not word.startswith("--")), "")
        self._keep()
        self._name = words[-1].lower() if len(words) > 2 and words[-2].upper() == "AS" else str(len(self._stages))
        if base.lower() in self._stages:
            self.stage = self._stages[base.lower()]
            return
        if not _BASE.fullmatch(base):
            raise BuildError(f"Dockerfile:{one.line}: the laptop cloud has no image {base}: it begins with python:3.x")
        self.stage = Stage()

    def _keep(self) -> None:
        if self.stage is not None:
            self._stages[self._name] = self.stage

    def _arg(self, one: Instruction) -> None:
        for pair in one.arguments:
            name, _, value = pair.partition("=")
            self._arguments[name] = self._expanded(value, one)

    def _env(self, one: Instruction) -> None:
        pairs = one.arguments if "=" in one.rest.split(maxsplit=1)[0] else ["=".join(one.rest.split(maxsplit=1))]
        said = (pair.partition("=") for pair in pairs)
        found = {name: self._expanded(value, one) for name, _, value in said}
        self._change(variables={**self._now.variables, **found})

    def _workdir(self, one: Instruction) -> None:
        self._change(folder=self._absolute(self._expanded(one.rest, one)))

    def _copy(self, one: Instruction) -> None:
        if "from" in one.flags:
            if one.flags["from"].lower() not in {*self._stages, *map(str, range(len(self._stages)))}:
                raise run.unknown(one, f"COPY --from={one.flags['from']}")
            return  # of an earlier stage, packages are all that matters here, and they are in one place
        *sources, target = [self._expanded(word, one) for word in one.arguments]
        into = target.endswith("/") or target in (".", "..") or len(sources) > 1
        found: dict[str, str] = {}
        for source in sources:
            found |= self._copied(source, self._absolute(target), into=into)
        if not found:
            raise BuildError(f"Dockerfile:{one.line}: COPY finds no {' '.join(sources)} in the build's context")
        modes = one.flags.get("chmod", "")
        runs = frozenset(found) if re.fullmatch(r"0?[157][0-7]{2}|.*\+x", modes) else frozenset()
        self._change(files={**self._now.files, **found}, executable=self._now.executable | runs)

    def _copied(self, source: str, target: str, *, into: bool) -> dict[str, str]:
        """A folder's content goes to the target; a file becomes it, or goes into it."""
        parts = [part for part in source.split("/") if part not in ("", ".")]
        pattern = "/".join(parts) or "."
        found = {}
        for path in matching(pattern, self._paths):
            below = path.split("/")[len(parts) :]
            name = "/".join(below) or (path.rpartition("/")[2] if into else "")
            found[str(PurePosixPath(target, name))] = path
        return found

    def _run(self, one: Instruction) -> None:
        for words in run.commands(one):
            if words[0] == "chmod":
                self._chmod(words[1:])
            elif words[0] == "apt-get" and "install" in words:
                self._log(f"Dockerfile:{one.line}: not done here, this machine has to have it: {shlex.join(words)}")
            elif not run.leaves_no_trace(words):
                self.installs.append(run.install(one, words, where=lambda path: self._in_context(one, path)))

    def _chmod(self, words: list[str]) -> None:
        mode, *targets = [word for word in words if not word.startswith("-")] or [""]
        if not re.fullmatch(r"0?[157][0-7]{2}|.*\+x", mode):
            return
        wanted = {self._absolute(target) for target in targets}
        found = {path for path in self._now.files if any(path == one or path.startswith(f"{one}/") for one in wanted)}
        self._change(executable=self._now.executable | found)

    def _in_context(self, one: Instruction, path: str) -> str:
        """Where a file or folder of the image comes from."""
        wanted = self._absolute(self._expanded(path, one))
        for there, source in self._now.files.items():
            if there == wanted:
                return source
            if there.startswith(f"{wanted}/") and source.endswith(there.removeprefix(wanted)):
                return source.removesuffix(there.removeprefix(wanted))
        raise BuildError(f"Dockerfile:{one.line}: {wanted} is not copied out of the build's context before it is used")

    @property
    def _now(self) -> Stage:
        return self.stage or Stage()

    def _change(self, **changed: object) -> None:
        self.stage = replace(self._now, **changed)  # type: ignore[arg-type]

    def _absolute(self, path: str) -> str:
        return str(PurePosixPath(self._now.folder, path))

    def _expanded(self, text: str, one: Instruction) -> str:
        known = {**self._arguments, **self._now.variables}

        def value(found: re.Match[str]) -> str:
            name, usual = found["braced"] or found["plain"], found["usual"]
            if found["usual"] is None and found["operator"]:
                raise run.unknown(one, found[0])
            return known.get(name) or usual or ""

        return re.sub(
            r"\$(?:\{(?P<braced>\w+)(?::-(?P<usual>[^}]*)|(?P<operator>[^}]+))?\}|(?P<plain>\w+))", value, text
        )
