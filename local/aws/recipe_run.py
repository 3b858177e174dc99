"""What RUN does in a Dockerfile, as far as a machine without Docker can do it: installing Python packages."""

import re
import shlex
from collections.abc import Callable, Iterator

from local.aws.environments import BuildError, Install
from mergemaker.domain.dockerfile import Instruction

INSTALLER = "training/install.sh"
_NO_TRACE = {"rm", "mkdir", "true", "set", "echo", "useradd", "groupadd", "apt-get"}
_WHERE = {"--prefix", "--target", "-t", "--python", "--root-user-action"}
"""Options of pip whose value says where packages go, which is decided here."""
_HOW = {"--no-cache-dir", "--no-cache", "--disable-pip-version-check", "--user", "--system", "-q", "--quiet"}

Where = Callable[[str], str]
"""The place in the build's context of a path in the image. Raises BuildError."""


def unknown(one: Instruction, what: str) -> BuildError:
    return BuildError(
        f"Dockerfile:{one.line}: the laptop cloud can't do this: {what}. It understands FROM python:3.x, ARG, ENV, "
        "WORKDIR, COPY, and RUN with pip install or training/install.sh; AWS's CodeBuild does it all"
    )


def commands(one: Instruction) -> Iterator[list[str]]:
    """The words of each command of a RUN, without variables set before it. Raises BuildError for other shell syntax."""
    text = re.sub(r"^(--\S+\s+)+", "", one.rest)
    if text.startswith("["):
        yield one.arguments
        return
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    command: list[str] = []
    try:
        words = [*lexer, "&&"]
    except ValueError as error:
        raise BuildError(f"Dockerfile:{one.line}: RUN can't be read: {error}") from None
    for word in words:
        if word not in ("&&", ";"):
            command.append(word)
            continue
        while command and re.fullmatch(r"\w+=.*", command[0]):
            command.pop(0)
        if any(re.fullmatch(r"[|&<>();]+", part) for part in command):
            raise unknown(one, f"RUN {' '.join(command)}")
        if command:
            yield command
        command = []


def leaves_no_trace(words: list[str]) -> bool:
    """Whether an image without it is the same to a Python program, or differs in what is the machine's here."""
    return words[0] in _NO_TRACE or words[:3] in (["python", "-m", "compileall"], ["python", "-m", "venv"])


def install(one: Instruction, words: list[str], *, where: Where) -> Install:
    """Raises BuildError for a command that installs no Python packages."""
    script = words[1:] if words[0] == "sh" else words
    if script and script[0].endswith("/install.sh") and where(script[0]) == INSTALLER:
        return Install("sh", (INSTALLER, *map(where, script[1:])))
    for pip in (["pip"], ["pip3"], ["python", "-m", "pip"], ["python3", "-m", "pip"], ["uv", "pip"]):
        if words[: len(pip) + 1] == [*pip, "install"]:
            return Install("pip", tuple(_pip_arguments(words[len(pip) + 1 :], where)))
    raise unknown(one, f"RUN {shlex.join(words)}")


def _pip_arguments(words: list[str], where: Where) -> Iterator[str]:
    """For uv, with files of the context."""
    rest = iter(words)
    for word in rest:
        name, given, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if name in ("-r", "--requirement", "-c", "--constraint"):
            yield name
            yield where(value if given else next(rest, ""))
        elif name in _WHERE:
            if not given:
                next(rest, None)
        elif name not in _HOW:
            yield where(word) if word.startswith((".", "/")) else word
