"""A container's folder under the name that it has on SageMaker, /opt/ml, which scripts may know by heart.

Linux lets a process have mounts of its own. Where it does not (or where this is no Linux), a script finds its folders
by SageMaker's variables only.
"""

import functools
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from local.aws.errors import invalid

OPT_ML = PurePosixPath("/opt/ml")
CHECKPOINTS = str(OPT_ML / "checkpoints")

_MOUNT = """
set -eu
base=$1; shift
if [ ! -d /opt/ml ]; then
  # A folder that is not there cannot be mounted on, and the machine's /opt is not ours to change: a new one, that shows
  # all that the old one has.
  old=$(mktemp -d)
  mount --rbind /opt "$old"
  mount -t tmpfs none /opt
  for path in "$old"/*; do
    name=/opt/${path##*/}
    if [ -L "$path" ]; then cp -P "$path" "$name"
    elif [ -d "$path" ]; then mkdir "$name" && mount --rbind "$path" "$name"
    elif [ -e "$path" ]; then : >"$name" && mount --bind "$path" "$name"
    fi
  done
  mkdir /opt/ml
  umount -l "$old"
  rmdir "$old"
fi
mount --bind "$base" /opt/ml
exec "$@"
"""


def as_opt_ml(base: Path, command: Sequence[str]) -> list[str]:
    """`command`, so that it sees `base` as /opt/ml, too."""
    return [*_wrapper(), str(base), *command] if _wrapper() else list(command)


@functools.cache
def _wrapper() -> tuple[str, ...]:
    own_mounts = ["--mount"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--mount"]
    wrapper = ("unshare", *own_mounts, "sh", "-c", _MOUNT, "opt_ml")
    try:
        tried = subprocess.run([*wrapper, "/", "true"], check=False, capture_output=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return wrapper if tried.returncode == 0 else ()


def has_own_mounts() -> bool:
    """Whether a container sees its folder as /opt/ml here."""
    return bool(_wrapper())


def below(base: Path, checkpoints: dict[str, Any]) -> Path:
    """Where a container's checkpoints are. Raises AwsError for a place that it does not have here."""
    path = PurePosixPath(checkpoints.get("LocalPath", CHECKPOINTS))
    if not path.is_relative_to(OPT_ML) or ".." in path.parts:
        raise invalid(f"CheckpointConfig.LocalPath: on the laptop cloud it must be below {OPT_ML}")
    return in_folder(base, str(path))


def in_folder(base: Path, path: str) -> Path:
    """Of a path below /opt/ml, where it is in the folder that the container sees there."""
    return base / PurePosixPath(path).relative_to(OPT_ML)
