"""Files that notes show: kept under a secret that is hard to guess, as in GitLab."""

import re
import secrets
from pathlib import Path

from local.gitlab.instance import Instance
from local.gitlab.records import Project, Upload, now

IMAGES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}
"""What is shown in place; all else is a download."""


def safe_name(name: str) -> str:
    """GitLab's cleaning: what is no letter, digit, dot, dash, plus or underscore becomes an underscore."""
    last = re.split(r"[/\\]", name)[-1]
    clean = re.sub(r"[^\w.\-+]", "_", last, flags=re.ASCII)[:200]
    return clean if clean.strip("._") else f"_{clean}"


def keep_upload(at: Instance, *, project: Project, name: str, content: bytes) -> Upload:
    upload = at.store.add(
        Upload(
            id=0,
            project=project.id,
            secret=secrets.token_hex(16),
            filename=safe_name(name),
            size=len(content),
            created_at=now(),
        )
    )
    file = path_of(at, upload)
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    return upload


def path_of(at: Instance, upload: Upload) -> Path:
    # The secret and the clean name are ours: nothing from outside makes a path.
    return at.state / "uploads" / str(upload.project) / upload.secret / upload.filename


def markdown_of(upload: Upload) -> str:
    url = f"/uploads/{upload.secret}/{upload.filename}"
    if is_image(upload.filename):
        return f"![{alt_of(upload)}]({url})"
    return f"[{upload.filename}]({url})"


def alt_of(upload: Upload) -> str:
    return Path(upload.filename).stem if is_image(upload.filename) else upload.filename


def is_image(name: str) -> bool:
    return Path(name).suffix.lower() in IMAGES
