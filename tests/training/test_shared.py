"""Code that models share is where both sides of a run import it from: the script that trains, and what serves."""

import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from mergemaker.adapters.folder import read_folder
from tests.training.jobs import REPO, Train

SCRIPT = """\
import os, pickle
from lib.features.scale import Scale
with open(os.path.join(os.environ["SM_MODEL_DIR"], "model.pkl"), "wb") as file:
    pickle.dump(Scale(3), file)
"""
SHARED = """\
from pathlib import Path
class Scale:
    def __init__(self, by):
        self.by = by * int(Path(__file__).with_name("table.csv").read_text())
"""
INFERENCE = """\
import pickle
from lib import io
def model_fn(folder):
    return pickle.loads(io.read(folder + "/model.pkl"))
"""
SERVE = """\
import sys
from pathlib import Path
from serving.hooks import find_hooks
print(find_hooks(Path(sys.argv[1]) / "code").model_fn(sys.argv[1]).by)
"""


@pytest.mark.parametrize("script", ["train.py", "src/train.py"])
def test_it_is_imported_from_where_it_is_in_the_repository(train: Train, tmp_path: Path, script: str) -> None:
    root = tmp_path / "repository"
    files = {
        "training/Dockerfile": "FROM scratch",
        "models/prices/model.toml": f'[train]\nscript = "{script}"\nshared = ["lib/features", "lib/io.py"]\n',
        f"models/prices/{script}": SCRIPT,
        "models/prices/inference.py": INFERENCE,
        "lib/features/scale.py": SHARED,
        "lib/features/table.csv": "7",
        "lib/io.py": "def read(file):\n    return open(file, 'rb').read()\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "serving").mkdir()
    with tarfile.open(fileobj=io.BytesIO(read_folder(root, "prices").code.archive())) as archive:
        archive.extractall(tmp_path / "code", filter="data")
    bundle = {str(one.relative_to(tmp_path / "code")): one.read_text() for one in (tmp_path / "code").rglob("*.*")}

    job = train.run(bundle, script)

    assert job.code == 0, job.output
    served = [sys.executable, "-c", SERVE, str(job.model)]
    said = subprocess.run(
        served, cwd=tmp_path, env={"PYTHONPATH": str(REPO)}, capture_output=True, text=True, check=False
    )
    assert (said.stdout, said.stderr) == ("21\n", "")
