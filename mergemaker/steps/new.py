"""Makes a model folder that trains: a template's files, with the model's name in them.

Every template is what all have in common and what is its own; a file that both have begins with the common part.
"""

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from mergemaker.domain.errors import UsageError
from mergemaker.domain.model import model_name
from mergemaker.domain.settings import MODELS

_COMMON = "common"
_SUFFIX = ".template"
"""Keeps what reads Python and TOML files, such as the Lambdas' bundle, from taking them for the package's own."""


def new(root: Path, name: str, template: str, models: str = MODELS) -> list[Path]:
    """Makes the model's folder, in the folder `models` under `root`; returns its files. Raises UsageError where
    anything is there already."""
    folder = root / models / model_name(name)
    try:
        folder.mkdir(parents=True)
        return [_write(folder / file, text) for file, text in rendered(name, template, models).items()]
    except FileExistsError:
        raise UsageError(f"{folder.relative_to(root)} is there already: choose another name, or move it away") from None
    except OSError as error:
        raise UsageError(f"{folder.relative_to(root)} can't be made: {error.strerror}") from None


def rendered(name: str, template: str, models: str = MODELS) -> dict[str, str]:
    """File -> text, in order."""
    texts: dict[str, str] = {}
    for part in (_COMMON, template):
        for file, text in _files(part):
            texts[file] = texts.get(file, "") + text
    up = "../" * (models.count("/") + 2)
    replaced = {"{{name}}": name, "{{template}}": template, "{{folder}}": f"{models}/{name}", "{{up}}": up}
    for mark, value in replaced.items():
        texts = {file: text.replace(mark, value) for file, text in texts.items()}
    return dict(sorted(texts.items()))


def _files(part: str) -> Iterator[tuple[str, str]]:
    found: Traversable = files("mergemaker") / "templates" / part
    for file in found.iterdir():
        if file.name.endswith(_SUFFIX):
            yield file.name.removesuffix(_SUFFIX), file.read_text(encoding="utf-8")


def _write(file: Path, text: str) -> Path:
    with file.open("x", encoding="utf-8") as out:
        out.write(text)
    return file
