"""Which packages a run was trained with, as the container wrote it down; the script could have written it, too."""

import re

FILE = "installed-packages.txt"
"""In the output data, where `training.installed` leaves it."""
MOST = 500
"""Packages that a record keeps."""
_LINE = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?)==([A-Za-z0-9][A-Za-z0-9.+!_-]{0,63})", re.ASCII)


def parse_installed(content: bytes) -> dict[str, str]:
    """Name -> version, in the file's order. Lines that are none are left out."""
    found = (_LINE.fullmatch(line) for line in content.decode(errors="replace").splitlines())
    pairs = [(line[1], line[2]) for line in found if line]
    return dict(pairs[:MOST])
