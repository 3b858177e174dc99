"""Which of the code goes into the model, beside what the script saved there."""

import shutil
from pathlib import Path

_LEFT_OUT = ("__pycache__", "*.pyc", ".*", "test_*.py", "*_test.py", "conftest.py", "setup.py", "tests", "test")


def copy_code(source: Path, target: Path) -> list[str]:
    """Copies the modules and packages in `source` to `target`; returns their names, sorted.

    What a module of the model may import: Python files and packages (whole, since data inside a package belongs to its
    code), but no tests, and nothing else that lies there or that the script wrote there. Does nothing where `target`
    exists: then the script has chosen by itself. Links are left out; they could lead anywhere.
    """
    if target.exists() or target.is_symlink():
        return []
    left_out = shutil.ignore_patterns(*_LEFT_OUT)
    names = sorted(path.name for path in source.iterdir() if _is_code(path))
    names = [name for name in names if name not in left_out(str(source), names)]
    for name in names:
        _copy(source / name, target / name)
    return names


def _is_code(path: Path) -> bool:
    if path.is_symlink():
        return False
    return path.suffix == ".py" if path.is_file() else (path / "__init__.py").is_file()


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=_ignored)
    else:
        shutil.copyfile(source, target)


def _ignored(folder: str, names: list[str]) -> set[str]:
    links = {name for name in names if (Path(folder) / name).is_symlink()}
    return links | shutil.ignore_patterns(*_LEFT_OUT)(folder, names)
