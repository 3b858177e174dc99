"""A model's folder on disk, read and packed: the same files give the same digests, on any machine."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path

from mergemaker.adapters.image_files import ImageFiles, sha256_of
from mergemaker.adapters.shared import NEVER_CODE, Shared
from mergemaker.adapters.tree import files_in, read
from mergemaker.domain.errors import UsageError
from mergemaker.domain.model import FILE, Prepare, model_name
from mergemaker.domain.model_toml import Around, parse_model
from mergemaker.domain.names import image_tag
from mergemaker.domain.settings import MODELS
from mergemaker.steps.bundle import LARGEST_BUNDLE, MOST_FILES, digest_of
from mergemaker.steps.submit import Folder, Packed


class Folders:
    """Of all models, in the folder `models` under `root`."""

    def __init__(self, root: Path, models: str = MODELS) -> None:
        self._root, self._models = root, models
        self._images = ImageFiles(root)

    def read(self, name: str) -> Folder:
        """Reads the model's folder. Raises UsageError that says what is missing."""
        root, models = self._root, self._models
        own = f"{models}/{model_name(name)}"
        folder = root / own
        if not folder.is_dir():
            known = ", ".join(model_names(root, models)) or "none"
            raise UsageError(f"no model {name!r}: there is no folder {own} (models here: {known})")
        settings = read(folder / FILE, root)
        there = dict(files_in(folder))
        code = {path: file for path, file in there.items() if path not in NEVER_CODE}
        if fault := _size_fault(code.values()):
            raise UsageError(f"{folder} has {fault}")
        shared = Shared(root, models, code)

        def share(path: str) -> Collection[str]:
            shared.take(path)
            if fault := _size_fault([*code.values(), *shared.code.values()]):
                raise UsageError(f"with {path} there are {fault}")
            return shared.code

        around = Around(own=there, share=share)
        spec = parse_model(name, settings.decode(errors="replace"), file=f"{own}/{FILE}", around=around)
        code.pop(spec.image.dockerfile or "", None)
        code |= shared.code
        parts = {} if spec.image.uri else self._images.of(folder, spec.image.dockerfile, there)
        return Folder(
            spec=spec,
            settings=settings,
            code=Packed(digest=_digest(code), archive=lambda: _tar(code)),
            image_tag=spec.image.uri or image_tag(name, self._images.digest(parts)),
            image_context=lambda: _zip(parts),
            prepare_code=_prepare_code(spec.prepare, code) if spec.prepare else None,
        )


def read_folder(root: Path, name: str, models: str = MODELS) -> Folder:
    """Of one model alone."""
    return Folders(root, models).read(name)


def _prepare_code(prepare: Prepare, code: Mapping[str, Path]) -> Packed:
    """Only what model.toml names: what a script could import otherwise would not count when it changes."""
    named = {prepare.script, *(path.rstrip("/") for path in prepare.files)}
    taken = {
        path: file for path, file in code.items() if any(path == one or path.startswith(f"{one}/") for one in named)
    }
    return Packed(digest=_digest(taken), archive=lambda: _tar(taken))


def model_names(root: Path, models: str = MODELS) -> list[str]:
    """Folders in `models` under `root` that say they are models."""
    return sorted(file.parent.name for file in (root / models).glob(f"*/{FILE}"))


def _size_fault(files: Collection[Path]) -> str | None:
    if len(files) > MOST_FILES:
        return f"{len(files):,} files, at most {MOST_FILES:,}: data belongs into the bucket"
    size = sum(file.stat().st_size for file in files)
    if size > LARGEST_BUNDLE:
        return f"{size:,} bytes of code, at most {LARGEST_BUNDLE:,}: data belongs into the bucket"
    return None


def _executable(file: Path) -> bool:
    return bool(file.stat().st_mode & 0o100)


def _digest(files: dict[str, Path]) -> str:
    return digest_of((path, _executable(file), sha256_of(file)) for path, file in files.items())


def _tar(files: dict[str, Path]) -> bytes:
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        for path, file in sorted(files.items()):
            entry = tarfile.TarInfo(path)
            content = file.read_bytes()
            entry.size, entry.mode = len(content), 0o755 if _executable(file) else 0o644
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def _zip(files: dict[str, Path]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, file in sorted(files.items()):
            entry = zipfile.ZipInfo(path, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if _executable(file) else 0o100644) << 16
            archive.writestr(entry, file.read_bytes())
    return out.getvalue()
