"""Which packages a run was trained with: the record of the run holds them, long after the image is gone."""

import re
from importlib.metadata import distributions
from pathlib import Path

FILE = "installed-packages.txt"
"""In the output data, where `mergemaker.domain.installed` expects it."""


def write_installed(folder: Path) -> None:
    """One ``name==version`` a line, as they are installed at the end: a script may have come with its own. What the
    script has put at that name is replaced, a link not followed."""
    found = {f"{_normal(one.metadata['Name'])}=={one.version}" for one in distributions() if one.metadata["Name"]}
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / FILE
    file.unlink(missing_ok=True)
    file.write_text("".join(f"{line}\n" for line in sorted(found)))


def _normal(name: str) -> str:
    """As package indexes compare names: one package has one, however it was built."""
    return re.sub(r"[-_.]+", "-", name).lower()
